//! How events change the state.

use super::{
    events::SagaEventOf,
    state::{Asked, MAX_PAST_ATTEMPTS, PastAttempt, SagaRunOf, StepRunOf, StepStatus, Waiting},
    step::{SagaStep, Step},
};
use crate::{
    aggregate::{Aggregate, SnapshotFormat},
    failure::{ErrorName, Failure},
    status::Status,
    time::Timestamp,
};
use serde_json::Value;
use std::marker::PhantomData;

/// The ledger of one run of a saga with the steps `S`.
#[derive(Debug)]
pub struct SagaOf<S>(PhantomData<S>);

/// The ledger of a reconciliation.
pub type Saga = SagaOf<Step>;

impl<S: SagaStep> Aggregate for SagaOf<S> {
    const TYPE: &'static str = "saga";
    type Event = SagaEventOf<S>;
    type State = Option<SagaRunOf<S>>;
    const SNAPSHOT: Option<SnapshotFormat<Self::State>> = Some(SnapshotFormat::json(1));

    fn evolve(state: Option<SagaRunOf<S>>, event: &SagaEventOf<S>) -> Option<SagaRunOf<S>> {
        use SagaEventOf as E;
        match (event, state) {
            (E::SagaStarted { attempt, execution_arn }, before) => {
                Some(next_attempt(before, SagaRunOf::new(*attempt, execution_arn)))
            }
            (E::AttemptStarted { attempt, execution_arn, from_step, reused, at }, before) => {
                let mut run = SagaRunOf::new(*attempt, execution_arn);
                run.from_step = Some(*from_step);
                run.steps = reused.iter().map(|step| line(*step, StepStatus::Reused, *at)).collect();
                Some(next_attempt(before, run))
            }
            (_, None) => None,
            (event, Some(mut saga)) => {
                match event {
                    E::StepStarted { .. }
                    | E::StepProgressed { .. }
                    | E::StepWaiting { .. }
                    | E::StepSucceeded { .. }
                    | E::StepFailed { .. } => forward(&mut saga, event),
                    E::UndoPlanned { .. }
                    | E::UndoStarted { .. }
                    | E::UndoFinished { .. }
                    | E::UndoFailed { .. }
                    | E::UndoSkipped { .. }
                    | E::Stuck { .. } => backward(&mut saga, event),
                    _ => steer(&mut saga, event),
                }
                Some(saga)
            }
        }
    }
}

fn next_attempt<S: SagaStep>(before: Option<SagaRunOf<S>>, mut run: SagaRunOf<S>) -> SagaRunOf<S> {
    if let Some(before) = before {
        let SagaRunOf { attempt, status, ended_at, failure, mut past, .. } = before;
        past.push(PastAttempt { attempt, status, ended_at, failure });
        let excess = past.len().saturating_sub(MAX_PAST_ATTEMPTS);
        run.past = past.split_off(excess);
    }
    run
}

fn line<S>(step: S, status: StepStatus, at: Timestamp) -> StepRunOf<S> {
    StepRunOf {
        step,
        status,
        started_at: at,
        tried_at: at,
        ended_at: (status == StepStatus::Reused).then_some(at),
        tries: u32::from(status == StepStatus::Running),
        pages: 0,
        records: 0,
        reference: Value::Null,
        failure: None,
        waiting: None,
        waited_ms: 0,
        undo_failure: None,
        undo_skipped: None,
    }
}

