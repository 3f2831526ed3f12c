//! Commands append to the reconciliation's stream only; this copies to its ledger what they decided. It compares states
//! and not events, so a bell that rings twice, late or not at all changes nothing.

use super::{
    events::SagaEvent,
    state::{SagaRun, StepStatus},
};
use crate::{failure::ErrorName, reconciliation::Run, status::Status, time::Timestamp};

/// What the ledger has to say to agree with the run.
#[must_use]
pub fn follow(ledger: &Option<SagaRun>, run: &Run, at: Timestamp) -> Vec<SagaEvent> {
    let Some(saga) = ledger.as_ref().filter(|saga| saga.attempt == run.attempt && !saga.status.has_ended()) else {
        return Vec::new();
    };
    let attempt = run.attempt;
    let mut events = Vec::new();
    if let Some(asked) = run.cancel.as_ref().filter(|_| saga.cancel.is_none()) {
        events.push(SagaEvent::CancelRequested { attempt, reason: asked.reason.clone(), at: asked.at });
    }
    for skipped in &run.skipped {
        let still = saga.step(skipped.step).is_some_and(|line| line.status != StepStatus::UndoSkipped);
        if still {
            let (step, reason) = (skipped.step, skipped.reason.clone());
            events.push(SagaEvent::UndoSkipped { attempt, step, reason, at: skipped.at });
        }
    }
    let killed = run.failure.as_ref().filter(|failure| failure.name == ErrorName::Killed);
    if let (Some(failure), Some(at)) = (killed, run.ended_at) {
        events.push(SagaEvent::Killed { attempt, reason: Some(failure.message.clone()), at });
        return events;
    }
    let cancelled = !events.is_empty();
    match (saga.status, run.status) {
        (Status::Running, Status::Paused) => {
            events.push(SagaEvent::Paused {
                attempt,
                reason: run.paused.as_ref().and_then(|asked| asked.reason.clone()),
                at,
            });
        }
        // A ledger is stuck only together with its run, in one transaction: a run that is not was resumed.
        (Status::Paused, Status::Running) => events.push(SagaEvent::Resumed { attempt, at }),
        (Status::Stuck, Status::Compensating) if !cancelled => events.push(SagaEvent::Resumed { attempt, at }),
        _ => {}
    }
    events
}
