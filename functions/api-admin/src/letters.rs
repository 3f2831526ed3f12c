//! Dead letters: looked at, dealt with, sent back.

use crate::{handler::Handler, owner};
use domain::ports::PortError;
use http_api::{
    Cursor, Problem, Request, Response,
    operations::{MAX_NAME, dead_letter, notes, redrive_set, redriven},
    page::limit,
};
use resilience::dead_letter::{Entry, LetterError, LetterFilter, LetterState, existing, resolve};
use serde_json::{Value, json};

fn problem(error: LetterError) -> Problem {
    match error {
        LetterError::NotFound => Problem::not_found(LetterError::NotFound.to_string()),
        LetterError::Conflict(detail) => Problem::of(domain::ErrorName::Conflict, detail),
        LetterError::Store(error) => error.into(),
    }
}

fn name(request: &Request, parameter: &str) -> Result<Option<String>, Problem> {
    let fits = |text: &str| (1..=MAX_NAME).contains(&text.chars().count()).then(|| text.to_owned());
    request.parsed(parameter, &format!("1 to {MAX_NAME} characters"), fits)
}

pub async fn list(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let filter = LetterFilter {
        state: request.parsed("state", "new, redriven or resolved", LetterState::parse)?,
        source: name(request, "source")?,
        error_type: name(request, "error_type")?,
        tenant: owner::named(request)?,
        before: None,
    };
    let limit = limit(request)?;
    let cursor = Cursor::of(request, "", &["state", "source", "error_type", "tenant_id"]);
    let after = cursor.read(request)?;
    if let Some(tenant) = &filter.tenant {
        handler.audit.accessed(tenant, &request.route_key, key_id).await?;
    }
    let (entries, next) = handler.redrive.store.list(&filter, limit, after).await?;
    let items: Vec<Value> = entries.iter().map(|entry| dead_letter(entry, false)).collect();
    let next = next.map(|place| cursor.encode(&place));
    Ok(Response::json(200, &json!({ "items": items, "next_cursor": next })))
}

/// The letter in the path; the call is in its tenant's audit trail afterwards.
async fn letter(handler: &Handler, request: &Request, key_id: &str) -> Result<Entry, Problem> {
    // Ids of letters have the form of any id.
    let id: domain::JobId = request.known_id("id")?;
    let entry = existing(handler.redrive.store.as_ref(), id.as_str()).await.map_err(problem)?;
    if let Some(tenant) = &entry.letter.tenant_id {
        handler.audit.accessed(tenant, &request.route_key, key_id).await?;
    }
    Ok(entry)
}

fn shown(entry: &Entry) -> Response {
    Response::json(200, &dead_letter(entry, true)).etag(entry.revision)
}

pub async fn one(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    Ok(shown(&letter(handler, request, key_id).await?))
}

pub async fn resolve_one(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let notes = notes(request)?;
    let entry = letter(handler, request, key_id).await?;
    let now = handler.redrive.clock.now();
    let store = handler.redrive.store.as_ref();
    Ok(shown(&resolve(store, &entry.letter.id, &notes, key_id, now).await.map_err(problem)?))
}

pub async fn redrive_one(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let entry = letter(handler, request, key_id).await?;
    Ok(shown(&handler.redrive.one(&entry.letter.id, key_id).await.map_err(problem)?))
}

pub async fn redrive_many(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let batch = redrive_set(request)?;
    let audited = async |entry: &Entry| match &entry.letter.tenant_id {
        None => Ok(()),
        Some(tenant) => {
            let written = handler.audit.accessed(tenant, &request.route_key, key_id).await;
            written.map_err(|problem| PortError::Transient(problem.detail))
        }
    };
    let report = handler.redrive.many(&batch, key_id, audited).await.map_err(problem)?;
    Ok(Response::json(200, &redriven(&report, batch.dry_run)))
}
