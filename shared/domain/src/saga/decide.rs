//! Decisions of steps that go forward, and of the end of an attempt. All are made on the attempt that the caller works
//! for: one that is over is Superseded, which leads nowhere and undoes nothing.

use super::{
    events::{SagaEventOf, WaitReason},
    state::{SagaRunOf, StepRunOf, StepStatus, Waiting},
    step::{SagaStep, Undo},
};
use crate::{
    failure::{Decline, ErrorName, Failure},
    ids::AttemptNumber,
    status::Status,
    time::Timestamp,
};
use serde_json::Value;

/// What a decision about a ledger yields.
pub type SagaDecision<S> = Result<Vec<SagaEventOf<S>>, Decline>;

/// # Errors
/// Superseded when a later attempt has begun.
pub fn start<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    execution_arn: &str,
) -> SagaDecision<S> {
    match state {
        Some(saga) if saga.attempt > attempt => Err(Decline::superseded(format!("attempt {} has begun", saga.attempt))),
        Some(saga) if saga.attempt == attempt => Ok(Vec::new()),
        _ => Ok(vec![SagaEventOf::SagaStarted { attempt, execution_arn: execution_arn.to_owned() }]),
    }
}

/// A further attempt, which uses the results of the steps `reused` again.
///
/// # Errors
/// As [`start`].
pub fn start_attempt<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    execution_arn: &str,
    (from_step, reused): (S, &[S]),
    at: Timestamp,
) -> SagaDecision<S> {
    let events = start(state, attempt, execution_arn)?;
    let further = SagaEventOf::AttemptStarted {
        attempt,
        execution_arn: execution_arn.to_owned(),
        from_step,
        reused: reused.to_vec(),
        at,
    };
    Ok(events.into_iter().map(|_| further.clone()).collect())
}

/// Another execution takes over from `gone`; nothing if another one has already, or there is nothing left to do.
///
/// # Errors
/// Superseded when the ledger is at another attempt.
pub fn replace_execution<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    (gone, execution_arn): (&str, &str),
    reason: &str,
    at: Timestamp,
) -> SagaDecision<S> {
    let saga = at_attempt(state, attempt)?;
    if saga.status.has_ended() || saga.execution_arn != gone {
        return Ok(Vec::new());
    }
    let (execution_arn, reason) = (execution_arn.to_owned(), reason.to_owned());
    Ok(vec![SagaEventOf::ExecutionReplaced { attempt, execution_arn, reason, at }])
}

pub(super) fn at_attempt<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
) -> Result<&SagaRunOf<S>, Decline> {
    let saga = state.as_ref().ok_or_else(|| Decline::not_found("no such saga"))?;
    if saga.attempt == attempt {
        Ok(saga)
    } else {
        Err(Decline::superseded(format!("attempt {} has begun", saga.attempt)))
    }
}

/// The attempt, if `step` may still write to it: it goes forward, or it has ended and the step spreads the word of it.
fn open_to<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
) -> Result<&SagaRunOf<S>, Decline> {
    let saga = at_attempt(state, attempt)?;
    if saga.status.goes_forward() || saga.status.has_ended() && step.undo() == Undo::ForwardOnly {
        Ok(saga)
    } else {
        Err(Decline::superseded(format!("the attempt is {}", saga.status.as_str())))
    }
}

/// The line of a step that has begun.
fn begun<S: SagaStep>(saga: &SagaRunOf<S>, step: S) -> Result<&StepRunOf<S>, Decline> {
    saga.step(step).ok_or_else(|| Decline::conflict(format!("{} has not begun", step.as_str())))
}

/// # Errors
/// Superseded when the ledger is at another attempt or the attempt has turned around.
pub fn step_started<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    at: Timestamp,
) -> SagaDecision<S> {
    let known = open_to(state, attempt, step)?
        .step(step)
        .is_some_and(|run| !matches!(run.status, StepStatus::Failed | StepStatus::Waiting));
    Ok(if known { Vec::new() } else { vec![SagaEventOf::StepStarted { attempt, step, at }] })
}

/// # Errors
/// Superseded when the ledger is at another attempt or the attempt has turned around.
pub fn step_progressed<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    (pages, records): (u64, u64),
    at: Timestamp,
) -> SagaDecision<S> {
    let run = begun(open_to(state, attempt, step)?, step)?;
    let known = (run.pages, run.records) == (pages, records);
    Ok(if known { Vec::new() } else { vec![SagaEventOf::StepProgressed { attempt, step, pages, records, at }] })
}

/// A step that cannot go on for now. `budget_s` is how long all its waits together may take; a wait that a person ends
/// does not count.
///
/// # Errors
/// [`ErrorName::ProviderUnavailable`] when the budget is used up; Superseded when the ledger is at another attempt.
pub fn step_waiting<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    (reason, until): (WaitReason, Option<Timestamp>),
    budget_s: u32,
    at: Timestamp,
) -> SagaDecision<S> {
    let run = begun(open_to(state, attempt, step)?, step)?;
    let same = |waiting: &Waiting| waiting.reason == reason && waiting.until == until;
    if run.status.is_done() || run.waiting.as_ref().is_some_and(same) {
        return Ok(Vec::new());
    }
    if !reason.is_for_a_person() && run.waited_ms >= i64::from(budget_s).saturating_mul(1_000) {
        let message = format!("the step has waited for {budget_s} s in all ({}), which is its limit", reason.as_str());
        return Err(Decline { name: ErrorName::ProviderUnavailable, message });
    }
    Ok(vec![SagaEventOf::StepWaiting { attempt, step, reason, until, at }])
}

/// # Errors
/// Superseded when the ledger is at another attempt or the attempt has turned around.
pub fn step_succeeded<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    reference: Value,
    at: Timestamp,
) -> SagaDecision<S> {
    let done = begun(open_to(state, attempt, step)?, step)?.status.is_done();
    Ok(if done { Vec::new() } else { vec![SagaEventOf::StepSucceeded { attempt, step, reference, at }] })
}

/// A step that has succeeded cannot fail any more: then only the answer to its success was lost.
///
/// # Errors
/// Superseded when the ledger is at another attempt or the attempt has turned around.
pub fn step_failed<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    failure: &Failure,
    at: Timestamp,
) -> SagaDecision<S> {
    let run = begun(open_to(state, attempt, step)?, step)?;
    let known = match run.status {
        StepStatus::Running | StepStatus::Waiting => false,
        StepStatus::Failed => run.failure.as_ref() == Some(failure),
        _ => true,
    };
    Ok(if known { Vec::new() } else { vec![SagaEventOf::StepFailed { attempt, failure: failure.clone(), step, at }] })
}

/// # Errors
/// Superseded when the ledger is at another attempt or the attempt is being undone or was.
pub fn complete<S: SagaStep>(state: &Option<SagaRunOf<S>>, attempt: AttemptNumber, at: Timestamp) -> SagaDecision<S> {
    match at_attempt(state, attempt)?.status {
        Status::Running | Status::Paused => Ok(vec![SagaEventOf::Completed { attempt, at }]),
        Status::Completed => Ok(Vec::new()),
        _ => Err(Decline::superseded("the attempt is undone")),
    }
}
