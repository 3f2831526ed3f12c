//! API keys: issued, listed, revoked. Each call that is about a tenant is in its trail.

use crate::{
    handler::Handler,
    owner::{self, Listing},
};
use http_api::{
    Problem, Request, Response,
    keys::{self, new_key},
};
use serde_json::{Value, json};

pub async fn create(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let (grant, idempotency) = keys::create(request)?;
    if let Some(tenant) = &grant.tenant_id {
        handler.audit.accessed(tenant, &request.route_key, key_id).await?;
    }
    let new = handler.keys.create(key_id, &grant, idempotency.as_ref()).await?;
    Ok(Response::json(201, &new_key(&new)).replayed(new.key.is_none()))
}

pub async fn list(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let Listing { tenant, limit, cursor, after } = owner::listing(handler, request, key_id).await?;
    let (views, next) = handler.keys.list(tenant.as_ref(), limit, after).await?;
    let items: Vec<Value> = views.iter().map(keys::key).collect();
    let next = next.map(|place| cursor.encode(&place));
    Ok(Response::json(200, &json!({ "items": items, "next_cursor": next })))
}

pub async fn revoke(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    // Ids of keys have the form of any id.
    let id: domain::JobId = request.known_id("key_id")?;
    let view = handler.keys.revoke(key_id, id.as_str()).await?;
    if let Some(tenant) = &view.grant.tenant_id {
        handler.audit.accessed(tenant, &request.route_key, key_id).await?;
    }
    Ok(Response::json(200, &keys::key(&view)))
}
