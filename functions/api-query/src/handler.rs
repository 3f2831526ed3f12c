//! Translate, read, translate. One thing by id is folded from its stream, consistently; lists come from read models.

use crate::{cost, deliveries, lists, matches, usage};
use application::Caller;
use domain::{
    Clock, ErrorName, ReconciliationId, Timestamp,
    connection::Connection,
    decision::Decisions,
    job::Job,
    ports::{Blobs, ConsumptionLog, Executions},
    reconciliation::{Published, Reconciliation, Run},
    saga::Saga,
};
use event_store::{EventStore, Loaded, StreamKey, load};
use http_api::{Problem, Request, Response, audit::Audit, caller, close, items, open, page::min_version, routes};
use projections::{ReadModels, ResultPages, summary_of};
use saga::{ReportFile, report_file};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc};
use webhooks::Deliveries;

/// How long the address of a report is good.
const REPORT_VALID_S: u32 = 15 * 60;

pub struct Handler {
    pub store: Arc<dyn EventStore>,
    pub models: Arc<dyn ReadModels>,
    pub pages: Arc<dyn ResultPages>,
    pub deliveries: Arc<dyn Deliveries>,
    pub blobs: Arc<dyn Blobs>,
    pub clock: Arc<dyn Clock>,
    pub audit: Audit,
    pub consumption: Arc<dyn ConsumptionLog>,
    pub executions: Arc<dyn Executions>,
}

/// A run whose results are asked for.
pub struct Results {
    pub id: ReconciliationId,
    pub version: u64,
    pub as_of: Option<Timestamp>,
    /// None before results are visible, and for a run that failed.
    pub published: Option<Published>,
    /// What people decided about them since.
    pub decisions: Decisions,
}