fn forward<S: SagaStep>(saga: &mut SagaRunOf<S>, event: &SagaEventOf<S>) {
    use SagaEventOf as E;
    match event {
        E::StepStarted { step, at, .. } => match saga.step_mut(*step) {
            Some(run) => {
                if let Some(waiting) = run.waiting.take() {
                    if !waiting.reason.is_for_a_person() {
                        run.waited_ms =
                            run.waited_ms.saturating_add(at.millis().saturating_sub(waiting.since.millis()));
                    }
                } else {
                    run.tries = run.tries.saturating_add(1);
                }
                run.status = StepStatus::Running;
                run.tried_at = *at;
                run.ended_at = None;
            }
            None => saga.steps.push(line(*step, StepStatus::Running, *at)),
        },
        E::StepProgressed { step, pages, records, .. } => {
            if let Some(run) = saga.step_mut(*step) {
                run.pages = *pages;
                run.records = *records;
            }
        }
        E::StepWaiting { step, reason, until, at, .. } => {
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::Waiting;
                run.waiting = Some(Waiting { reason: *reason, until: *until, since: *at });
            }
        }
        E::StepSucceeded { step, reference, at, .. } => {
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::Succeeded;
                run.ended_at = Some(*at);
                run.reference = reference.clone();
                run.failure = None;
                run.waiting = None;
            }
        }
        E::StepFailed { step, failure, at, .. } => {
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::Failed;
                run.ended_at = Some(*at);
                run.failure = Some(failure.clone());
                run.waiting = None;
            }
        }
        _ => {}
    }
}

fn backward<S: SagaStep>(saga: &mut SagaRunOf<S>, event: &SagaEventOf<S>) {
    use SagaEventOf as E;
    match event {
        E::UndoPlanned { failure, .. } => {
            saga.status = Status::Compensating;
            saga.failure.clone_from(failure);
            for run in &mut saga.steps {
                run.waiting = None;
            }
        }
        E::UndoStarted { step, .. } => {
            saga.status = Status::Compensating;
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::Undoing;
            }
        }
        E::UndoFinished { step, at, .. } => {
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::Undone;
                run.ended_at = Some(*at);
                run.undo_failure = None;
            }
        }
        E::UndoFailed { step, failure, .. } => {
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::UndoFailed;
                run.undo_failure = Some(failure.clone());
            }
        }
        E::UndoSkipped { step, reason, at, .. } => {
            saga.status = Status::Compensating;
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::UndoSkipped;
                run.ended_at = Some(*at);
                run.undo_skipped = Some(reason.clone());
            }
        }
        E::Stuck { step, failure, .. } => {
            saga.status = Status::Stuck;
            if let Some(run) = saga.step_mut(*step) {
                run.status = StepStatus::UndoFailed;
                run.undo_failure = Some(failure.clone());
            }
        }
        _ => {}
    }
}

fn steer<S: SagaStep>(saga: &mut SagaRunOf<S>, event: &SagaEventOf<S>) {
    use SagaEventOf as E;
    match event {
        E::ExecutionReplaced { execution_arn, .. } => {
            execution_arn.clone_into(&mut saga.execution_arn);
            saga.executions = saga.executions.saturating_add(1);
        }
        E::CancelRequested { reason, at, .. } => {
            saga.cancel = Some(Asked { reason: reason.clone(), at: *at });
            if saga.status == Status::Paused {
                saga.status = Status::Running;
            }
            if saga.status == Status::Stuck {
                saga.status = Status::Compensating;
            }
        }
        E::Paused { .. } => saga.status = Status::Paused,
        E::Resumed { .. } => {
            saga.status = if saga.status == Status::Stuck { Status::Compensating } else { Status::Running };
        }
        E::Completed { at, .. } => end(saga, Status::Completed, *at),
        E::Compensated { at, .. } => {
            let status = if saga.cancel.is_some() { Status::Cancelled } else { Status::Failed };
            end(saga, status, *at);
        }
        E::Killed { reason, at, .. } => {
            saga.failure = Some(killed(saga.current(), reason.as_deref()));
            end(saga, Status::Failed, *at);
        }
        _ => {}
    }
}

/// Why a killed attempt failed, in the same words wherever it is told.
#[must_use]
pub fn killed<S: SagaStep>(step: Option<S>, reason: Option<&str>) -> Failure {
    let message = reason.unwrap_or("an operator ended this attempt without undoing it").to_owned();
    Failure { name: ErrorName::Killed, message, step: step.map_or("", SagaStep::as_str).to_owned(), retryable: true }
}

fn end<S: SagaStep>(saga: &mut SagaRunOf<S>, status: Status, at: Timestamp) {
    saga.status = status;
    saga.ended_at = Some(at);
    for run in &mut saga.steps {
        run.waiting = None;
    }
}
