//! Read models: where they stand, whether they are complete, and what brings them up to the log again. Rows are written
//! by the projections' own functions alone; here work is registered and asked for.

use crate::{
    handler::Handler,
    owner::{self, read_problem},
};
use async_trait::async_trait;
use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use domain::{Aggregate, ReconciliationId, Timestamp, reconciliation::Reconciliation};
use http_api::{Cursor, Problem, Request, Response, body::operators_object, page::limit, routes::Route};
use projections::{
    ALL, ReadError, Registered, compare as comparing, named,
    rebuild::{Rebuild, RequestError, Scope, Work, request as register},
};
use runtime::SdkConfig;
use serde_json::{Value, json};

/// Where work is asked for.
#[async_trait]
pub trait WorkQueue: Send + Sync {
    async fn ask(&self, work: &Work) -> Result<(), Problem>;
}

#[derive(Debug)]
pub struct SqsWork {
    client: Client,
    queue_url: String,
}

impl SqsWork {
    pub fn new(aws: &SdkConfig, queue_url: String) -> Self {
        Self { client: Client::new(aws), queue_url }
    }
}

#[async_trait]
impl WorkQueue for SqsWork {
    async fn ask(&self, work: &Work) -> Result<(), Problem> {
        let body = serde_json::to_string(work).map_err(|error| Problem::internal(error.to_string()))?;
        let sent = self.client.send_message().queue_url(&self.queue_url).message_body(body).send().await;
        sent.map(|_| ()).map_err(|error| Problem::busy(DisplayErrorContext(&error).to_string()))
    }
}

/// A rebuild as operators see it, without what only its next step needs.
fn shown(rebuild: &Rebuild) -> Result<Value, Problem> {
    let mut shown = serde_json::to_value(rebuild).map_err(|error| Problem::internal(error.to_string()))?;
    if let Some(object) = shown.as_object_mut() {
        object.remove("cursor");
        object.remove("not_before");
    }
    Ok(shown)
}

pub async fn list(handler: &Handler) -> Result<Response, Problem> {
    let mut items = Vec::with_capacity(ALL.len());
    for projection in &ALL {
        let registration = handler.registry.registration(projection.name).await.map_err(fault)?;
        items.push(json!({
            "projection": projection.name,
            "aggregate_type": projection.aggregate,
            "live": registration.versions.live,
            "building": registration.versions.building,
            "live_format": registration.format,
            "format": projection.format,
            "rebuild": registration.rebuild.as_ref().map(shown).transpose()?,
        }));
    }
    Ok(Response::json(200, &json!({ "items": items, "next_cursor": null, "as_of": handler.clock.now() })))
}

fn fault(fault: projections::Fault) -> Problem {
    read_problem(ReadError::Store(fault))
}

pub async fn compare(handler: &Handler, request: &Request) -> Result<Response, Problem> {
    let limit = limit(request)?;
    let cursor = Cursor::of(request, "", &[]);
    let after = cursor.read(request)?;
    let now = handler.clock.now();
    let (store, registry) = (handler.store.as_ref(), handler.registry.as_ref());
    let page = comparing::compare(store, registry, &ALL, (limit, after), now).await.map_err(fault)?;
    let mut body = json!(page);
    body["next_cursor"] = json!(page.next.map(|next| cursor.encode(&next)));
    Ok(Response::json(200, &body))
}

/// The body, held against its shape.
fn body(request: &Request) -> Result<Value, Problem> {
    let body = operators_object(request)?;
    let shape = Route::find(&request.route_key).and_then(|route| route.body);
    let errors = shape.map(|shape| shape.check(&body)).unwrap_or_default();
    if errors.is_empty() { Ok(body) } else { Err(Problem::fields(errors)) }
}

fn text<'b>(body: &'b Value, name: &str) -> Option<&'b str> {
    body.get(name).and_then(Value::as_str)
}

fn instant(body: &Value, name: &str) -> Option<Timestamp> {
    text(body, name).and_then(|text| Timestamp::parse(text).ok())
}

async fn scope(handler: &Handler, request: &Request, body: &Value, key_id: &str) -> Result<Scope, Problem> {
    let about = |pointer: &str, detail: &str| Problem::parameter(pointer, detail);
    let range = (instant(body, "from"), instant(body, "to"));
    match (text(body, "reconciliation_id"), range) {
        (None, (None, None)) => Ok(Scope::All),
        (None, (Some(from), Some(to))) if from < to => Ok(Scope::Range { from, to }),
        (None, (Some(_), Some(_))) => Err(about("/to", "must lie after from")),
        (None, (Some(_), None)) => Err(about("/to", "is required with from")),
        (None, (None, Some(_))) => Err(about("/from", "is required with to")),
        (Some(_), (Some(_), _) | (_, Some(_))) => {
            Err(about("/reconciliation_id", "stands alone: leave out from and to, or the run"))
        }
        (Some(id), (None, None)) => {
            let reconciliation_id =
                ReconciliationId::parse(id).map_err(|error| about("/reconciliation_id", &error.to_string()))?;
            let tenant_id = owner::of(handler, request, key_id, Reconciliation::TYPE, id).await?;
            Ok(Scope::Reconciliation { tenant_id, reconciliation_id })
        }
    }
}

pub async fn rebuild(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let body = body(request)?;
    let scope = scope(handler, request, &body, key_id).await?;
    let wanted: Vec<Registered> = match text(&body, "projection").and_then(named) {
        Some(projection) => vec![projection],
        // A run has no part in the jobs.
        None if matches!(scope, Scope::Reconciliation { .. }) => {
            ALL.into_iter().filter(Registered::follows_runs).collect()
        }
        None => ALL.to_vec(),
    };
    let mut rebuilds = Vec::with_capacity(wanted.len());
    for projection in &wanted {
        let requested =
            register(handler.registry.as_ref(), projection, &scope, Some(key_id), handler.clock.now()).await;
        let requested = requested.map_err(refused)?;
        // Asked for again, also when it is under way: if its last message was lost, this one takes its place.
        handler.work.ask(&Work::Rebuild { projection: projection.name.to_owned() }).await?;
        tracing::info!(projection = projection.name, key_id, resumed = requested.resumed, "rebuild asked for");
        rebuilds.push(json!({
            "projection": projection.name,
            "rebuild": shown(&requested.rebuild)?,
            "resumed": requested.resumed,
        }));
    }
    Ok(Response::json(202, &json!({ "rebuilds": rebuilds })))
}

fn refused(error: RequestError) -> Problem {
    match error {
        RequestError::Busy { .. } => domain::Decline::conflict(error.to_string()).into(),
        RequestError::OutOfScope(_) => Problem::parameter("/projection", error.to_string()),
        RequestError::Store(cause) => fault(cause),
    }
}

pub async fn unpark(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let body = body(request)?;
    let (Some(projection), Some(id)) = (text(&body, "projection").and_then(named), text(&body, "aggregate_id")) else {
        return Err(Problem::internal("a body that fits its shape lacks a field"));
    };
    let tenant_id = owner::of(handler, request, key_id, projection.aggregate, id).await?;
    let work = Work::Unpark {
        projection: projection.name.to_owned(),
        tenant_id: tenant_id.clone(),
        aggregate_id: id.to_owned(),
    };
    handler.work.ask(&work).await?;
    let body = json!({ "projection": projection.name, "tenant_id": tenant_id, "aggregate_id": id });
    Ok(Response::json(202, &body))
}
