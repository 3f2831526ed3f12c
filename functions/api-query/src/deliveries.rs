//! What was sent to an endpoint, newest first.

use crate::handler::Handler;
use application::Caller;
use domain::EndpointId;
use http_api::{Cursor, Page, Problem, Request, Response, items, page::limit};
use serde_json::json;
use webhooks::store::Position;

/// A cursor's position is the last row's time and id.
fn position(text: &str) -> Option<Position> {
    let (created_at, delivery_id) = text.split_once('#')?;
    Some(Position { created_at: created_at.to_owned(), delivery_id: delivery_id.parse().ok()? })
}

pub async fn page(handler: &Handler, request: &Request, caller: &Caller) -> Result<Response, Problem> {
    let endpoint: EndpointId = request.known_id("endpoint_id")?;
    let limit = limit(request)?;
    let cursor = Cursor::of(request, caller.tenant.as_str(), &[]);
    let after = cursor.read(request)?;
    let after = after
        .map(|text| position(&text).ok_or_else(|| Problem::internal("a sealed cursor holds no position")))
        .transpose()?;
    if handler.deliveries.job_of(&caller.tenant, &endpoint).await?.is_none() {
        return Err(Problem::not_found("there is no such webhook endpoint"));
    }
    let found = handler.deliveries.list(&caller.tenant, &endpoint, limit, after).await?;
    let items = found.deliveries.iter().map(items::delivery).collect::<Result<Vec<_>, _>>()?;
    let next = found.next.map(|last| format!("{}#{}", last.created_at, last.delivery_id));
    // Read from where they are written: as of now.
    Ok(Response::json(200, &cursor.body(Page { items, next }, json!({ "as_of": handler.clock.now() }))))
}
