//! Translate, call, translate: a request or a schedule becomes the command, its answer a response.

use application::{Caller, CommandError, ReconciliationService, Started};
use domain::{ErrorName, TenantId};
use http_api::{Problem, Request, Response, audit::Audit, caller, close, commands, open, routes};
use runtime::{FunctionError, function_error};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Acts in events that a schedule led to.
const SCHEDULER: &str = "scheduler";

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
        let location = format!("/v1/reconciliations/{}", started.reconciliation_id);
        Ok(Response::json(202, &answer_of(&started))
            .with("location", location)
            .etag(started.version)
            .replayed(started.replayed))
    }

    /// The same command without an envelope: `{"scheduler": {tenant_id, job_id, date_range, …}}`.
    async fn scheduled(&self, mut command: Value) -> Result<Value, FunctionError> {
        let refused = |problem: Problem| {
            let fields: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
            function_error(
                ErrorName::InvalidInput,
                format!("a schedule's command cannot be read: {} {fields:?}", problem.detail),
            )
        };
        let tenant = command.as_object_mut().and_then(|command| command.remove("tenant_id"));
        let tenant = tenant.as_ref().and_then(Value::as_str).and_then(|tenant| TenantId::parse(tenant).ok());
        let tenant =
            tenant.ok_or_else(|| function_error(ErrorName::InvalidInput, "a schedule's command names no tenant"))?;
        if command.get("reconciliation_id").is_none_or(Value::is_null) {
            command["reconciliation_id"] = json!(scheduled_id(&command));
        }
        let command = commands::start_from(&command).map_err(refused)?;
        let caller = Caller { tenant, key_id: SCHEDULER.to_owned() };
        let started = self.service.start(&caller, command, None).await.map_err(|error| match error {
            CommandError::Declined(decline) => function_error(decline.name, decline.message),
            CommandError::Fields(fields) => function_error(ErrorName::InvalidInput, format!("{fields:?}")),
            CommandError::Transient(detail) => function_error(ErrorName::Transient, detail),
            CommandError::Internal(detail) => function_error(ErrorName::Internal, detail),
        })?;
        Ok(answer_of(&started))
    }
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

/// One run per job and period, however often the schedule fires.
fn scheduled_id(command: &Value) -> String {
    let text = |pointer: &str| command.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let period = format!("{}\n{}\n{}", text("/job_id"), text("/date_range/start"), text("/date_range/end"));
    let digest: String = Sha256::digest(period.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("sched-{digest}")
}
