//! The ledger of one attempt: how steps write down that they began, got on, wait, succeeded or failed.
//!
//! Written for any saga: [`LedgerOf`] works on a [`Subject`], and [`Ledger`] is the reconciliation's.

use crate::{error::StepError, input::StepInput, policies::Policies};
use domain::{
    Aggregate, Clock, Decline, ErrorName, Failure, IdSource, Metadata, TenantId, Timestamp,
    reconciliation::{Reconciliation, Run},
    saga::{self, OnFailure, SagaEventOf, SagaOf, SagaRunOf, SagaStep, Subject, WaitReason},
};
use event_store::{Append, AppendError, EventStore, Fence, Loaded, NewCommit, StreamKey, Transaction, load};
use serde_json::Value;
use std::{marker::PhantomData, sync::Arc};
use uuid::Uuid;

/// Tries against the other branch before a step gives up and is started again as a whole. Both fetches write to the
/// same two streams, and each commit of one makes at most one try of the other fail.
pub const MAX_TRIES: u32 = 12;

/// Both aggregates of a run, as they are now.
#[derive(Debug)]
pub struct CurrentOf<A: Subject> {
    pub saga: Loaded<Option<SagaRunOf<A::Step>>>,
    pub run: Loaded<A::State>,
}

/// What a step wants to append, decided on what is there now.
pub struct DecisionOf<A: Subject> {
    pub saga: Vec<SagaEventOf<A::Step>>,
    /// Events of the saga's subject.
    pub subject: Vec<A::Event>,
    /// Appends to other streams of the same transaction.
    pub others: Vec<Append>,
    /// Raises the fence in the same transaction.
    pub set_fence: Option<String>,
    /// A member that the first event of the ledger carries beside its own, for those who follow the ledger.
    pub tag: Option<(&'static str, String)>,
}

impl<A: Subject> Default for DecisionOf<A> {
    fn default() -> Self {
        Self { saga: Vec::new(), subject: Vec::new(), others: Vec::new(), set_fence: None, tag: None }
    }
}

impl<A: Subject> std::fmt::Debug for DecisionOf<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decision").field("saga", &self.saga).field("set_fence", &self.set_fence).finish_non_exhaustive()
    }
}

pub type Decision = DecisionOf<Reconciliation>;

/// How a transaction is guarded. Steps check the fence; commands and the control of the engine do not work for one
/// attempt, and decide on what is there.
#[derive(Debug, Clone, Copy)]
pub enum Guard<'a> {
    Fence(&'a str),
    Version,
}

pub struct LedgerOf<A> {
    pub store: Arc<dyn EventStore>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub policies: Policies,
    subject: PhantomData<fn() -> A>,
}

/// The ledger of a reconciliation.
pub type Ledger = LedgerOf<Reconciliation>;

impl<A> Clone for LedgerOf<A> {
    fn clone(&self) -> Self {
        let (store, clock, ids) = (Arc::clone(&self.store), Arc::clone(&self.clock), Arc::clone(&self.ids));
        Self { store, clock, ids, policies: self.policies.clone(), subject: PhantomData }
    }
}

impl<A> std::fmt::Debug for LedgerOf<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

