//! The ledger of one attempt: how steps write down that they began, got on, succeeded or failed.

use crate::{error::StepError, input::StepInput};
use domain::{
    Aggregate, Clock, Decline, ErrorName, IdSource, Metadata, Timestamp,
    reconciliation::{Reconciliation, ReconciliationEvent, Run},
    saga::{self, Saga, SagaEvent, SagaRun, Step, StepStatus},
};
use event_store::{Append, AppendError, EventStore, Fence, Loaded, NewCommit, StreamKey, Transaction, load};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// Tries against the other branch before a step gives up and is started again as a whole. Both fetches write to the
/// same two streams, and each commit of one makes at most one try of the other fail.
pub const MAX_TRIES: u32 = 12;

/// Both aggregates of a run, as they are now.
#[derive(Debug)]
pub struct Current {
    pub saga: Loaded<Option<SagaRun>>,
    pub run: Loaded<Option<Run>>,
}

/// What a step wants to append, decided on what is there now.
#[derive(Debug, Default)]
pub struct Decision {
    pub saga: Vec<SagaEvent>,
    pub reconciliation: Vec<ReconciliationEvent>,
    /// Appends to other streams of the same transaction.
    pub others: Vec<Append>,
    /// Raises the fence in the same transaction.
    pub set_fence: Option<String>,
}

#[derive(Clone)]
pub struct Ledger {
    pub store: Arc<dyn EventStore>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

impl Ledger {
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { store, clock, ids }
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    #[must_use]
    pub fn metadata(&self, input: &StepInput, at: Timestamp) -> Metadata {
        Metadata {
            tenant_id: input.tenant_id.clone(),
            user_id: None,
            timestamp: at,
            correlation_id: input.correlation_id.clone(),
            causation_id: Some(format!("{}-a{}", input.reconciliation_id, input.attempt)),
        }
    }

    /// The run, which must be at the input's attempt.
    ///
    /// # Errors
    /// Not found, or superseded by a later attempt.
    pub async fn run(&self, input: &StepInput) -> Result<Run, StepError> {
        let loaded =
            load::<Reconciliation>(self.store.as_ref(), &input.tenant_id, input.reconciliation_id.as_str()).await?;
        let run = loaded.state.ok_or_else(|| Decline::not_found("no such reconciliation"))?;
        if run.attempt == input.attempt {
            Ok(run)
        } else {
            Err(Decline::superseded(format!("the run is at attempt {}", run.attempt)).into())
        }
    }

    /// The ledger of the run; none before it began.
    ///
    /// # Errors
    /// When the store does not answer or the stream is damaged.
    pub async fn saga(&self, input: &StepInput) -> Result<Option<SagaRun>, StepError> {
        Ok(load::<Saga>(self.store.as_ref(), &input.tenant_id, input.reconciliation_id.as_str()).await?.state)
    }

    /// Runs a step and writes down that it began and, if so, why it failed. A step that has succeeded is not run again:
    /// it answers `done`, as it did then.
    ///
    /// # Errors
    /// What `work` ends with; superseded when the attempt is over.
    pub async fn step<T>(
        &self,
        input: &StepInput,
        step: Step,
        fence: &str,
        done: T,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let saga = self.saga(input).await?.filter(|saga| saga.attempt == input.attempt);
        if saga.is_some_and(|saga| saga.step(step).is_some_and(|run| run.status == StepStatus::Succeeded)) {
            return Ok(done);
        }
        self.begin(input, step, fence).await?;
        let result = work.await;
        if let Err(error) = &result
            && error.name != ErrorName::Superseded
        {
            self.failed(input, step, fence, error).await;
        }
        result
    }

    /// Writes down that a step began; once, however often it is started.
    ///
    /// # Errors
    /// Superseded when the attempt is over.
    pub async fn begin(&self, input: &StepInput, step: Step, fence: &str) -> Result<(), StepError> {
        self.append_to_saga(input, fence, |state, at| saga::step_started(state, input.attempt, step, at)).await
    }

    /// # Errors
    /// Superseded when the attempt is over.
    pub async fn progress(&self, input: &StepInput, step: Step, pages: u64, records: u64) -> Result<(), StepError> {
        let fence = saga::forward_fence(input.attempt);
        self.append_to_saga(input, &fence, |state, at| {
            saga::step_progressed(state, input.attempt, step, (pages, records), at)
        })
        .await
    }

