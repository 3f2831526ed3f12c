//! Lists out of read models and result pages.

use crate::{
    decided::Decided,
    handler::{Handler, Results},
    wait::{own_write, read_problem},
};
use application::Caller;
use domain::{
    Aggregate, DateRange, JobId, ReconciliationId, Timestamp,
    job::Job,
    matches::{Exception, OrderState},
    reconciliation::{Reconciliation, Status},
};
use http_api::{Problem, Request, Response, items, page::limit, routes};
use projections::{
    Projection, ReconciliationFilter, ResultList, jobs::Jobs, read_page, reconciliation_summary::ReconciliationSummary,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub fn day(request: &Request, name: &str) -> Result<Option<String>, Problem> {
    request.parsed(name, "a date (YYYY-MM-DD)", |text| {
        let day = DateRange { start: text.to_owned(), end: text.to_owned() };
        day.validate().ok().map(|()| text.to_owned())
    })
}

pub fn id<T: TryFrom<String>>(request: &Request, name: &str) -> Result<Option<T>, Problem> {
    request.parsed(name, "an id", |text| T::try_from(text.to_owned()).ok())
}

/// A page of views. `as_of` is that of the newest row on it.
pub fn listed<T: serde::Serialize>(
    page: &projections::Page<T>,
    as_of: impl Fn(&T) -> Timestamp,
) -> Result<Response, Problem> {
    let items = serde_json::to_value(&page.items).map_err(|error| Problem::internal(error.to_string()))?;
    let as_of = page.items.iter().map(as_of).max();
    Ok(Response::json(200, &json!({ "items": items, "next_cursor": page.next_cursor, "as_of": as_of })))
}

pub async fn jobs(handler: &Handler, request: &Request, caller: &Caller) -> Result<Response, Problem> {
    let limit = limit(request)?;
    own_write::<JobId>(handler, request, "job_id", (Jobs::NAME, Job::TYPE), &caller.tenant).await?;
    let page = handler.models.list_jobs(&caller.tenant, limit, request.query("cursor")).await.map_err(read_problem)?;
    listed(&page, |job| job.as_of)
}

pub async fn reconciliations(handler: &Handler, request: &Request, caller: &Caller) -> Result<Response, Problem> {
    let status = |text: &str| Status::ALL.into_iter().find(|status| status.as_str() == text);
    let filter = ReconciliationFilter {
        status: request.parsed("status", "a status of a run, such as running or failed", status)?,
        job_id: id::<JobId>(request, "job_id")?,
        from: day(request, "from")?,
        to: day(request, "to")?,
    };
    let limit = limit(request)?;
    let followed = (ReconciliationSummary::NAME, Reconciliation::TYPE);
    own_write::<ReconciliationId>(handler, request, "reconciliation_id", followed, &caller.tenant).await?;
    let page = handler
        .models
        .list_reconciliations(&caller.tenant, &filter, limit, request.query("cursor"))
        .await
        .map_err(read_problem)?;
    let ids: Vec<&str> = page.items.iter().map(|summary| summary.reconciliation_id.as_str()).collect();
    let steps = handler.models.current_steps(&caller.tenant, &ids).await.map_err(read_problem)?;
    let mut items = Vec::with_capacity(page.items.len());
    for (summary, step) in page.items.iter().zip(steps) {
        let mut item = serde_json::to_value(summary).map_err(|error| Problem::internal(error.to_string()))?;
        item["current_step"] = json!(step);
        items.push(item);
    }
    let as_of = page.items.iter().map(|summary| summary.as_of).max();
    Ok(Response::json(200, &json!({ "items": items, "next_cursor": page.next_cursor, "as_of": as_of })))
}

/// What the pages hold, in the words of the API.
fn row<T: DeserializeOwned>(row: Value, show: impl Fn(&T) -> Result<Value, Problem>) -> Result<Value, Problem> {
    let row = serde_json::from_value(row)
        .map_err(|error| Problem::internal(format!("a row of a result does not decode: {error}")))?;
    show(&row)
}

pub async fn results(handler: &Handler, request: &Request, caller: &Caller, run: Results) -> Result<Response, Problem> {
    let state = |text: &str| OrderState::ALL.into_iter().find(|state| state.as_str() == text);
    let lists: Vec<ResultList> = match request.route_key.as_str() {
        routes::GET_SUGGESTIONS => vec![ResultList::Suggested],
        routes::GET_UNMATCHED => vec![ResultList::Unmatched],
        routes::GET_EXCLUDED => vec![ResultList::Excluded],
        _ => match request.parsed(
            "state",
            "one of paid, partly_paid, unpaid, refunded, disputed, out_of_scope",
            state,
        )? {
            Some(state) => vec![ResultList::Orders(state)],
            None => ResultList::ORDERS.to_vec(),
        },
    };
    let limit = limit(request)?;
    let Some(published) = run.published else { return Ok(page_of(run.version, run.as_of, &[], None)) };
    let of = (&caller.tenant, &run.id, published.attempt);
    let pages = Decided::new(handler.pages.as_ref(), &run.decisions);
    let page = read_page(&pages, of, &lists, limit, request.query("cursor")).await.map_err(read_problem)?;
    // Suggestions have no commit of their own to take a time from; the run's last event is when they became visible.
    let at = run.as_of.unwrap_or_else(|| handler.clock.now());
    let show = |value: Value| match request.route_key.as_str() {
        routes::GET_SUGGESTIONS => row(value, |found| items::matched(found, "suggested", at)),
        routes::GET_UNMATCHED => {
            row(value, |open: &Exception| items::unmatched(open, run.decisions.review(open.side, &open.record_id)))
        }
        routes::GET_EXCLUDED => row(value, items::excluded),
        _ => row(value, items::order),
    };
    let items = page.items.into_iter().map(show).collect::<Result<Vec<_>, _>>()?;
    Ok(page_of(run.version, run.as_of, &items, page.next_cursor.as_deref()))
}

pub fn page_of(version: u64, as_of: Option<Timestamp>, items: &[Value], next_cursor: Option<&str>) -> Response {
    Response::json(200, &json!({ "items": items, "next_cursor": next_cursor, "version": version, "as_of": as_of }))
        .etag(version)
}
