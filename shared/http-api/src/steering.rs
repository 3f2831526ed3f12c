//! Commands that steer a run: what is common to the tenants' side and to the operators' side of the API.

use crate::{
    access::caller,
    audit::Audit,
    body,
    conditional::{idempotency, if_match},
    problem::{Problem, both},
    request::Request,
    response::{Response, close, open},
    routes,
    shape::Shape,
    shapes,
};
use application::{Caller, CommandError, Conditions, ReconciliationService, Steered};
use domain::{
    ErrorName, ReconciliationId,
    ports::Blobs,
    saga::{SagaStep, Step},
};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc};

/// The commands that tenants and operators have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steer {
    Retry,
    Cancel,
    Pause,
    Resume,
}

impl Steer {
    #[must_use]
    pub const fn route(self) -> &'static str {
        match self {
            Self::Retry => routes::RETRY_RECONCILIATION,
            Self::Cancel => routes::CANCEL_RECONCILIATION,
            Self::Pause => routes::PAUSE_RECONCILIATION,
            Self::Resume => routes::RESUME_RECONCILIATION,
        }
    }

    const fn shape(self) -> &'static Shape {
        match self {
            Self::Retry => &shapes::RETRY,
            Self::Cancel => &shapes::CANCEL_RUN,
            Self::Pause => &shapes::PAUSE,
            Self::Resume => &shapes::RESUME,
        }
    }
}

/// Carries steering commands out.
#[derive(Clone)]
pub struct Steering {
    pub service: ReconciliationService,
    /// Where staged data is. Only a retry looks there, so only its functions may.
    pub blobs: Option<Arc<dyn Blobs>>,
}

impl std::fmt::Debug for Steering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Steering")
    }
}

impl Steering {
    /// A function that is there for one command of tenants.
    ///
    /// # Errors
    /// None: a request always gets an answer.
    pub async fn handle(&self, audit: &Audit, command: Steer, event: Value) -> Result<Value, Infallible> {
        let request = match open(event) {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        Ok(close(&request, self.answer(audit, command, &request).await))
    }

    async fn answer(&self, audit: &Audit, command: Steer, request: &Request) -> Result<Response, Problem> {
        if request.route_key != command.route() {
            return Err(Problem::not_found("there is no such route"));
        }
        let access = caller(request)?;
        if access.by_platform {
            audit.accessed(&access.caller.tenant, &request.route_key, &access.caller.key_id).await?;
        }
        let id: ReconciliationId = request.known_id("id")?;
        self.carry_out(command, request, &access.caller, &id).await
    }

    /// # Errors
    /// What is wrong with the request, or why the command was refused.
    pub async fn carry_out(
        &self,
        command: Steer,
        request: &Request,
        caller: &Caller,
        id: &ReconciliationId,
    ) -> Result<Response, Problem> {
        let (body, conditions) = read(request, caller, command.shape())?;
        let reason = text(&body, "reason");
        let steered = match (command, &self.blobs) {
            (Steer::Retry, Some(blobs)) => {
                self.service.retry(caller, id, step(&body, "from_step"), blobs.as_ref(), conditions).await
            }
            (Steer::Retry, None) => return Err(Problem::internal("a retry needs to look into the data bucket")),
            (Steer::Cancel, _) => self.service.cancel(caller, id, reason, conditions).await,
            (Steer::Pause, _) => self.service.pause(caller, id, reason, conditions).await,
            (Steer::Resume, _) => self.service.resume(caller, id, conditions).await,
        };
        match steered {
            Ok(steered) => Ok(answer(&steered)),
            Err(error) => Err(self.refused(error, caller, id).await),
        }
    }

    /// A refusal with what a client needs to decide what to do instead: the state of the run, and the latest step that
    /// a retry can begin with.
    pub async fn refused(&self, error: CommandError, caller: &Caller, id: &ReconciliationId) -> Problem {
        let name = match &error {
            CommandError::Declined(decline) => Some(decline.name),
            _ => None,
        };
        let mut problem = Problem::from(error);
        if !matches!(name, Some(ErrorName::Conflict | ErrorName::StagedDataExpired)) {
            return problem;
        }
        // The refusal stands, whether or not it can be explained.
        let Ok(run) = self.service.run(caller, id).await else { return problem };
        problem.extensions.push(("state", json!(run.status)));
        if name == Some(ErrorName::StagedDataExpired)
            && let Some(blobs) = &self.blobs
            && let Ok(staged) = saga::staged_data(blobs.as_ref(), &run).await
        {
            problem.extensions.push(("earliest_step", json!(staged.earliest_possible())));
        }
        problem
    }
}

/// A body of optional and required fields, checked, with the conditions in the headers.
///
/// # Errors
/// Everything that is wrong at once.
pub fn read(request: &Request, caller: &Caller, shape: &Shape) -> Result<(Value, Conditions), Problem> {
    let body = body::object_or_nothing(request, caller)?;
    let errors = shape.check(&body);
    let checked = if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) };
    let conditions = both(idempotency(request, &body), if_match(request));
    let ((), (idempotency, expected)) = both(checked, conditions)?;
    Ok((body, Conditions { idempotency, expected }))
}

/// A text field of a checked body.
#[must_use]
pub fn text<'b>(body: &'b Value, name: &str) -> Option<&'b str> {
    body.get(name).and_then(Value::as_str)
}

/// A step that a checked body names.
#[must_use]
pub fn step(body: &Value, name: &str) -> Option<Step> {
    text(body, name).and_then(Step::parse)
}

/// 202: accepted, and on its way.
#[must_use]
pub fn answer(steered: &Steered) -> Response {
    with_left(steered, None)
}

/// As [`answer`], with the steps that a killed attempt left behind.
#[must_use]
pub fn with_left(steered: &Steered, left: Option<&[Step]>) -> Response {
    let mut body = json!({
        "reconciliation_id": steered.reconciliation_id,
        "correlation_id": steered.correlation_id,
        "status": steered.status,
        "attempt": steered.attempt,
        "from_step": steered.from_step,
        "version": steered.version,
    });
    if let Some(left) = left {
        body["left"] = json!(left);
    }
    Response::json(202, &body).etag(steered.version).replayed(steered.replayed)
}
