//! Undoing an attempt: planned from the ledger, newest first, one step per call. Works for any saga whose steps say how
//! they are undone.

use crate::{
    draft::Draft,
    error::StepError,
    failure::ReportedFailure,
    input::StepInput,
    ledger::{CurrentOf, DecisionOf, Guard, LedgerOf},
};
use async_trait::async_trait;
use domain::{
    Decline, ErrorName, Failure, Timestamp,
    saga::{self, SagaOf, SagaRunOf, SagaStep, Subject, ended_fence, forward_fence, undo_fence},
    status::Status,
};
use event_store::Append;
use serde::{Deserialize, Serialize};

/// What taking a step back writes beside the ledger, in the same transaction as UndoFinished.
pub struct Effect<A: Subject> {
    pub subject: Vec<A::Event>,
    pub others: Vec<Append>,
}

impl<A: Subject> std::fmt::Debug for Effect<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Effect").field("events", &self.subject.len()).field("others", &self.others).finish()
    }
}

/// How the steps of a saga are undone.
#[async_trait]
pub trait Undoes<A: Subject>: Send + Sync {
    /// Decided on what is there now; called again while other writers are first.
    ///
    /// # Errors
    /// A [`StepError`] whose name says whether another try may help.
    async fn effect(
        &self,
        ledger: &LedgerOf<A>,
        input: &StepInput,
        step: A::Step,
        run: &A::State,
    ) -> Result<Effect<A>, StepError>;
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Plan {
    /// Undo this step, then ask again.
    Undo { step: String },
    /// An operator has to decide about this step; then ask again.
    Stuck { step: String },
    /// Nothing is left. `outcome` is failed or cancelled, or completed when only an answer was lost.
    Ended { outcome: Status },
}

/// What led here: the failure of a step, of an undo, or nothing new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PlanInput {
    #[serde(default)]
    pub failure: Option<ReportedFailure>,
    /// The undo of this step failed, as often as it is tried.
    #[serde(default)]
    pub undo: Option<String>,
}

fn at_attempt<A: Subject>(current: &CurrentOf<A>, input: &StepInput) -> Result<SagaRunOf<A::Step>, StepError> {
    let saga = current.saga.state.clone().filter(|saga| saga.attempt == input.attempt);
    saga.ok_or_else(|| Decline::superseded("the ledger is at another attempt").into())
}

impl<A: Subject> LedgerOf<A> {
    /// Turns the attempt around if that has not happened, and says what is next. The last call ends the attempt.
    ///
    /// # Errors
    /// Superseded when another attempt has begun.
    pub async fn plan_undo(&self, input: &StepInput, how: &PlanInput) -> Result<Plan, StepError> {
        let failure = how.failure.as_ref().map(ReportedFailure::read);
        let saga = at_attempt(&self.current(input).await?, input)?;
        match saga.status {
            Status::Running | Status::Paused => {
                self.turn_around(input, &failure.unwrap_or_else(unknown_failure)).await?;
            }
            Status::Compensating => {
                let undo = how.undo.as_deref().and_then(A::Step::parse);
                if let (Some(step), Some(failure)) = (undo, failure) {
                    self.get_stuck(input, step, &failure).await?;
                }
            }
            Status::Stuck | Status::Completed | Status::Failed | Status::Cancelled => {}
        }
        self.next(input).await
    }

    /// Raises the fence: from here on no forward step of the attempt can write.
    async fn turn_around(&self, input: &StepInput, failure: &Failure) -> Result<(), StepError> {
        let fence = forward_fence(input.attempt);
        let turned = self.transact(input, Guard::Fence(&fence), |current, at| {
            let cancelled = A::is_cancelled(&current.run.state);
            let why = Some(failure).filter(|_| !cancelled);
            Ok(DecisionOf {
                saga: saga::plan_undo(&current.saga.state, input.attempt, why, at)?,
                subject: A::compensating(&current.run.state, input.attempt, failure, at)?,
                set_fence: Some(undo_fence(input.attempt)),
                ..DecisionOf::default()
            })
        });
        match turned.await {
            // Another call of this step was first.
            Err(error) if error.name == ErrorName::Superseded => {
                match at_attempt(&self.current(input).await?, input)?.status {
                    Status::Running | Status::Paused => Err(error),
                    _ => Ok(()),
                }
            }
            other => other,
        }
    }

