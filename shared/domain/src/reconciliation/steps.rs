//! Decisions of the steps of the saga.

use super::{
    events::{Fetched, Published, ReconciliationEvent, Request},
    state::{Reconciliation, Run},
};
use crate::{
    aggregate::Decided,
    failure::{Decline, ErrorName, Failure},
    ids::AttemptNumber,
    saga::{Step, killed},
    status::Status,
    time::Timestamp,
};

type Decision = Result<Decided<Reconciliation>, Decline>;

/// # Errors
/// A conflict when the id is taken by another request.
pub fn start(state: &Option<Run>, request: &Request, as_of: Timestamp) -> Decision {
    match state {
        None => Ok(vec![ReconciliationEvent::ReconciliationStarted { request: request.clone(), as_of }]),
        Some(run) if same_request(&run.request, request) => Ok(Vec::new()),
        Some(_) => Err(Decline::conflict("this reconciliation_id is taken by a run with another job or date range")),
    }
}

/// Equal but for the job's version: a job changed between two equal starts does not make them different requests.
fn same_request(left: &Request, right: &Request) -> bool {
    left.job_id == right.job_id && left.date_range == right.date_range
}

fn at_attempt(state: &Option<Run>, attempt: AttemptNumber) -> Result<&Run, Decline> {
    let run = state.as_ref().ok_or_else(|| Decline::not_found("no such reconciliation"))?;
    if run.attempt == attempt { Ok(run) } else { Err(over(run)) }
}

fn over(run: &Run) -> Decline {
    Decline::superseded(format!("the run is {} at attempt {}", run.status.as_str(), run.attempt))
}

/// The run at `attempt`, not over. What a step had begun when the run was paused or cancelled, it may finish: a pause
/// takes hold before the next step, and a cancelled attempt is undone with all it did.
fn under_way(state: &Option<Run>, attempt: AttemptNumber) -> Result<&Run, Decline> {
    let run = at_attempt(state, attempt)?;
    if run.status.goes_forward() || run.cancel.is_some() && run.status == Status::Compensating {
        Ok(run)
    } else {
        Err(over(run))
    }
}

/// # Errors
/// Superseded when the attempt is no longer the running one.
pub fn orders_fetched(state: &Option<Run>, fetched: &Fetched) -> Decision {
    let run = under_way(state, fetched.attempt)?;
    let known = run.orders.as_ref().is_some_and(|known| known.attempt == fetched.attempt);
    Ok(if known { Vec::new() } else { vec![ReconciliationEvent::OrdersFetched(fetched.clone())] })
}

/// # Errors
/// As [`orders_fetched`].
pub fn payments_fetched(state: &Option<Run>, fetched: &Fetched) -> Decision {
    let run = under_way(state, fetched.attempt)?;
    let known = run.payments.as_ref().is_some_and(|known| known.attempt == fetched.attempt);
    Ok(if known { Vec::new() } else { vec![ReconciliationEvent::PaymentsFetched(fetched.clone())] })
}

/// # Errors
/// As [`orders_fetched`]; cancelled when somebody asked for that: nothing new becomes visible then.
pub fn publish(state: &Option<Run>, published: &Published) -> Decision {
    let run = under_way(state, published.attempt)?;
    not_cancelled(run)?;
    let visible = run.published.as_ref().is_some_and(|visible| visible.attempt == published.attempt);
    Ok(if visible { Vec::new() } else { vec![ReconciliationEvent::ResultsPublished(published.clone())] })
}

fn not_cancelled(run: &Run) -> Result<(), Decline> {
    match &run.cancel {
        None => Ok(()),
        Some(asked) => {
            let why = asked.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            Err(Decline { name: ErrorName::Cancelled, message: format!("the run was cancelled{why}") })
        }
    }
}

/// Whether a step may begin or go on.
///
/// # Errors
/// Cancelled or on hold, when somebody asked for it; superseded when the attempt is over.
pub fn may_go_on(state: &Option<Run>, attempt: AttemptNumber) -> Result<(), Decline> {
    let run = under_way(state, attempt)?;
    not_cancelled(run)?;
    if run.status == Status::Paused {
        return Err(Decline { name: ErrorName::OnHold, message: "the run is paused".to_owned() });
    }
    Ok(())
}

/// The point of no return. Completing twice is fine.
///
/// # Errors
/// A conflict when nothing was published; cancelled or on hold, when somebody asked for it first; superseded when the
/// run ended otherwise.
pub fn complete(state: &Option<Run>, attempt: AttemptNumber, now: Timestamp) -> Decision {
    if state.as_ref().is_some_and(|run| run.attempt == attempt && run.status == Status::Completed) {
        return Ok(Vec::new());
    }
    may_go_on(state, attempt)?;
    if under_way(state, attempt)?.published.is_none() {
        return Err(Decline::conflict("nothing was published, so there is nothing to complete"));
    }
    Ok(vec![ReconciliationEvent::ReconciliationCompleted { attempt, completed_at: now }])
}

