//! Commands that steer a run that was started: retry, cancel, pause, resume, and what operators may do beside. All
//! append to the run's own stream only; its saga follows.

use crate::{
    command::{Caller, Command, Idempotency, Outcome},
    error::CommandError,
    reconciliations::ReconciliationService,
};
use domain::{
    AttemptNumber, CorrelationId, Decided, Decline, ReconciliationId, Timestamp,
    ports::Blobs,
    reconciliation::{self, Reconciliation, Run, Status},
    saga::Step,
};
use event_store::Loaded;
use serde::{Deserialize, Serialize};

/// The answer to a steering command, the first time and every time after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steered {
    pub reconciliation_id: ReconciliationId,
    pub correlation_id: CorrelationId,
    pub status: Status,
    pub attempt: AttemptNumber,
    /// What the attempt began with; none for the first.
    pub from_step: Option<Step>,
    pub version: u64,
    #[serde(skip)]
    pub replayed: bool,
}

/// How a command is to be carried out, whatever it is.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    pub idempotency: Option<Idempotency>,
    /// The client's `If-Match`.
    pub expected: Option<u64>,
}

impl ReconciliationService {
    /// Begins a further attempt of a run that failed or was cancelled, with what is staged.
    ///
    /// # Errors
    /// An unknown run (404); a state in which it makes no sense, or inputs that are gone (409).
    pub async fn retry(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        from_step: Option<Step>,
        blobs: &dyn Blobs,
        conditions: Conditions,
    ) -> Result<Steered, CommandError> {
        let loaded = self.load(caller, id).await?;
        let staged = match &loaded.state {
            Some(run) => saga::staged_data(blobs, run).await?,
            None => reconciliation::StagedData { orders: false, payments: false },
        };
        self.steer("RetryReconciliation", caller, id, conditions, |state, at| {
            reconciliation::retry(state, from_step, staged, at)
        })
        .await
    }

    /// Asks for the run to be undone and ended as cancelled.
    ///
    /// # Errors
    /// As [`ReconciliationService::retry`].
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        reason: Option<&str>,
        conditions: Conditions,
    ) -> Result<Steered, CommandError> {
        let decide = |state: &_, at| reconciliation::cancel(state, reason, at);
        self.steer("CancelReconciliation", caller, id, conditions, decide).await
    }

    /// Holds the run before its next step.
    ///
    /// # Errors
    /// As [`ReconciliationService::retry`].
    pub async fn pause(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        reason: Option<&str>,
        conditions: Conditions,
    ) -> Result<Steered, CommandError> {
        let decide = |state: &_, at| reconciliation::pause(state, reason, at);
        self.steer("PauseReconciliation", caller, id, conditions, decide).await
    }

    /// Lets a paused run go on, or a stuck one try its undo again.
    ///
    /// # Errors
    /// As [`ReconciliationService::retry`].
    pub async fn resume(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        conditions: Conditions,
    ) -> Result<Steered, CommandError> {
        self.steer("ResumeReconciliation", caller, id, conditions, reconciliation::resume).await
    }

    /// The run as it is now, consistently.
    ///
    /// # Errors
    /// An unknown run (404).
    pub async fn run(&self, caller: &Caller, id: &ReconciliationId) -> Result<Run, CommandError> {
        let missing = || Decline::not_found(format!("there is no reconciliation `{id}`"));
        Ok(self.load(caller, id).await?.state.ok_or_else(missing)?)
    }

    async fn load(&self, caller: &Caller, id: &ReconciliationId) -> Result<Loaded<Option<Run>>, CommandError> {
        let loaded =
            event_store::load::<Reconciliation>(self.ports.store.as_ref(), &caller.tenant, id.as_str()).await?;
        if loaded.state.is_none() {
            return Err(Decline::not_found(format!("there is no reconciliation `{id}`")).into());
        }
        Ok(loaded)
    }

    pub(crate) async fn steer(
        &self,
        name: &'static str,
        caller: &Caller,
        id: &ReconciliationId,
        conditions: Conditions,
        decide: impl Fn(&Option<Run>, Timestamp) -> Result<Decided<Reconciliation>, Decline> + Send + Sync,
    ) -> Result<Steered, CommandError> {
        let origin = self.load(caller, id).await?.origin;
        let correlation_id = origin
            .map(|metadata| metadata.correlation_id)
            .ok_or_else(|| CommandError::Internal(format!("reconciliation `{id}` has no first commit")))?;
        let now = self.ports.clock.now();
        let command = Command {
            name,
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency: conditions.idempotency.as_ref(),
            expected: conditions.expected,
            fresh: false,
        };
        let answer = |loaded: &Loaded<Option<Run>>| steered(id, &correlation_id, loaded);
        let decide = |state: &Option<Run>| Ok(decide(state, now)?);
        match self.ports.carry_out::<Reconciliation, Steered>(command, decide, answer).await? {
            Outcome::Done { loaded, .. } => Ok(answer(&loaded)),
            Outcome::Replayed(first) => Ok(Steered { replayed: true, ..first }),
        }
    }
}

fn steered(id: &ReconciliationId, correlation_id: &CorrelationId, loaded: &Loaded<Option<Run>>) -> Steered {
    let run = loaded.state.as_ref();
    Steered {
        reconciliation_id: id.clone(),
        correlation_id: correlation_id.clone(),
        status: run.map_or(Status::Running, |run| run.status),
        attempt: run.map_or(1, |run| run.attempt),
        from_step: run.and_then(|run| run.from_step),
        version: loaded.version,
        replayed: false,
    }
}
