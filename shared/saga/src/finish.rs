//! Step `finish`: the point of no return. It decides on the run, so an accepted cancel or pause wins.

use crate::{
    compensate::{Plan, PlanInput},
    error::StepError,
    failure::ReportedFailure,
    input::StepInput,
    ledger::{Decision, Guard, Ledger, MAX_TRIES, outrun},
    outcome::{StepOutcome, held},
    persist::CROSSING,
    undo::UndoSteps,
};
use domain::{
    ErrorName, METRIC,
    job_runs::{self, CompletedRun, JobRuns},
    reconciliation,
    saga::{self, Step, ended_fence, forward_fence},
    status::Status,
};
use event_store::{Append, NewCommit, load};
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
        for _ in 0..MAX_TRIES {
            let noted = self.note(input).await?;
            let done = self.ledger.try_once(input, Guard::Fence(fence), |current, at| {
                let mut events =
                    saga::step_succeeded(&current.saga.state, input.attempt, STEP, serde_json::Value::Null, at)?;
                events.extend(saga::complete(&current.saga.state, input.attempt, at)?);
                Ok(Decision {
                    saga: events,
                    subject: reconciliation::complete(&current.run.state, input.attempt, at)?,
                    set_fence: Some(ended_fence(input.attempt)),
                    others: noted.clone(),
                    ..Decision::default()
                })
            });
            if done.await? {
                return Ok(());
            }
        }
        Err(outrun())
    }

    /// The note for later runs of the job: with the run's completion it is written, or neither is.
    async fn note(&self, input: &StepInput) -> Result<Vec<Append>, StepError> {
        let run = self.ledger.run(input).await?;
        let saga = self.ledger.saga(input).await?;
        let persisted = saga.and_then(|saga| saga.step(Step::PersistResults).map(|step| step.reference.clone()));
        let crossing = persisted.as_ref().and_then(|reference| reference.get(CROSSING)?.as_str()).map(str::to_owned);
        let completed = CompletedRun {
            reconciliation_id: input.reconciliation_id.clone(),
            attempt: input.attempt,
            date_range: run.request.date_range.clone(),
            timezone: run.request.timezone.clone(),
            crossing,
        };
        let job = run.request.job_id.as_str();
        let noted = load::<JobRuns>(self.ledger.store.as_ref(), &input.tenant_id, job).await?;
        let events = job_runs::note(&noted.state, &completed);
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let commit_id = self.ledger.commit_id();
        Ok(vec![NewCommit::of::<JobRuns>(&input.tenant_id, job, noted.version, &events, commit_id)?])
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
