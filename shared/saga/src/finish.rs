//! Step `finish`: the point of no return. It decides on the run, so an accepted cancel or pause wins.

use crate::{
    compensate::{Plan, PlanInput},
    error::StepError,
    failure::ReportedFailure,
    input::StepInput,
    ledger::{Decision, Guard, Ledger},
    outcome::{StepOutcome, held},
    undo::UndoSteps,
};
use domain::{
    ErrorName, METRIC, reconciliation,
    saga::{self, Step, ended_fence, forward_fence},
    status::Status,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum FinishInput {
    Completed,
    /// As state machines of the version before ask for it: undo everything at once and end.
    Failed {
        failure: ReportedFailure,
    },
}

/// How the run ended, for the execution's output; or that it waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FinishOutcome {
    Ended { status: Status },
    Held(StepOutcome),
}

#[derive(Debug, Clone)]
pub struct FinishRun {
    pub ledger: Ledger,
}

const STEP: Step = Step::Finish;

impl FinishRun {
    /// # Errors
    /// A [`StepError`] whose name says whether another try may help.
    pub async fn run(&self, input: &StepInput, how: &FinishInput) -> Result<FinishOutcome, StepError> {
        match how {
            FinishInput::Completed => {
                let done = held(&self.ledger, input, STEP, self.complete(input).await).await?;
                Ok(done.map_or_else(FinishOutcome::Held, |()| FinishOutcome::Ended { status: Status::Completed }))
            }
            FinishInput::Failed { failure } => self.undo_all(input, failure).await,
        }
    }

    async fn complete(&self, input: &StepInput) -> Result<(), StepError> {
        let fence = forward_fence(input.attempt);
        if self.ledger.run(input).await?.status == Status::Completed {
            return Ok(());
        }
        self.ledger.step(input, STEP, &fence, (), self.end(input, &fence)).await?;
        let run = self.ledger.run(input).await?;
        if let Some(ended) = run.ended_at {
            let took_ms = ended.millis() - run.as_of.millis();
            tracing::info!(target: METRIC, name = "SagaDuration", value = took_ms, unit = "Milliseconds");
        }
        Ok(())
    }

    async fn end(&self, input: &StepInput, fence: &str) -> Result<(), StepError> {
        self.ledger
            .transact(input, Guard::Fence(fence), |current, at| {
                let mut events =
                    saga::step_succeeded(&current.saga.state, input.attempt, STEP, serde_json::Value::Null, at)?;
                events.extend(saga::complete(&current.saga.state, input.attempt, at)?);
                Ok(Decision {
                    saga: events,
                    subject: reconciliation::complete(&current.run.state, input.attempt, at)?,
                    set_fence: Some(ended_fence(input.attempt)),
                    ..Decision::default()
                })
            })
            .await
    }

    async fn undo_all(&self, input: &StepInput, failure: &ReportedFailure) -> Result<FinishOutcome, StepError> {
        let status = self.ledger.run(input).await?.status;
        if status.has_ended() {
            // It may have completed although its last answer was lost.
            return Ok(FinishOutcome::Ended { status });
        }
        let how = PlanInput { failure: Some(failure.clone()), undo: None };
        loop {
            match self.ledger.plan_undo(input, &how).await? {
                Plan::Ended { outcome } => return Ok(FinishOutcome::Ended { status: outcome }),
                Plan::Stuck { .. } => return Ok(FinishOutcome::Ended { status: Status::Stuck }),
                Plan::Undo { step } => {
                    let step = saga::SagaStep::parse(&step)
                        .ok_or_else(|| StepError::new(ErrorName::Internal, format!("`{step}` is no step")))?;
                    self.ledger.undo(input, step, &UndoSteps).await?;
                }
            }
        }
    }
}
