//! How a saga begins: the ledger first, then the workflow engine. Ringing twice starts one execution.

use crate::{
    error::StepError,
    input::{SCHEMA, StepInput},
    ledger::Ledger,
};
use async_trait::async_trait;
use domain::{
    Aggregate, JobId, Metadata, ReconciliationId, TenantId,
    ports::PortError,
    reconciliation::{Reconciliation, Status},
    saga::{self, Saga, forward_fence},
};
use event_store::{Append, AppendError, NewCommit, Transaction, load};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The workflow engine.
#[async_trait]
pub trait Workflow: Send + Sync {
    /// ARN that an execution of this name has or will have.
    fn execution_arn(&self, name: &str) -> String;
    /// Starts an execution; one that exists already is success.
    async fn start(&self, name: &str, input: &str) -> Result<(), PortError>;
}

#[derive(Clone)]
pub struct StartSaga {
    pub ledger: Ledger,
    pub workflow: Arc<dyn Workflow>,
}

impl std::fmt::Debug for StartSaga {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StartSaga")
    }
}

/// 32 hex digits of SHA-256 over tenant and id, and the attempt: ids are unique per tenant, names per account.
#[must_use]
pub fn execution_name(tenant: &TenantId, id: &ReconciliationId, attempt: u32) -> String {
    let digest = Sha256::digest(format!("{tenant}#{id}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}-a{attempt}")
}

/// Tries against another bell of the same run.
const MAX_TRIES: u32 = 4;

impl StartSaga {
    /// Starts the run's current attempt if it runs and was not started; otherwise does nothing.
    ///
    /// # Errors
    /// A [`StepError`] whose name says whether another try may help.
    pub async fn run(&self, tenant: &TenantId, id: &ReconciliationId) -> Result<(), StepError> {
        let store = self.ledger.store.as_ref();
        let loaded = load::<Reconciliation>(store, tenant, id.as_str()).await?;
        let (Some(run), Some(origin)) = (loaded.state, loaded.origin) else {
            return Err(StepError::new(domain::ErrorName::NotFound, format!("there is no reconciliation `{id}`")));
        };
        if run.status != Status::Running {
            return Ok(());
        }
        let name = execution_name(tenant, id, run.attempt);
        self.write_down(tenant, id, (run.attempt, &run.request.job_id), &name, &origin).await?;
        let input = StepInput {
            schema: SCHEMA,
            tenant_id: tenant.clone(),
            reconciliation_id: id.clone(),
            attempt: run.attempt,
            correlation_id: origin.correlation_id,
        };
        let input = serde_json::to_string(&input)
            .map_err(|cause| StepError::new(domain::ErrorName::Internal, cause.to_string()))?;
        Ok(self.workflow.start(&name, &input).await?)
    }

    async fn write_down(
        &self,
        tenant: &TenantId,
        id: &ReconciliationId,
        (attempt, job): (u32, &JobId),
        name: &str,
        origin: &Metadata,
    ) -> Result<(), StepError> {
        let arn = self.workflow.execution_arn(name);
        for _ in 0..MAX_TRIES {
            let ledger = load::<Saga>(self.ledger.store.as_ref(), tenant, id.as_str()).await?;
            let events = saga::start(&ledger.state, attempt, &arn)?;
            if events.is_empty() {
                return Ok(());
            }
            let mut append =
                NewCommit::of::<Saga>(tenant, id.as_str(), ledger.version, &events, self.ledger.commit_id())?;
            // A ledger does not know jobs; views that follow it find errors by job.
            if let Some(data) = append.events.first_mut().and_then(|event| event.data.as_object_mut()) {
                data.insert("job_id".to_owned(), job.as_str().into());
            }
            let append = Append { set_fence: Some(forward_fence(attempt)), ..append };
            let metadata = Metadata {
                timestamp: self.ledger.now(),
                causation_id: Some(format!("{}/{id}", Reconciliation::TYPE)),
                ..origin.clone()
            };
            match self
                .ledger
                .store
                .append(Transaction { appends: vec![append], command: None, fence: None, metadata })
                .await
            {
                Ok(_) => return Ok(()),
                Err(AppendError::VersionConflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StepError::new(domain::ErrorName::Transient, "others keep writing to this ledger"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_by_tenant_and_attempt_and_stay_short() {
        let tenant = |name: &str| TenantId::parse(name).unwrap();
        let id = ReconciliationId::parse("x".repeat(64)).unwrap();
        let name = execution_name(&tenant("a"), &id, 1);
        assert_ne!(name, execution_name(&tenant("b"), &id, 1));
        assert_ne!(name, execution_name(&tenant("a"), &id, 2));
        assert!(name.len() <= 80);
    }
}
