//! Circuit breakers: shown, and forced.

use crate::{
    handler::Handler,
    owner::{self, Listing},
};
use http_api::{Problem, Request, Response, operations::circuit};
use resilience::breaker::{Circuit, CircuitKey, ForceError, Mode};
use serde_json::{Value, json};

pub async fn list(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let Listing { tenant, limit, cursor, after } = owner::listing(handler, request, key_id).await?;
    let breakers = &handler.force.0;
    let (mut circuits, next) = breakers.store.list(limit, after).await?;
    // A provider's own circuit concerns every tenant.
    circuits.retain(|circuit| tenant.is_none() || circuit.key.tenant.is_none() || circuit.key.tenant == tenant);
    circuits.sort_by(|a, b| a.key.cmp(&b.key));
    let items: Vec<Value> = circuits.iter().map(|circuit| shown(handler, circuit)).collect();
    let next = next.map(|place| cursor.encode(&place));
    Ok(Response::json(200, &json!({ "items": items, "next_cursor": next })))
}

fn shown(handler: &Handler, one: &Circuit) -> Value {
    circuit(one, handler.force.0.clock.now(), &handler.force.0.policy)
}

pub async fn force(handler: &Handler, request: &Request, key_id: &str, mode: Mode) -> Result<Response, Problem> {
    let unknown = || {
        Problem::not_found(
            "there is no such circuit: its name is that of a provider, such as stripe, or stripe.<tenant>",
        )
    };
    let key = CircuitKey::parse(request.path("key")).ok_or_else(unknown)?;
    if !handler.providers.contains(&key.provider.as_str()) {
        return Err(unknown());
    }
    if let Some(tenant) = &key.tenant {
        handler.audit.accessed(tenant, &request.route_key, key_id).await?;
    }
    let forced = handler.force.into_mode(&key, mode, key_id).await.map_err(|error| match error {
        ForceError::Store(error) => error.into(),
        ForceError::KeptChanging(_) => Problem::busy(error.to_string()),
    })?;
    Ok(Response::json(200, &shown(handler, &forced)).etag(forced.epoch))
}
