//! Step `finish`: the point of no return when all went well; otherwise the end of a failed attempt, with nothing visible.

use crate::{
    draft::Draft,
    error::StepError,
    input::StepInput,
    ledger::{Current, Decision, Ledger, MAX_TRIES, outrun},
    matching_step::{matches_stream, new_event},
};
use domain::{
    ErrorName, Failure, Family, Timestamp,
    matches::MatchesEvent,
    reconciliation::{self, Reconciliation},
    saga::{self, Saga, SagaRun, Step, ended_fence, forward_fence},
};
use event_store::Append;
use serde::{Deserialize, Serialize};

/// What the state machine knows about a failed step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReportedFailure {
    pub step: String,
    /// Error name as Step Functions saw it: ours, or one of the service's.
    pub error: String,
    /// `{"errorType", "errorMessage", …}` as a function reports it, or the service's text.
    #[serde(default)]
    pub cause: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum FinishInput {
    Completed,
    Failed { failure: ReportedFailure },
}

/// How the run ended, for the execution's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FinishOutcome {
    pub status: &'static str,
}

#[derive(Debug, Clone)]
pub struct FinishRun {
    pub ledger: Ledger,
}

const STEP: Step = Step::Finish;
/// Longest message kept of a failure.
const MAX_MESSAGE: usize = 1_000;

impl FinishRun {
    /// # Errors
    /// A [`StepError`] whose name says whether another try may help.
    pub async fn run(&self, input: &StepInput, how: &FinishInput) -> Result<FinishOutcome, StepError> {
        match how {
            FinishInput::Completed => self.complete(input).await,
            FinishInput::Failed { failure } => self.fail(input, &failure.read()).await,
        }
    }

    async fn complete(&self, input: &StepInput) -> Result<FinishOutcome, StepError> {
        let fence = forward_fence(input.attempt);
        let done = self.ledger.run(input).await?.status == reconciliation::Status::Completed;
        if !done {
            self.ledger.begin(input, STEP, &fence).await?;
            self.ledger
                .transact(input, &fence, |current, at| {
                    let mut events =
                        saga::step_succeeded(&current.saga.state, input.attempt, STEP, serde_json::Value::Null, at)?;
                    events.extend(saga::complete(&current.saga.state, input.attempt, at)?);
                    Ok(Decision {
                        saga: events,
                        reconciliation: reconciliation::complete(&current.run.state, input.attempt, at)?,
                        set_fence: Some(ended_fence(input.attempt)),
                        ..Decision::default()
                    })
                })
                .await?;
        }
        Ok(FinishOutcome { status: reconciliation::Status::Completed.as_str() })
    }

    /// Ends a running attempt as failed. One that has ended stays as it is: it may have completed although its last
    /// answer was lost.
    async fn fail(&self, input: &StepInput, failure: &Failure) -> Result<FinishOutcome, StepError> {
        let run = self.ledger.run(input).await?;
        if run.status != reconciliation::Status::Running {
            return Ok(FinishOutcome { status: run.status.as_str() });
        }
        let fence = forward_fence(input.attempt);
        for _ in 0..MAX_TRIES {
            // Read again for each try: a matching step that has overrun its time may still be writing.
            let withdrawal = self.withdrawal(input, failure).await?;
            let ended = self.ledger.try_once(input, &fence, |current, at| {
                let mut run = Draft::<Reconciliation>::of(&current.run.state);
                run.decide(|state| reconciliation::compensating(state, input.attempt, failure, at))?;
                run.decide(|state| reconciliation::withdraw(state, input.attempt))?;
                run.decide(|state| reconciliation::end_undone(state, input.attempt, at))?;
                Ok(Decision {
                    saga: failed_saga(current, input, failure, at)?,
                    reconciliation: run.events,
                    others: withdrawal.iter().cloned().collect(),
                    set_fence: Some(ended_fence(input.attempt)),
                })
            });
            if ended.await? {
                return Ok(FinishOutcome { status: reconciliation::Status::Failed.as_str() });
            }
        }
        Err(outrun())
    }