    async fn get_stuck(&self, input: &StepInput, step: A::Step, failure: &Failure) -> Result<(), StepError> {
        let fence = undo_fence(input.attempt);
        self.transact(input, Guard::Fence(&fence), |current, at| {
            let saga = saga::undo_failed(&current.saga.state, input.attempt, step, failure, at)?;
            let subject = if saga.is_empty() {
                Vec::new()
            } else {
                A::stuck(&current.run.state, input.attempt, (step, failure), at)?
            };
            Ok(DecisionOf { saga, subject, ..DecisionOf::default() })
        })
        .await
    }

    async fn next(&self, input: &StepInput) -> Result<Plan, StepError> {
        let saga = at_attempt(&self.current(input).await?, input)?;
        if let Some(step) = saga.stuck_at() {
            return Ok(Plan::Stuck { step: step.as_str().to_owned() });
        }
        match (saga.status, saga.to_undo().first()) {
            // A completed one too: only the answer of its last step was lost, and the word of it has still to be spread.
            (Status::Failed | Status::Cancelled | Status::Completed, _) => {
                return Ok(Plan::Ended { outcome: saga.status });
            }
            (_, Some(step)) => return Ok(Plan::Undo { step: step.as_str().to_owned() }),
            (_, None) => {}
        }
        let fence = undo_fence(input.attempt);
        self.transact(input, Guard::Fence(&fence), |current, at| {
            Ok(DecisionOf {
                // A cancel that was accepted while undoing counts: the ledger says what the run says.
                saga: end_of_ledger::<A>(current, input, at)?,
                subject: A::end_undone(&current.run.state, input.attempt, at)?,
                set_fence: Some(ended_fence(input.attempt)),
                ..DecisionOf::default()
            })
        })
        .await?;
        let saga = at_attempt(&self.current(input).await?, input)?;
        Ok(Plan::Ended { outcome: saga.status })
    }

    /// Takes one step back. Done again, it writes nothing.
    ///
    /// # Errors
    /// What the step's own undo ends with; superseded when the attempt is over.
    pub async fn undo(&self, input: &StepInput, step: A::Step, undoes: &dyn Undoes<A>) -> Result<(), StepError> {
        let fence = undo_fence(input.attempt);
        self.transact(input, Guard::Fence(&fence), |current, at| {
            Ok(DecisionOf {
                saga: saga::undo_started(&current.saga.state, input.attempt, step, at)?,
                ..DecisionOf::default()
            })
        })
        .await?;
        for _ in 0..crate::ledger::MAX_TRIES {
            let current = self.current(input).await?;
            let left = at_attempt(&current, input)?.step(step).is_some_and(|run| run.status.may_have_left_something());
            if !left {
                return Ok(());
            }
            let Effect { subject, others } = undoes.effect(self, input, step, &current.run.state).await?;
            let run_version = current.run.version;
            let written = self.try_once(input, Guard::Fence(&fence), |current, at| {
                // The effect was decided on this version of the run.
                if current.run.version != run_version {
                    return Err(StepError::new(ErrorName::Conflict, MOVED));
                }
                Ok(DecisionOf {
                    saga: saga::undo_finished(&current.saga.state, input.attempt, step, at)?,
                    subject: subject.clone(),
                    others: others.clone(),
                    ..DecisionOf::default()
                })
            });
            match written.await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.message == MOVED => {}
                Err(error) => return Err(error),
            }
        }
        Err(crate::ledger::outrun())
    }
}

const MOVED: &str = "the run moved on meanwhile";

fn end_of_ledger<A: Subject>(
    current: &CurrentOf<A>,
    input: &StepInput,
    at: Timestamp,
) -> Result<Vec<saga::SagaEventOf<A::Step>>, StepError> {
    let mut ledger = Draft::<SagaOf<A::Step>>::of(&current.saga.state);
    let told = ledger.state.as_ref().is_some_and(|saga| saga.cancel.is_some());
    if A::is_cancelled(&current.run.state) && !told {
        let attempt = input.attempt;
        ledger.decide(|_| Ok(vec![saga::SagaEventOf::CancelRequested { attempt, reason: None, at }]))?;
    }
    ledger.decide(|state| saga::compensate(state, input.attempt, at))?;
    Ok(ledger.events)
}

/// The engine asked for undoing and did not say why.
fn unknown_failure() -> Failure {
    Failure {
        name: ErrorName::Internal,
        message: "the workflow engine gave no reason".to_owned(),
        step: String::new(),
        retryable: false,
    }
}
