//! The one way to wait. The machine hands over a task token and stops; whoever ends the reason sends the token back.
//!
//! **Invariant:** no wake-up is lost. The token is stored before the reason is looked at again, and whoever ends a reason
//! looks for a token afterwards; so one of the two sees the other.

use crate::{
    control::{Answer, Workflow},
    error::StepError,
    input::StepInput,
    ledger::Ledger,
};
use async_trait::async_trait;
use domain::{
    AttemptNumber, ReconciliationId, TenantId, Timestamp, ports::PortError, reconciliation::Run, saga::WaitReason,
    status::Status,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who waits for what. There is one wait per saga at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    pub token: String,
    pub attempt: AttemptNumber,
    pub reason: WaitReason,
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl Waiter {
    /// The reason is gone. A run that was cancelled or went on at another attempt waits for nothing.
    #[must_use]
    pub fn is_over(&self, run: &Run, now: Timestamp) -> bool {
        if run.attempt != self.attempt || run.status.has_ended() {
            return true;
        }
        match self.reason {
            WaitReason::Stuck => run.status != Status::Stuck,
            _ if run.cancel.is_some() => true,
            WaitReason::Paused => run.status != Status::Paused,
            WaitReason::Throttled | WaitReason::CircuitOpen | WaitReason::Unavailable => {
                self.until.is_none_or(|until| now >= until)
            }
        }
    }
}

/// Tokens by saga.
#[async_trait]
pub trait TaskTokens: Send + Sync {
    async fn put(&self, tenant: &TenantId, id: &ReconciliationId, waiter: &Waiter) -> Result<(), PortError>;
    async fn get(&self, tenant: &TenantId, id: &ReconciliationId) -> Result<Option<Waiter>, PortError>;
    /// Removes the token if it is still this one.
    async fn remove(&self, tenant: &TenantId, id: &ReconciliationId, token: &str) -> Result<(), PortError>;
}

/// Makes `saga-control` look at a saga again, later.
#[async_trait]
pub trait Bell: Send + Sync {
    /// At `at` or earlier: whoever is woken too early asks again.
    async fn ring_at(
        &self,
        tenant: &TenantId,
        id: &ReconciliationId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), PortError>;
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WaitInput {
    #[serde(flatten)]
    pub run: StepInput,
    pub token: String,
    pub reason: WaitReason,
    #[serde(default)]
    pub until: Option<Timestamp>,
}

#[derive(Clone)]
pub struct WaitForWord {
    pub ledger: Ledger,
    pub tokens: Arc<dyn TaskTokens>,
    pub workflow: Arc<dyn Workflow>,
    pub bell: Arc<dyn Bell>,
}

impl std::fmt::Debug for WaitForWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WaitForWord")
    }
}

impl WaitForWord {
    /// Stores the token, or answers at once if there is nothing to wait for. An error is answered too: a task that
    /// waits for its token would not hear of it otherwise until its time is over.
    ///
    /// # Errors
    /// When not even the error could be answered.
    pub async fn run(&self, input: &WaitInput) -> Result<(), StepError> {
        let Err(error) = self.wait(input).await else { return Ok(()) };
        let answer = Answer::Failure { name: error.name, message: error.message.clone() };
        self.workflow.answer(&input.token, &answer).await?;
        Ok(())
    }

    async fn wait(&self, input: &WaitInput) -> Result<(), StepError> {
        let (tenant, id) = (&input.run.tenant_id, &input.run.reconciliation_id);
        let waiter =
            Waiter { token: input.token.clone(), attempt: input.run.attempt, reason: input.reason, until: input.until };
        self.tokens.put(tenant, id, &waiter).await?;
        let run = self.ledger.run(&input.run).await?;
        let now = self.ledger.now();
        if waiter.is_over(&run, now) {
            self.workflow.answer(&input.token, &Answer::Success).await?;
            self.tokens.remove(tenant, id, &input.token).await?;
        } else if let Some(until) = input.until {
            self.bell.ring_at(tenant, id, until, now).await?;
        }
        Ok(())
    }
}