/// A step failed for good and its policy is to pause: the run waits for a person.
///
/// # Errors
/// Superseded when the attempt is no longer the running one.
pub fn hold(state: &Option<Run>, attempt: AttemptNumber, failure: &Failure, at: Timestamp) -> Decision {
    let run = under_way(state, attempt)?;
    if run.status != Status::Running {
        return Ok(Vec::new());
    }
    let reason = Some(format!("{} in {}: {}", failure.name, failure.step, failure.message));
    Ok(vec![ReconciliationEvent::ReconciliationPaused { attempt, reason, at }])
}

/// The attempt turns around after a failure. One that was cancelled has turned around by that.
///
/// # Errors
/// Superseded when the attempt is over.
pub fn compensating(state: &Option<Run>, attempt: AttemptNumber, failure: &Failure, at: Timestamp) -> Decision {
    let run = at_attempt(state, attempt)?;
    match run.status {
        Status::Running | Status::Paused => {
            Ok(vec![ReconciliationEvent::CompensationStarted { attempt, failure: failure.clone(), at }])
        }
        Status::Compensating | Status::Stuck => Ok(Vec::new()),
        _ => Err(over(run)),
    }
}

/// # Errors
/// Superseded when the attempt is over.
pub fn withdraw(state: &Option<Run>, attempt: AttemptNumber) -> Decision {
    let run = at_attempt(state, attempt)?;
    if run.status.has_ended() {
        return Err(over(run));
    }
    Ok(if run.published.is_some() { vec![ReconciliationEvent::ResultsWithdrawn { attempt }] } else { Vec::new() })
}

/// Undoing `step` kept failing.
///
/// # Errors
/// Superseded unless the attempt is being undone.
pub fn stuck(state: &Option<Run>, attempt: AttemptNumber, step: Step, failure: &Failure, at: Timestamp) -> Decision {
    let run = at_attempt(state, attempt)?;
    match run.status {
        Status::Compensating => {
            Ok(vec![ReconciliationEvent::CompensationStuck { attempt, step, failure: failure.clone(), at }])
        }
        Status::Stuck => Ok(Vec::new()),
        _ => Err(over(run)),
    }
}

/// The end of an attempt that was undone: cancelled if somebody asked for that, else failed. Ending twice is fine.
///
/// # Errors
/// Superseded when the attempt ended otherwise; a conflict while something is visible or nothing says why it is undone.
pub fn end_undone(state: &Option<Run>, attempt: AttemptNumber, now: Timestamp) -> Decision {
    let run = at_attempt(state, attempt)?;
    match run.status {
        Status::Failed | Status::Cancelled => return Ok(Vec::new()),
        Status::Completed => return Err(over(run)),
        _ if run.published.is_some() => return Err(Decline::conflict("results are still visible")),
        _ => {}
    }
    match (&run.cancel, &run.failure) {
        (Some(asked), _) => Ok(vec![ReconciliationEvent::ReconciliationCancelled {
            attempt,
            reason: asked.reason.clone(),
            cancelled_at: now,
        }]),
        (None, Some(failure)) => {
            Ok(vec![ReconciliationEvent::ReconciliationFailed { attempt, failure: failure.clone(), failed_at: now }])
        }
        (None, None) => Err(Decline::conflict("the attempt is not being undone")),
    }
}

/// An operator ends the attempt as it stands, in whatever state; what is visible of it is hidden. Killing twice is fine.
///
/// # Errors
/// A conflict when the attempt has ended otherwise.
pub fn kill(state: &Option<Run>, reason: Option<&str>, now: Timestamp) -> Decision {
    let run = state.as_ref().ok_or_else(|| Decline::not_found("no such reconciliation"))?;
    let attempt = run.attempt;
    if run.status == Status::Failed && run.failure.as_ref().is_some_and(|failure| failure.name == ErrorName::Killed) {
        return Ok(Vec::new());
    }
    if run.status.has_ended() {
        return Err(Decline::conflict(format!("the run is {}; it cannot be killed", run.status.as_str())));
    }
    let mut events = withdraw(state, attempt)?;
    events.push(ReconciliationEvent::ReconciliationFailed {
        attempt,
        failure: killed::<Step>(None, reason),
        failed_at: now,
    });
    Ok(events)
}
