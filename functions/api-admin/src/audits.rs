//! Audits: hash chains verified and heads made new, of one aggregate, a tenant, or everyone.

use crate::{handler::Handler, owner};
use domain::{TenantId, api_key::PLATFORM};
use event_store::{Audit, Audited, HeadRebuilt, StreamKey, audit_stream, audit_streams};
use http_api::{Cursor, Problem, Request, Response, body, shapes::AUDIT_EVENTS};
use serde_json::{Value, json};

pub async fn verify(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    audit(handler, request, key_id, Audit::Verify).await
}

pub async fn rebuild_heads(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    audit(handler, request, key_id, Audit::RebuildHeads).await
}

async fn audit(handler: &Handler, request: &Request, key_id: &str, audit: Audit) -> Result<Response, Problem> {
    let body = body::optional(request, &AUDIT_EVENTS)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let named = owner::named(request)?;
    let tenant = named.as_ref().map_or("", TenantId::as_str);
    let cursor = Cursor::of(request, tenant, &[]);
    let position = cursor.read(request)?;
    let audited = match (text("aggregate_type"), text("aggregate_id")) {
        (Some(aggregate_type), Some(id)) => {
            let tenant = owner::of(handler, request, key_id, aggregate_type, id).await?;
            let stream = StreamKey::new(&tenant, aggregate_type, id);
            if handler.store.head(&stream).await?.is_none() && handler.store.page(&stream, 0, 1).await?.is_empty() {
                return Err(Problem::not_found("there are no events with this id"));
            }
            audit_stream(handler.store.as_ref(), &stream, audit).await?
        }
        (None, None) => {
            // Whoever looks at everybody leaves a trace with the platform.
            let platform = TenantId::parse(PLATFORM).map_err(|error| Problem::internal(error.to_string()))?;
            handler.audit.accessed(named.as_ref().unwrap_or(&platform), &request.route_key, key_id).await?;
            audit_streams(handler.store.as_ref(), named.as_ref(), audit, position.as_deref()).await?
        }
        (Some(_), None) => return Err(Problem::parameter("/aggregate_id", "is required with aggregate_type")),
        (None, Some(_)) => return Err(Problem::parameter("/aggregate_type", "is required with aggregate_id")),
    };
    Ok(Response::json(200, &shown(&audited, &cursor)))
}

fn shown(audited: &Audited, cursor: &Cursor) -> Value {
    let rebuilt = audited.rebuilt.iter().filter_map(|(stream, outcome)| match outcome {
        HeadRebuilt::Written { was, version } => Some(json!({
            "tenant_id": stream.tenant,
            "aggregate_type": stream.aggregate_type,
            "aggregate_id": stream.aggregate_id,
            "was": was,
            "version": version,
        })),
        HeadRebuilt::Intact { .. } | HeadRebuilt::NoStream => None,
    });
    json!({
        "intact": audited.damaged.is_empty(),
        "streams": audited.streams,
        "commits": audited.commits,
        "events": audited.events,
        "damaged": audited.damaged,
        "rebuilt": rebuilt.collect::<Vec<_>>(),
        "next_cursor": audited.next.as_deref().map(|position| cursor.encode(position)),
    })
}