impl Handler {
    pub async fn handle(&self, event: Value) -> Result<Value, Infallible> {
        let request = match open(event) {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        Ok(close(&request, self.answer(&request).await))
    }

    async fn answer(&self, request: &Request) -> Result<Response, Problem> {
        if request.route_key == routes::GET_HEALTH {
            return Ok(Response::json(200, &json!({ "status": "ok" })));
        }
        let known =
            routes::Route::find(&request.route_key).ok_or_else(|| Problem::not_found("there is no such route"))?;
        let access = caller(request)?;
        if access.by_platform {
            self.audit.accessed(&access.caller.tenant, &request.route_key, &access.caller.key_id).await?;
        }
        let caller = &access.caller;
        match known.key {
            routes::GET_CONNECTION => self.connection(request, caller).await,
            routes::LIST_JOBS => lists::jobs(self, request, caller).await,
            routes::GET_JOB => self.job(request, caller).await,
            routes::LIST_RECONCILIATIONS => lists::reconciliations(self, request, caller).await,
            routes::GET_RECONCILIATION => self.reconciliation(request, caller).await,
            routes::GET_MATCHES => matches::page(self, request, caller, self.results(request, caller).await?).await,
            routes::GET_SUGGESTIONS | routes::GET_UNMATCHED | routes::GET_EXCLUDED | routes::GET_ORDERS => {
                lists::results(self, request, caller, self.results(request, caller).await?).await
            }
            routes::LIST_DELIVERIES => deliveries::page(self, request, caller).await,
            routes::GET_USAGE => usage::daily(self, request, caller).await,
            routes::GET_ERROR_HOTSPOTS => usage::hotspots(self, request, caller).await,
            routes::GET_REPORT => self.report(request, caller).await,
            _ => Err(Problem::not_found("there is no such route")),
        }
    }

    async fn connection(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        min_version(request)?;
        let id: domain::ConnectionId = request.known_id("id")?;
        let loaded = load::<Connection>(self.store.as_ref(), &caller.tenant, id.as_str()).await?;
        let configured = loaded.state.ok_or_else(|| Problem::not_found("there is no such connection"))?;
        let body = json!({ "connection_id": id, "adapter": configured.adapter, "version": loaded.version, "as_of": loaded.as_of });
        Ok(Response::json(200, &body).etag(loaded.version))
    }

    async fn job(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        min_version(request)?;
        let id: domain::JobId = request.known_id("id")?;
        let loaded = load::<Job>(self.store.as_ref(), &caller.tenant, id.as_str()).await?;
        let (_, definition) = loaded.state.current().ok_or_else(|| Problem::not_found("there is no such job"))?;
        let mut body = items::job(&id, definition, loaded.version)?;
        body["created_at"] = json!(loaded.origin.map(|origin| origin.timestamp));
        body["updated_at"] = json!(loaded.as_of);
        body["as_of"] = json!(loaded.as_of);
        Ok(Response::json(200, &body).etag(loaded.version))
    }

    async fn reconciliation(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        min_version(request)?;
        let id: ReconciliationId = request.known_id("id")?;
        let with_cost = request.parsed("cost", "true or false", |text| text.parse::<bool>().ok())?;
        let stream = StreamKey::new(&caller.tenant, <Reconciliation as domain::Aggregate>::TYPE, id.as_str());
        let commits = self.store.load(&stream, 0).await?;
        let events: Vec<_> = commits.into_iter().flat_map(|commit| commit.events).collect();
        let summary =
            summary_of(&caller.tenant, id.as_str(), &events).map_err(|error| Problem::internal(error.to_string()))?;
        let summary = summary.ok_or_else(|| Problem::not_found("there is no such reconciliation"))?;
        let saga = load::<Saga>(self.store.as_ref(), &caller.tenant, id.as_str()).await?;
        let mut body = serde_json::to_value(&summary).map_err(|error| Problem::internal(error.to_string()))?;
        body["current_step"] = json!(saga.state.and_then(|saga| saga.current()));
        if with_cost == Some(true) {
            let cost = cost::of_run(self, &caller.tenant, &id, summary.status.has_ended()).await?;
            body["cost"] = serde_json::to_value(&cost).map_err(|error| Problem::internal(error.to_string()))?;
        }
        Ok(Response::json(200, &body).etag(summary.version))
    }

    async fn results(&self, request: &Request, caller: &Caller) -> Result<Results, Problem> {
        let id: ReconciliationId = request.known_id("id")?;
        let loaded: Loaded<Option<Run>> =
            load::<Reconciliation>(self.store.as_ref(), &caller.tenant, id.as_str()).await?;
        let run = loaded.state.ok_or_else(|| Problem::not_found("there is no such reconciliation"))?;
        Ok(Results {
            id,
            version: loaded.version,
            as_of: loaded.as_of,
            published: run.published,
            decisions: run.decisions,
        })
    }

    async fn report(&self, request: &Request, caller: &Caller) -> Result<Response, Problem> {
        let parse = |format: &str| ["csv", "jsonl"].into_iter().find(|known| *known == format);
        let format = request
            .parsed("format", "csv or jsonl", parse)?
            .ok_or_else(|| Problem::parameter("query:format", "is required: csv or jsonl"))?;
        let Results { id, version, published, decisions, .. } = self.results(request, caller).await?;
        let published =
            published.ok_or_else(|| domain::Decline::conflict("no result is published, so there is no report"))?;
        let (of, as_of) = ((&caller.tenant, &id), (&decisions, version));
        let file = report_file(self.blobs.as_ref(), of, &published, as_of, format).await;
        let ReportFile { key, includes_decisions } = file.map_err(|error| match error.name {
            ErrorName::Transient => Problem::busy(error.message),
            _ => Problem::internal(error.to_string()),
        })?;
        let url = self.blobs.sign(&key, &format!("{id}.{format}"), REPORT_VALID_S).await?;
        let expires_at = Timestamp::from_millis(self.clock.now().millis() + i64::from(REPORT_VALID_S) * 1_000);
        Ok(Response::json(
            200,
            &json!({ "url": url, "expires_at": expires_at, "includes_decisions": includes_decisions }),
        ))
    }
}
