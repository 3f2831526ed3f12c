//! Sagas: the list out of its projection, one of them out of its ledger, consistently.

use crate::{
    handler::Handler,
    owner::{self, read_problem},
};
use application::Caller;
use domain::{
    Aggregate, ReconciliationId, TenantId,
    saga::{Saga, SagaStatus},
};
use event_store::StreamKey;
use http_api::{
    Problem, Request, Response,
    page::{limit, min_version_of},
    shapes,
    steering::{self, Steer},
};
use projections::{
    Projection, SagaFilter, own_write,
    projection::fold,
    saga_state::{SAGA_TYPE, SagaState},
};
use serde_json::json;

pub async fn list(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let filter = SagaFilter {
        tenant: owner::named(request)?,
        status: request.parsed("status", "a status of a saga, such as running or stuck", SagaStatus::parse)?,
    };
    let limit = limit(request)?;
    if let Some(tenant) = &filter.tenant {
        handler.audit.accessed(tenant, &request.route_key, key_id).await?;
    }
    if let Some((wanted, id)) = min_version_of::<ReconciliationId>(request, "saga_id")? {
        let missing = || Problem::parameter("query:tenant_id", "is required with min_version: whose saga it is");
        let stream = StreamKey::new(filter.tenant.as_ref().ok_or_else(missing)?, Saga::TYPE, id.as_str());
        own_write::wait_for(handler.models.as_ref(), SagaState::NAME, &stream, wanted).await.map_err(read_problem)?;
    }
    let page = handler.models.list_sagas(&filter, limit, request.query("cursor")).await.map_err(read_problem)?;
    let as_of = page.items.iter().map(|saga| saga.as_of).max();
    Ok(Response::json(200, &json!({ "items": page.items, "next_cursor": page.next_cursor, "as_of": as_of })))
}

/// The saga that the path names and its tenant, in whose trail the access is afterwards.
async fn named(handler: &Handler, request: &Request, key_id: &str) -> Result<(TenantId, ReconciliationId), Problem> {
    if request.path("saga_type") != SAGA_TYPE {
        return Err(Problem::not_found("there is no such type of saga"));
    }
    let id: ReconciliationId = request.known_id("saga_id")?;
    Ok((owner::of(handler, request, key_id, Saga::TYPE, id.as_str()).await?, id))
}

/// The commands that tenants have too.
pub async fn steer(handler: &Handler, request: &Request, key_id: String, command: Steer) -> Result<Response, Problem> {
    let (tenant, id) = named(handler, request, &key_id).await?;
    handler.steering.carry_out(command, request, &Caller { tenant, key_id }, &id).await
}

pub async fn kill(handler: &Handler, request: &Request, key_id: String) -> Result<Response, Problem> {
    let (tenant, id) = named(handler, request, &key_id).await?;
    let caller = Caller { tenant, key_id };
    let (body, conditions) = steering::read(request, &caller, &shapes::KILL)?;
    match handler.admin.kill(&caller, &id, steering::text(&body, "reason"), conditions).await {
        Ok((steered, left)) => Ok(steering::with_left(&steered, Some(&left))),
        Err(error) => Err(handler.steering.refused(error, &caller, &id).await),
    }
}

pub async fn skip_undo(handler: &Handler, request: &Request, key_id: String) -> Result<Response, Problem> {
    let (tenant, id) = named(handler, request, &key_id).await?;
    let caller = Caller { tenant, key_id };
    let (body, conditions) = steering::read(request, &caller, &shapes::SKIP_UNDO)?;
    let reason = steering::text(&body, "reason").unwrap_or_default();
    match handler.admin.skip_undo(&caller, &id, (steering::step(&body, "step"), reason), conditions).await {
        Ok(steered) => Ok(steering::answer(&steered)),
        Err(error) => Err(handler.steering.refused(error, &caller, &id).await),
    }
}

pub async fn one(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let (tenant, id) = named(handler, request, key_id).await?;
    let commits = handler.store.load(&StreamKey::new(&tenant, Saga::TYPE, id.as_str()), 0).await?;
    let events: Vec<_> = commits.into_iter().flat_map(|commit| commit.events).collect();
    let saga = fold::<SagaState>(&events).map_err(|error| Problem::internal(error.to_string()))?;
    let saga = saga.ok_or_else(|| Problem::not_found("there is no such saga"))?;
    Ok(Response::json(200, &json!(saga)).etag(saga.version))
}