    /// Writes down why a step failed. Losing this line loses no decision: the state machine reports the failure too.
    async fn failed(&self, input: &StepInput, step: Step, fence: &str, error: &StepError) {
        let failure = error.failure(step);
        let written = self
            .append_to_saga(input, fence, |state, at| saga::step_failed(state, input.attempt, step, &failure, at))
            .await;
        if let Err(cause) = written {
            tracing::warn!(step = step.as_str(), error = cause.name.as_str(), message = %cause, "the failure of a step could not be written down");
        }
    }

    /// Success of a step together with its own events.
    ///
    /// # Errors
    /// What `own` declines; superseded when the attempt is over.
    pub async fn succeed(
        &self,
        input: &StepInput,
        step: Step,
        reference: Value,
        own: impl Fn(&Option<Run>) -> Result<Vec<ReconciliationEvent>, Decline> + Send + Sync,
    ) -> Result<(), StepError> {
        let fence = saga::forward_fence(input.attempt);
        self.transact(input, &fence, |current, at| {
            Ok(Decision {
                saga: saga::step_succeeded(&current.saga.state, input.attempt, step, reference.clone(), at)?,
                reconciliation: own(&current.run.state)?,
                ..Decision::default()
            })
        })
        .await
    }

    async fn append_to_saga(
        &self,
        input: &StepInput,
        fence: &str,
        decide: impl Fn(&Option<SagaRun>, Timestamp) -> Result<Vec<SagaEvent>, Decline> + Send + Sync,
    ) -> Result<(), StepError> {
        self.transact(input, fence, |current, at| {
            Ok(Decision { saga: decide(&current.saga.state, at)?, ..Decision::default() })
        })
        .await
    }

    /// Loads, decides, appends under the fence; again while other writers are first.
    ///
    /// # Errors
    /// What `decide` declines; superseded when the fence does not hold.
    pub async fn transact(
        &self,
        input: &StepInput,
        fence: &str,
        decide: impl Fn(&Current, Timestamp) -> Result<Decision, StepError> + Send + Sync,
    ) -> Result<(), StepError> {
        for _ in 0..MAX_TRIES {
            if self.try_once(input, fence, &decide).await? {
                return Ok(());
            }
        }
        Err(outrun())
    }

    /// One try of [`Ledger::transact`]; false when another writer was first.
    ///
    /// # Errors
    /// As [`Ledger::transact`].
    pub async fn try_once(
        &self,
        input: &StepInput,
        fence: &str,
        decide: impl Fn(&Current, Timestamp) -> Result<Decision, StepError> + Send + Sync,
    ) -> Result<bool, StepError> {
        let (tenant, id) = (&input.tenant_id, input.reconciliation_id.as_str());
        let at = self.clock.now();
        let current = Current {
            saga: load::<Saga>(self.store.as_ref(), tenant, id).await?,
            run: load::<Reconciliation>(self.store.as_ref(), tenant, id).await?,
        };
        let Decision { saga, reconciliation, others: mut appends, set_fence } = decide(&current, at)?;
        if !reconciliation.is_empty() {
            let commit_id = self.commit_id();
            appends.push(NewCommit::of::<Reconciliation>(tenant, id, current.run.version, &reconciliation, commit_id)?);
        }
        if !saga.is_empty() {
            let append = NewCommit::of::<Saga>(tenant, id, current.saga.version, &saga, self.commit_id())?;
            appends.push(Append { set_fence, ..append });
        }
        if appends.is_empty() {
            return Ok(true);
        }
        let fence = Some(Fence { stream: StreamKey::new(tenant, Saga::TYPE, id), value: fence.to_owned() });
        let transaction = Transaction { appends, command: None, fence, metadata: self.metadata(input, at) };
        match self.store.append(transaction).await {
            Ok(_) => Ok(true),
            Err(AppendError::VersionConflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    #[must_use]
    pub fn commit_id(&self) -> Uuid {
        Uuid::from_u128(self.ids.next())
    }
}

/// Others kept writing for as long as we tried; the step as a whole may be tried again.
pub fn outrun() -> StepError {
    StepError::new(ErrorName::Transient, "others keep writing to this run")
}
