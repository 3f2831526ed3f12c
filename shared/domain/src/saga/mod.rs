//! Aggregate `saga`: the ledger of one run's workflow. Step Functions runs it; this knows what happened.
//!
//! Everything here is written for any saga, whose steps are a [`SagaStep`]; [`Step`] is the reconciliation's.
//!
//! **Invariants:** an attempt ends once; undo goes newest first and includes what may have happened; nothing goes
//! forward after [`SagaEventOf::UndoPlanned`].

mod decide;
mod events;
mod evolve;
mod fence;
mod follow;
mod state;
mod step;
mod subject;
#[cfg(test)]
mod tests;
mod undo;

pub use crate::status::Status as SagaStatus;
pub use decide::{
    SagaDecision, complete, replace_execution, start, start_attempt, step_failed, step_progressed, step_started,
    step_succeeded, step_waiting,
};
pub use events::{SagaEvent, SagaEventOf, WaitReason};
pub use evolve::{Saga, SagaOf, killed};
pub use fence::{ended_fence, forward_fence, undo_fence};
pub use follow::follow;
pub use state::{Asked, PastAttempt, SagaRun, SagaRunOf, StepRun, StepRunOf, StepStatus, Waiting};
pub use step::{OnFailure, SagaStep, Step, Undo};
pub use subject::Subject;
pub use undo::{compensate, kill, plan_undo, undo_failed, undo_finished, undo_started};
