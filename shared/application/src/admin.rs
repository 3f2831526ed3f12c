//! What operators do with sagas. They act for a tenant whose run it is, and leave their key in the run's events.

use crate::{
    command::Caller,
    error::CommandError,
    reconciliations::ReconciliationService,
    steering::{Conditions, Steered},
};
use domain::{
    Clock, IdSource, ReconciliationId,
    ports::Blobs,
    reconciliation,
    saga::{Saga, SagaRun, Step},
};
use event_store::EventStore;
use std::sync::Arc;

#[derive(Clone)]
pub struct AdminService {
    pub(crate) store: Arc<dyn EventStore>,
    /// Staged records and results.
    pub(crate) blobs: Arc<dyn Blobs>,
    /// Retry, cancel, pause and resume are the same commands for operators as for tenants.
    pub reconciliations: ReconciliationService,
}

impl std::fmt::Debug for AdminService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminService")
    }
}

impl AdminService {
    #[must_use]
    pub fn new(
        store: Arc<dyn EventStore>,
        blobs: Arc<dyn Blobs>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { reconciliations: ReconciliationService::new(Arc::clone(&store), clock, ids), store, blobs }
    }

    /// The ledger of a run, consistently; none before its saga began.
    ///
    /// # Errors
    /// When the store does not answer or the stream is damaged.
    pub async fn saga(&self, caller: &Caller, id: &ReconciliationId) -> Result<Option<SagaRun>, CommandError> {
        Ok(event_store::load::<Saga>(self.store.as_ref(), &caller.tenant, id.as_str()).await?.state)
    }

    /// Answers for what a step left whose undo keeps failing, and goes on without it.
    ///
    /// # Errors
    /// A run that is not stuck at this step (409).
    pub async fn skip_undo(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        (step, reason): (Option<Step>, &str),
        conditions: Conditions,
    ) -> Result<Steered, CommandError> {
        let decide = |state: &_, at| reconciliation::skip_undo(state, step, reason, at);
        self.reconciliations.steer("SkipUndo", caller, id, conditions, decide).await
    }

    /// Ends an attempt as it stands, without undoing it. Says what was left, newest first.
    ///
    /// # Errors
    /// A run that has ended (409).
    pub async fn kill(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        reason: Option<&str>,
        conditions: Conditions,
    ) -> Result<(Steered, Vec<Step>), CommandError> {
        let decide = |state: &_, at| reconciliation::kill(state, reason, at);
        let steered = self.reconciliations.steer("KillReconciliation", caller, id, conditions, decide).await?;
        let left = self.saga(caller, id).await?.filter(|saga| saga.attempt == steered.attempt);
        Ok((steered, left.map(|saga| saga.to_undo()).unwrap_or_default()))
    }
}
