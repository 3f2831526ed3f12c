//! Translate, call, translate: a request or a schedule becomes the command, its answer a response.

use application::{Caller, CommandError, ReconciliationService, Started};
use domain::{ErrorName, JobId, TenantId, Timestamp};
use http_api::{Problem, Request, Response, audit::Audit, caller, close, commands, open, routes};
use runtime::{FunctionError, function_error};
use serde::Deserialize;
use serde_json::{Value, json};

/// Acts in events that a schedule led to.
const SCHEDULER: &str = "scheduler";

/// What the scheduler replaces; see `<aws.scheduler.scheduled-time>`.
const PLACEHOLDER: &str = "<aws.scheduler";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scheduled {
    tenant_id: TenantId,
    job_id: JobId,
    #[serde(default)]
    scheduled_time: Option<String>,
}

#[derive(Debug)]
pub struct Handler {
    pub service: ReconciliationService,
    pub audit: Audit,
}

impl Handler {
    /// # Errors
    /// A schedule's command that was not carried out; a request always gets an answer.
    pub async fn handle(&self, event: Value) -> Result<Value, FunctionError> {
        if let Some(command) = event.get(SCHEDULER) {
            return self.scheduled(command.clone()).await;
        }
        let request = match open(event) {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        Ok(close(&request, self.answer(&request).await))
    }

    async fn answer(&self, request: &Request) -> Result<Response, Problem> {
        if request.route_key != routes::START_RECONCILIATION {
            return Err(Problem::not_found("there is no such route"));
        }
        let access = caller(request)?;
        if access.by_platform {
            self.audit.accessed(&access.caller.tenant, &request.route_key, &access.caller.key_id).await?;
        }
        let (command, idempotency) = commands::start(request, &access.caller)?;
        let started = self.service.start(&access.caller, command, idempotency).await?;
        note(&started);
        let location = format!("/v1/reconciliations/{}", started.reconciliation_id);
        Ok(Response::json(202, &answer_of(&started))
            .with("location", location)
            .etag(started.version)
            .replayed(started.replayed))
    }

    /// What a job's schedule sends: `{"scheduler": {tenant_id, job_id, scheduled_time}}`.
    async fn scheduled(&self, event: Value) -> Result<Value, FunctionError> {
        let unreadable = |error: serde_json::Error| {
            function_error(ErrorName::InvalidInput, format!("a schedule's event cannot be read: {error}"))
        };
        let Scheduled { tenant_id, job_id, scheduled_time } = serde_json::from_value(event).map_err(unreadable)?;
        let scheduled_at = match scheduled_time {
            // An emulator may leave the placeholder as it is; then the clock counts.
            Some(text) if !text.starts_with(PLACEHOLDER) => Some(Timestamp::parse(&text).map_err(|error| {
                function_error(ErrorName::InvalidInput, format!("a schedule's scheduled_time: {error}"))
            })?),
            _ => None,
        };
        let caller = Caller { tenant: tenant_id, key_id: SCHEDULER.to_owned() };
        let started = self.service.start_scheduled(&caller, job_id.clone(), scheduled_at).await;
        let started = started.map_err(|error| match error {
            CommandError::Declined(decline) => function_error(decline.name, decline.message),
            CommandError::Fields(fields) => function_error(ErrorName::InvalidInput, format!("{fields:?}")),
            CommandError::Transient(detail) => function_error(ErrorName::Transient, detail),
            CommandError::Internal(detail) => function_error(ErrorName::Internal, detail),
        })?;
        started.iter().for_each(note);
        Ok(started.as_ref().map_or_else(
            || {
                tracing::warn!(tenant_id = %caller.tenant, job_id = %job_id, "a schedule fired for a job that has none any more");
                json!({ "status": "ignored", "job_id": job_id })
            },
            answer_of,
        ))
    }
}

/// The run has its ids now: from here on the function's lines carry them.
fn note(started: &Started) {
    let span = tracing::Span::current();
    span.record("saga_id", started.reconciliation_id.as_str());
    span.record("correlation_id", started.correlation_id.as_str());
}

fn answer_of(started: &Started) -> Value {
    json!({
        "reconciliation_id": started.reconciliation_id,
        "correlation_id": started.correlation_id,
        "status": started.status,
        "attempt": started.attempt,
        "version": started.version,
    })
}