impl<A: Subject> LedgerOf<A> {
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { store, clock, ids, policies: Policies::default(), subject: PhantomData }
    }

    #[must_use]
    pub fn with(self, policies: Policies) -> Self {
        Self { policies, ..self }
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

    /// # Errors
    /// When the store does not answer or a stream is damaged.
    pub async fn current(&self, input: &StepInput) -> Result<CurrentOf<A>, StepError> {
        self.current_of(&input.tenant_id, input.reconciliation_id.as_str()).await
    }

    /// As [`LedgerOf::current`], for whoever does not work for one attempt.
    ///
    /// # Errors
    /// As [`LedgerOf::current`].
    pub async fn current_of(&self, tenant: &TenantId, id: &str) -> Result<CurrentOf<A>, StepError> {
        let store = self.store.as_ref();
        Ok(CurrentOf {
            saga: load::<SagaOf<A::Step>>(store, tenant, id).await?,
            run: load::<A>(store, tenant, id).await?,
        })
    }

    /// The ledger of the run; none before it began.
    ///
    /// # Errors
    /// When the store does not answer or the stream is damaged.
    pub async fn saga(&self, input: &StepInput) -> Result<Option<SagaRunOf<A::Step>>, StepError> {
        let id = input.reconciliation_id.as_str();
        Ok(load::<SagaOf<A::Step>>(self.store.as_ref(), &input.tenant_id, id).await?.state)
    }

    /// # Errors
    /// Cancelled or on hold when somebody asked for it; superseded when the attempt is over.
    pub async fn may_go_on(&self, input: &StepInput) -> Result<(), StepError> {
        let id = input.reconciliation_id.as_str();
        let loaded = load::<A>(self.store.as_ref(), &input.tenant_id, id).await?;
        Ok(A::may_go_on(&loaded.state, input.attempt)?)
    }

    /// Runs a step and writes down that it began and, if so, why it failed. A step that has succeeded is not run again:
    /// it answers `done`, as it did then. Nothing begins while the run is on hold or cancelled.
    ///
    /// # Errors
    /// What `work` ends with; on hold, cancelled or superseded, of which the last two lead to undoing and to nothing.
    pub async fn step<T>(
        &self,
        input: &StepInput,
        step: A::Step,
        fence: &str,
        done: T,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let CurrentOf { saga, run } = self.current(input).await?;
        let saga = saga.state.filter(|saga| saga.attempt == input.attempt);
        let ended = saga.as_ref().is_some_and(|saga| saga.status.has_ended());
        if saga.is_some_and(|saga| saga.step(step).is_some_and(|run| run.status.is_done())) {
            return Ok(done);
        }
        if step.undo() != saga::Undo::ForwardOnly || !ended {
            A::may_go_on(&run.state, input.attempt)?;
        }
        self.begin(input, step, fence).await?;
        let result = work.await;
        match result {
            Err(error) if error.is_failure_of_step() => Err(self.failed(input, step, fence, error).await),
            other => other,
        }
    }

    /// Writes down that a step began; once, however often it is started.
    ///
    /// # Errors
    /// Superseded when the attempt is over.
    pub async fn begin(&self, input: &StepInput, step: A::Step, fence: &str) -> Result<(), StepError> {
        self.append_to_saga(input, fence, |state, at| saga::step_started(state, input.attempt, step, at)).await
    }

    /// # Errors
    /// Superseded when the attempt is over.
    pub async fn progress(&self, input: &StepInput, step: A::Step, pages: u64, records: u64) -> Result<(), StepError> {
        let fence = saga::forward_fence(input.attempt);
        self.append_to_saga(input, &fence, |state, at| {
            saga::step_progressed(state, input.attempt, step, (pages, records), at)
        })
        .await
    }

    /// Writes down that a step waits.
    ///
    /// # Errors
    /// [`ErrorName::ProviderUnavailable`] when it has waited for as long as it may; superseded when the attempt is over.
    pub async fn waits(
        &self,
        input: &StepInput,
        step: A::Step,
        reason: WaitReason,
        until: Option<Timestamp>,
    ) -> Result<(), StepError> {
        let (fence, budget_s) = (saga::forward_fence(input.attempt), self.policies.wait_budget_s);
        let written = self
            .append_to_saga(input, &fence, |state, at| {
                let begun = saga::step_started(state, input.attempt, step, at)?;
                let begun_state = begun.iter().fold(state.clone(), <SagaOf<A::Step> as Aggregate>::evolve);
                let mut events = begun;
                events.extend(saga::step_waiting(&begun_state, input.attempt, step, (reason, until), budget_s, at)?);
                Ok(events)
            })
            .await;
        match written {
            Err(error) if error.is_failure_of_step() => Err(self.failed(input, step, &fence, error).await),
            other => other,
        }
    }

    /// Writes down why a step failed, and where its policy is to pause, puts the run on hold. Losing this line loses no
    /// decision: the state machine reports the failure too.
    async fn failed(&self, input: &StepInput, step: A::Step, fence: &str, error: StepError) -> StepError {
        let failure = error.failure(step.as_str());
        // What the machine tries again is not final, so nobody has to be asked yet.
        let holds = self.policies.of(step.as_str()) == OnFailure::Pause && error.name != ErrorName::Transient;
        let written = self
            .transact(input, Guard::Fence(fence), |current, at| {
                Ok(DecisionOf {
                    saga: saga::step_failed(&current.saga.state, input.attempt, step, &failure, at)?,
                    subject: if holds { A::hold(&current.run.state, input.attempt, &failure, at)? } else { Vec::new() },
                    ..DecisionOf::default()
                })
            })
            .await;
        match written {
            Ok(()) if holds => StepError::new(ErrorName::OnHold, failure.message),
            Ok(()) => error,
            Err(cause) => {
                tracing::warn!(step = step.as_str(), error = cause.name.as_str(), message = %cause, "the failure of a step could not be written down");
                error
            }
        }
    }

    /// Success of a step together with its own events.
    ///
    /// # Errors
    /// What `own` declines; superseded when the attempt is over.
    pub async fn succeed(
        &self,
        input: &StepInput,
        step: A::Step,
        reference: Value,
        own: impl Fn(&A::State) -> Result<Vec<A::Event>, Decline> + Send + Sync,
    ) -> Result<(), StepError> {
        let fence = saga::forward_fence(input.attempt);
        self.transact(input, Guard::Fence(&fence), |current, at| {
            Ok(DecisionOf {
                saga: saga::step_succeeded(&current.saga.state, input.attempt, step, reference.clone(), at)?,
                subject: own(&current.run.state)?,
                ..DecisionOf::default()
            })
        })
        .await
    }

    async fn append_to_saga(
        &self,
        input: &StepInput,
        fence: &str,
        decide: impl Fn(&Option<SagaRunOf<A::Step>>, Timestamp) -> saga::SagaDecision<A::Step> + Send + Sync,
    ) -> Result<(), StepError> {
        self.transact(input, Guard::Fence(fence), |current, at| {
            Ok(DecisionOf { saga: decide(&current.saga.state, at)?, ..DecisionOf::default() })
        })
        .await
    }

    /// Loads, decides, appends under the guard; again while other writers are first.
    ///
    /// # Errors
    /// What `decide` declines; superseded when the fence does not hold.
    pub async fn transact(
        &self,
        input: &StepInput,
        guard: Guard<'_>,
        decide: impl Fn(&CurrentOf<A>, Timestamp) -> Result<DecisionOf<A>, StepError> + Send + Sync,
    ) -> Result<(), StepError> {
        for _ in 0..MAX_TRIES {
            if self.try_once(input, guard, &decide).await? {
                return Ok(());
            }
        }
        Err(outrun())
    }

    /// One try of [`LedgerOf::transact`]; false when another writer was first.
    ///
    /// # Errors
    /// As [`LedgerOf::transact`].
    pub async fn try_once(
        &self,
        input: &StepInput,
        guard: Guard<'_>,
        decide: impl Fn(&CurrentOf<A>, Timestamp) -> Result<DecisionOf<A>, StepError> + Send + Sync,
    ) -> Result<bool, StepError> {
        let (tenant, id) = (&input.tenant_id, input.reconciliation_id.as_str());
        let at = self.clock.now();
        let current = self.current(input).await?;
        let DecisionOf { saga, subject, others: mut appends, set_fence, tag } = decide(&current, at)?;
        if !subject.is_empty() {
            appends.push(NewCommit::of::<A>(tenant, id, current.run.version, &subject, self.commit_id())?);
        }
        if !saga.is_empty() {
            let mut append =
                NewCommit::of::<SagaOf<A::Step>>(tenant, id, current.saga.version, &saga, self.commit_id())?;
            let first = append.events.first_mut().and_then(|event| event.data.as_object_mut());
            if let (Some(data), Some((name, value))) = (first, tag) {
                data.insert(name.to_owned(), Value::from(value));
            }
            appends.push(Append { set_fence, ..append });
        }
        if appends.is_empty() {
            return Ok(true);
        }
        let fence = match guard {
            Guard::Fence(value) => Some(Fence { stream: self.stream(input), value: value.to_owned() }),
            Guard::Version => None,
        };
        let transaction = Transaction { appends, command: None, fence, metadata: self.metadata(input, at) };
        match self.store.append(transaction).await {
            Ok(_) => Ok(true),
            Err(AppendError::VersionConflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The stream of the ledger.
    #[must_use]
    pub fn stream(&self, input: &StepInput) -> StreamKey {
        StreamKey::new(&input.tenant_id, <SagaOf<A::Step> as Aggregate>::TYPE, input.reconciliation_id.as_str())
    }

    #[must_use]
    pub fn commit_id(&self) -> Uuid {
        Uuid::from_u128(self.ids.next())
    }
}

impl Ledger {
    /// The run, which must be at the input's attempt.
    ///
    /// # Errors
    /// Not found, or superseded by a later attempt.
    pub async fn run(&self, input: &StepInput) -> Result<Run, StepError> {
        let id = input.reconciliation_id.as_str();
        let loaded = load::<Reconciliation>(self.store.as_ref(), &input.tenant_id, id).await?;
        let run = loaded.state.ok_or_else(|| Decline::not_found("no such reconciliation"))?;
        if run.attempt == input.attempt {
            Ok(run)
        } else {
            Err(Decline::superseded(format!("the run is at attempt {}", run.attempt)).into())
        }
    }
}

/// Others kept writing for as long as we tried; the step as a whole may be tried again.
pub fn outrun() -> StepError {
    StepError::new(ErrorName::Transient, "others keep writing to this run")
}

/// A failure in the words of the registry.
impl StepError {
    #[must_use]
    pub fn failure(&self, step: &str) -> Failure {
        Failure {
            name: self.name,
            message: self.message.clone(),
            step: step.to_owned(),
            retryable: self.name.family() == domain::Family::Transient,
        }
    }

    /// The step itself failed; it was not overtaken, put on hold or cancelled.
    #[must_use]
    pub const fn is_failure_of_step(&self) -> bool {
        !matches!(self.name, ErrorName::Superseded | ErrorName::OnHold | ErrorName::Cancelled)
    }
}