    /// What takes the attempt's matches back; none if there are none.
    async fn withdrawal(&self, input: &StepInput, failure: &Failure) -> Result<Option<Append>, StepError> {
        let stream = matches_stream(input);
        let Some(head) = self.ledger.store.head(&stream).await? else { return Ok(None) };
        let reason = format!("the attempt failed: {}", failure.name);
        Ok(Some(Append {
            stream,
            expected: head.version,
            events: vec![new_event(&MatchesEvent::MatchesWithdrawn { reason })?],
            commit_id: self.ledger.commit_id(),
            set_fence: None,
        }))
    }
}

/// The failed step's line, if the step could not write it itself, what is undone by the same transaction, and the end.
fn failed_saga(
    current: &Current,
    input: &StepInput,
    failure: &Failure,
    at: Timestamp,
) -> Result<Vec<saga::SagaEvent>, StepError> {
    let mut ledger = Draft::<Saga>::of(&current.saga.state);
    ledger.decide(|state| saga::plan_undo(state, input.attempt, Some(failure), at))?;
    let left = ledger.state.as_ref().map(SagaRun::to_undo).unwrap_or_default();
    for step in left {
        ledger.decide(|state| saga::undo_finished(state, input.attempt, step, at))?;
    }
    ledger.decide(|state| saga::compensate(state, input.attempt, at))?;
    Ok(ledger.events)
}

impl ReportedFailure {
    /// In our own words: service errors get a name of the registry, and the message is the function's own.
    #[must_use]
    pub fn read(&self) -> Failure {
        let reported: Option<serde_json::Value> = serde_json::from_str(&self.cause).ok();
        let text = |name: &str| reported.as_ref().and_then(|cause| cause.get(name)).and_then(serde_json::Value::as_str);
        let ours = ErrorName::parse(&self.error).or_else(|| text("errorType").and_then(ErrorName::parse));
        let name = ours.unwrap_or(match self.error.as_str() {
            "States.Timeout" | "States.HeartbeatTimeout" | "Sandbox.Timedout" => ErrorName::StepTimedOut,
            "Runtime.ExitError" | "Lambda.Unknown" => ErrorName::StepCrashed,
            "Lambda.TooManyRequestsException" | "Lambda.ServiceException" => ErrorName::Transient,
            _ => ErrorName::Internal,
        });
        // Only our own errors have messages that are fit for people.
        let message = text("errorMessage").filter(|_| ours.is_some());
        let message = message.map_or_else(|| format!("the step ended with {}", self.error), str::to_owned);
        Failure {
            name,
            message: message.chars().take(MAX_MESSAGE).collect(),
            step: self.step.clone(),
            retryable: name.family() == Family::Transient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(error: &str, cause: &str) -> Failure {
        ReportedFailure { step: "perform_matching".into(), error: error.into(), cause: cause.into() }.read()
    }

    #[test]
    fn our_own_errors_keep_their_name_and_message() {
        let failure = reported(
            "Settler.ProviderAccessDenied",
            r#"{"errorType":"Settler.ProviderAccessDenied","errorMessage":"stripe answered 401"}"#,
        );
        assert_eq!(
            (failure.name, failure.message.as_str(), failure.retryable),
            (ErrorName::ProviderAccessDenied, "stripe answered 401", false)
        );
    }

    #[test]
    fn service_errors_get_a_name_of_ours_and_no_internal_text() {
        assert_eq!(reported("Sandbox.Timedout", "").name, ErrorName::StepTimedOut);
        assert_eq!(
            reported("Runtime.ExitError", r#"{"errorMessage":"RequestId: 1 exit status 101"}"#).name,
            ErrorName::StepCrashed
        );
        let unknown = reported("Weird.Error", r#"{"errorMessage":"thread main panicked at secret"}"#);
        assert_eq!((unknown.name, unknown.message.as_str()), (ErrorName::Internal, "the step ended with Weird.Error"));
    }
}
