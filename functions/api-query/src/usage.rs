//! What a tenant used, and which errors it met: sums and counts out of their projections.

use crate::{
    handler::Handler,
    lists::{day, id},
    wait::{own_write, read_problem},
};
use application::Caller;
use domain::{Aggregate, JobId, ReconciliationId, Timestamp, reconciliation::Reconciliation, saga::Saga};
use http_api::{Problem, Request, Response, page::limit};
use projections::{
    HotspotFilter, Projection, UsageDays,
    error_hotspots::ErrorHotspots,
    tenant_usage::{TenantUsage, day_of},
};
use serde_json::json;

const DAY_MS: i64 = 86_400_000;
/// Days shown when the request names no first one, the last one included.
const DEFAULT_DAYS: i64 = 31;

/// A day that has neighbours: beyond these years a day more or less is no date any more.
fn usage_day(request: &Request, name: &str) -> Result<Option<String>, Problem> {
    let Some(day) = day(request, name)? else { return Ok(None) };
    if ("1970-01-01".."9999-01-01").contains(&day.as_str()) {
        return Ok(Some(day));
    }
    Err(Problem::parameter(&format!("query:{name}"), "must lie between 1970-01-01 and 9998-12-31"))
}

/// The day `days` before `day`.
fn before(day: &str, days: i64) -> Result<String, Problem> {
    let midnight = Timestamp::parse(&format!("{day}T00:00:00Z"))
        .map_err(|error| Problem::parameter("query:to", error.to_string()))?;
    Ok(day_of(Timestamp::from_millis(midnight.millis().saturating_sub(days * DAY_MS))))
}

pub async fn daily(handler: &Handler, request: &Request, caller: &Caller) -> Result<Response, Problem> {
    let to = usage_day(request, "to")?.unwrap_or_else(|| day_of(handler.clock.now()));
    let from = match usage_day(request, "from")? {
        Some(from) => from,
        None => before(&to, DEFAULT_DAYS - 1)?,
    };
    if from > to {
        return Err(Problem::parameter("query:from", format!("lies after the last day, {to}")));
    }
    let limit = limit(request)?;
    let followed = (TenantUsage::NAME, Reconciliation::TYPE);
    own_write::<ReconciliationId>(handler, request, "reconciliation_id", followed, &caller.tenant).await?;
    let days = UsageDays { from, to };
    let page =
        handler.models.usage(&caller.tenant, &days, limit, request.query("cursor")).await.map_err(read_problem)?;
    let as_of = page.items.iter().filter_map(|day| day.as_of).max();
    Ok(Response::json(200, &json!({ "items": page.items, "next_cursor": page.next_cursor, "as_of": as_of })))
}

pub async fn hotspots(handler: &Handler, request: &Request, caller: &Caller) -> Result<Response, Problem> {
    let filter = HotspotFilter {
        job_id: id::<JobId>(request, "job_id")?,
        reconciliation_id: id::<ReconciliationId>(request, "reconciliation_id")?,
    };
    let limit = limit(request)?;
    let followed = (ErrorHotspots::NAME, Saga::TYPE);
    own_write::<ReconciliationId>(handler, request, "reconciliation_id", followed, &caller.tenant).await?;
    let page = handler.models.error_hotspots(&caller.tenant, &filter, limit, request.query("cursor")).await;
    let page = page.map_err(read_problem)?;
    let as_of = page.items.iter().map(|spot| spot.last_seen).max();
    Ok(Response::json(200, &json!({ "items": page.items, "next_cursor": page.next_cursor, "as_of": as_of })))
}
