//! Decisions of commands. Each says in which states it makes sense; in any other it is declined with the state and with
//! what may be done instead. Given again while its effect lasts, it yields no event.

use super::{
    events::ReconciliationEvent,
    state::{LastCommand, Reconciliation, Run},
};
use crate::{
    aggregate::Decided,
    failure::{Decline, ErrorName},
    saga::Step,
    status::Status,
    time::Timestamp,
};

type Decision = Result<Decided<Reconciliation>, Decline>;

/// Which staged data of earlier attempts is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedData {
    pub orders: bool,
    pub payments: bool,
}

impl StagedData {
    /// The latest step that an attempt can begin with: what matching and everything after it did was undone.
    #[must_use]
    pub const fn earliest_possible(self) -> Step {
        match (self.orders, self.payments) {
            (true, true) => Step::PerformMatching,
            (true, false) => Step::FetchStripePayments,
            (false, _) => Step::FetchShopifyOrders,
        }
    }

    const fn has(self, step: Step) -> bool {
        match step {
            Step::FetchShopifyOrders => self.orders,
            Step::FetchStripePayments => self.payments,
            _ => false,
        }
    }
}

const FETCHES: [Step; 2] = [Step::FetchShopifyOrders, Step::FetchStripePayments];

fn known(state: &Option<Run>) -> Result<&Run, Decline> {
    state.as_ref().ok_or_else(|| Decline::not_found("no such reconciliation"))
}

/// The refusal of a command that makes no sense now.
fn not_now(run: &Run, what: &str) -> Decline {
    let may = match run.status.actions() {
        [] if run.status == Status::Compensating => "it is being undone and ends by itself".to_owned(),
        [] => "there is nothing left to do".to_owned(),
        actions => format!("possible now: {}", actions.join(", ")),
    };
    Decline::conflict(format!("the run is {}, so it cannot be {what}; {may}", run.status.as_str()))
}

/// A further attempt of a run that failed or was cancelled. `asked` is the step to begin with, none for the latest that
/// is possible; a step after perform_matching begins with perform_matching, because what it would build on was undone.
///
/// # Errors
/// A conflict in any other state; [`ErrorName::StagedDataExpired`] when the inputs of `asked` are gone.
pub fn retry(state: &Option<Run>, asked: Option<Step>, staged: StagedData, at: Timestamp) -> Decision {
    let run = known(state)?;
    let possible = staged.earliest_possible();
    let wanted = asked.map(|asked| asked.min(Step::PerformMatching));
    if run.status == Status::Running
        && matches!(run.last_command, Some(LastCommand::Retried(from)) if wanted.is_none() || from == wanted)
    {
        return Ok(Vec::new());
    }
    if !matches!(run.status, Status::Failed | Status::Cancelled) {
        return Err(not_now(run, "retried"));
    }
    let from_step = wanted.unwrap_or(possible);
    let reused: Vec<Step> = match wanted {
        Some(wanted) => FETCHES.into_iter().filter(|step| *step < wanted).collect(),
        None => FETCHES.into_iter().filter(|step| staged.has(*step)).collect(),
    };
    if let Some(gone) = reused.iter().find(|step| !staged.has(**step)) {
        let message = format!(
            "what {} had staged is gone; the latest step to begin with is {}",
            gone.as_str(),
            possible.as_str()
        );
        return Err(Decline { name: ErrorName::StagedDataExpired, message });
    }
    let attempt = run.attempt.saturating_add(1);
    Ok(vec![ReconciliationEvent::ReconciliationRetried { attempt, from_step, reused, at }])
}

/// # Errors
/// A conflict unless the run is running, paused or stuck.
pub fn cancel(state: &Option<Run>, reason: Option<&str>, at: Timestamp) -> Decision {
    let run = known(state)?;
    match run.status {
        Status::Running | Status::Paused | Status::Stuck => {
            let (attempt, reason) = (run.attempt, reason.map(str::to_owned));
            Ok(vec![ReconciliationEvent::ReconciliationCancelRequested { attempt, reason, at }])
        }
        Status::Compensating if run.cancel.is_some() => Ok(Vec::new()),
        _ => Err(not_now(run, "cancelled")),
    }
}

/// # Errors
/// A conflict unless the run is running.
pub fn pause(state: &Option<Run>, reason: Option<&str>, at: Timestamp) -> Decision {
    let run = known(state)?;
    match run.status {
        Status::Running => {
            let (attempt, reason) = (run.attempt, reason.map(str::to_owned));
            Ok(vec![ReconciliationEvent::ReconciliationPaused { attempt, reason, at }])
        }
        Status::Paused => Ok(Vec::new()),
        _ => Err(not_now(run, "paused")),
    }
}

/// Lets a paused run go on, or a stuck one try its undo again.
///
/// # Errors
/// A conflict in any other state.
pub fn resume(state: &Option<Run>, at: Timestamp) -> Decision {
    let run = known(state)?;
    match run.status {
        Status::Paused | Status::Stuck => {
            Ok(vec![ReconciliationEvent::ReconciliationResumed { attempt: run.attempt, at }])
        }
        Status::Running | Status::Compensating if run.last_command == Some(LastCommand::Resumed) => Ok(Vec::new()),
        _ => Err(not_now(run, "resumed")),
    }
}

/// An operator answers for what a step left, and undoing goes on without it. `step` is the stuck one if none is named.
///
/// # Errors
/// A conflict unless the run is stuck at that step.
pub fn skip_undo(state: &Option<Run>, step: Option<Step>, reason: &str, at: Timestamp) -> Decision {
    let run = known(state)?;
    let again = |skipped: Step| step.is_none_or(|step| step == skipped);
    match (&run.stuck, run.last_command) {
        (Some(stuck), _) if run.status == Status::Stuck => {
            if step.is_some_and(|step| step != stuck.step) {
                let message = format!("the run is stuck at {}, and only that undo can be skipped", stuck.step.as_str());
                return Err(Decline::conflict(message));
            }
            let (attempt, step, reason) = (run.attempt, stuck.step, reason.to_owned());
            Ok(vec![ReconciliationEvent::CompensationStepSkipped { attempt, step, reason, at }])
        }
        (_, Some(LastCommand::Skipped(skipped))) if run.status == Status::Compensating && again(skipped) => {
            Ok(Vec::new())
        }
        _ => Err(not_now(run, "skipped over")),
    }
}

/// The engine lost the attempt: another one goes on with what is staged. Not a command of a person.
///
/// # Errors
/// Superseded unless the run still goes forward at `attempt`.
pub fn take_over(state: &Option<Run>, attempt: u32, at: Timestamp) -> Decision {
    let run = known(state)?;
    if run.attempt != attempt || run.status != Status::Running {
        return Err(Decline::superseded(format!("the run is {} at attempt {}", run.status.as_str(), run.attempt)));
    }
    let staged = StagedData { orders: run.orders.is_some(), payments: run.payments.is_some() };
    let from_step = staged.earliest_possible();
    let reused = FETCHES.into_iter().filter(|step| staged.has(*step)).collect();
    let mut events = Vec::new();
    if run.published.is_some() {
        events.push(ReconciliationEvent::ResultsWithdrawn { attempt });
    }
    events.push(ReconciliationEvent::ReconciliationRetried {
        attempt: attempt.saturating_add(1),
        from_step,
        reused,
        at,
    });
    Ok(events)
}
