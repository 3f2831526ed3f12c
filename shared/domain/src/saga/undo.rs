//! Decisions of undoing: planned from the ledger, newest first, one at a time. An undo that keeps failing ends in front
//! of an operator and nowhere else.

use super::{
    decide::{SagaDecision, at_attempt},
    events::SagaEventOf,
    state::{SagaRunOf, StepStatus},
    step::SagaStep,
};
use crate::{
    failure::{Decline, Failure},
    ids::AttemptNumber,
    status::Status,
    time::Timestamp,
};

/// The attempt in its backward direction.
fn undoing<S: SagaStep>(state: &Option<SagaRunOf<S>>, attempt: AttemptNumber) -> Result<&SagaRunOf<S>, Decline> {
    let saga = at_attempt(state, attempt)?;
    match saga.status {
        Status::Compensating | Status::Stuck => Ok(saga),
        _ => Err(Decline::superseded(format!("the attempt is {}", saga.status.as_str()))),
    }
}

/// Turns the attempt around. `failure` is why, none when somebody cancelled; the step it names is written down as failed
/// if it could not do that itself. Turning around twice is fine.
///
/// # Errors
/// Superseded when the attempt has completed or the ledger is at another one.
pub fn plan_undo<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    failure: Option<&Failure>,
    at: Timestamp,
) -> SagaDecision<S> {
    let saga = at_attempt(state, attempt)?;
    match saga.status {
        Status::Running | Status::Paused => {}
        Status::Completed => return Err(Decline::superseded("the attempt has completed")),
        _ => return Ok(Vec::new()),
    }
    let mut events = Vec::new();
    let failed = failure.and_then(|failure| saga.steps.iter().find(|run| run.step.as_str() == failure.step));
    if let (Some(run), Some(failure)) = (failed, failure)
        && matches!(run.status, StepStatus::Running | StepStatus::Waiting)
    {
        events.push(SagaEventOf::StepFailed { attempt, failure: failure.clone(), step: run.step, at });
    }
    events.push(SagaEventOf::UndoPlanned { attempt, failure: failure.cloned(), steps: saga.to_undo(), at });
    Ok(events)
}

/// # Errors
/// Superseded unless the attempt is being undone.
pub fn undo_started<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    at: Timestamp,
) -> SagaDecision<S> {
    let known = undoing(state, attempt)?
        .step(step)
        .is_none_or(|run| run.status == StepStatus::Undoing || !run.status.may_have_left_something());
    Ok(if known { Vec::new() } else { vec![SagaEventOf::UndoStarted { attempt, step, at }] })
}

/// # Errors
/// Superseded unless the attempt is being undone.
pub fn undo_finished<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    at: Timestamp,
) -> SagaDecision<S> {
    let left = undoing(state, attempt)?.step(step).is_some_and(|run| run.status.may_have_left_something());
    Ok(if left { vec![SagaEventOf::UndoFinished { attempt, step, at }] } else { Vec::new() })
}

/// The undo of `step` was tried as often as it is; an operator has to decide.
///
/// # Errors
/// Superseded unless the attempt is being undone.
pub fn undo_failed<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    step: S,
    failure: &Failure,
    at: Timestamp,
) -> SagaDecision<S> {
    let saga = undoing(state, attempt)?;
    let left = saga.step(step).is_some_and(|run| run.status.may_have_left_something());
    if !left || saga.status == Status::Stuck {
        return Ok(Vec::new());
    }
    Ok(vec![
        SagaEventOf::UndoFailed { attempt, step, failure: failure.clone(), at },
        SagaEventOf::Stuck { attempt, step, failure: failure.clone(), at },
    ])
}

/// The end of an attempt of which nothing is left.
///
/// # Errors
/// Superseded when the attempt has completed or the ledger is at another one; a conflict while something is left.
pub fn compensate<S: SagaStep>(state: &Option<SagaRunOf<S>>, attempt: AttemptNumber, at: Timestamp) -> SagaDecision<S> {
    let saga = at_attempt(state, attempt)?;
    match saga.status {
        Status::Completed => Err(Decline::superseded("the attempt has completed")),
        Status::Failed | Status::Cancelled => Ok(Vec::new()),
        _ if saga.to_undo().is_empty() => Ok(vec![SagaEventOf::Compensated { attempt, at }]),
        _ => Err(Decline::conflict("there is something left to undo")),
    }
}

/// Ends the attempt as it stands. Killing twice is fine.
///
/// # Errors
/// A conflict when the attempt has ended otherwise; superseded when the ledger is at another one.
pub fn kill<S: SagaStep>(
    state: &Option<SagaRunOf<S>>,
    attempt: AttemptNumber,
    reason: Option<&str>,
    at: Timestamp,
) -> SagaDecision<S> {
    let saga = at_attempt(state, attempt)?;
    if saga.was_killed() {
        return Ok(Vec::new());
    }
    if saga.status.has_ended() {
        return Err(Decline::conflict(format!("the attempt is {}", saga.status.as_str())));
    }
    Ok(vec![SagaEventOf::Killed { attempt, reason: reason.map(str::to_owned), at }])
}
