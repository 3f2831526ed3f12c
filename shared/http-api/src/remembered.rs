//! `Idempotency-Key` for what operators do beside the aggregates' commands: the first answer is kept with a hash of its
//! request and given again.
//!
//! The work is safe to repeat by itself (a redrive is conditional on the entry's revision, a circuit on its epoch, a
//! rebuild on none being under way), so the answer is written down after it: a crash in between costs a second round
//! and never a lost one. Refusals are not kept, because what stood in the way may be gone.

use crate::{conditional::idempotency, problem::Problem, request::Request, response::Response};
use application::Idempotency;
use domain::{Clock, CorrelationId, ErrorName, IdSource, Metadata, TenantId, Timestamp, ids};
use event_store::{AppendError, CommandKey, CommandRecord, CommandRow, EventStore, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// As long as the answers of commands.
const LIFE_MS: i64 = 7 * 86_400_000;

#[derive(Clone)]
pub struct Remembered {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl std::fmt::Debug for Remembered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remembered")
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    etag: Option<String>,
    body: Value,
}

impl Remembered {
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { store, clock, ids }
    }

    /// Does the work, or gives the answer that the same request got before under its key. Keys belong to the API key that
    /// sends them.
    ///
    /// # Errors
    /// Those of the work; 400 for a key that is none; 422 for one that stood for another request.
    pub async fn once(
        &self,
        request: &Request,
        key_id: &str,
        work: impl Future<Output = Result<Response, Problem>>,
    ) -> Result<Response, Problem> {
        let bytes = request.bytes()?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        // Here the query says what is meant too: the tenant, and the page.
        let Some(idempotency) = idempotency(request, &json!([body, request.queries()]))? else { return work.await };
        let key = CommandKey {
            tenant: TenantId::parse(key_id).map_err(|error| Problem::internal(error.to_string()))?,
            command: request.route_key.clone(),
            idempotency_key: idempotency.key.clone(),
        };
        let now = self.clock.now();
        if let Some(record) = self.store.command(&key, now).await? {
            return again(&record, &idempotency);
        }
        let answer = work.await?;
        let kept = Kept {
            status: answer.status_code,
            etag: answer.headers.get("etag").cloned(),
            body: answer.body.as_deref().map_or(Value::Null, |body| serde_json::from_str(body).unwrap_or_default()),
        };
        let result = serde_json::to_value(kept).map_err(|error| Problem::internal(error.to_string()))?;
        let expires_at = Timestamp::from_millis(now.millis() + LIFE_MS);
        let record = CommandRecord { request_hash: idempotency.request_hash.clone(), result, expires_at };
        let metadata = Metadata {
            tenant_id: key.tenant.clone(),
            user_id: Some(key_id.to_owned()),
            timestamp: now,
            correlation_id: CorrelationId::parse(ids::typed("corr", self.ids.next()))
                .map_err(|error| Problem::internal(error.to_string()))?,
            causation_id: None,
        };
        let row = CommandRow { key, record };
        match self.store.append(Transaction { appends: Vec::new(), command: Some(row), fence: None, metadata }).await {
            Ok(_) => Ok(answer),
            // Two at once: both get the answer that was kept.
            Err(AppendError::Repeated(record)) => again(&record, &idempotency),
            Err(error) => Err(error.into()),
        }
    }
}

fn again(record: &CommandRecord, idempotency: &Idempotency) -> Result<Response, Problem> {
    if record.request_hash != idempotency.request_hash {
        let detail = "this Idempotency-Key was used with another request; use a new key";
        return Err(Problem::of(ErrorName::IdempotencyKeyReused, detail));
    }
    let kept: Kept = serde_json::from_value(record.result.clone())
        .map_err(|cause| Problem::internal(format!("command row: {cause}")))?;
    let answer = Response::json(kept.status, &kept.body).replayed(true);
    Ok(match kept.etag {
        Some(etag) => answer.with("etag", etag),
        None => answer,
    })
}
