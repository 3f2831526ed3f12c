//! Control of the workflow engine: how a run begins, how commands reach it, how waits end, and what happens when the
//! engine has lost an execution. The ledger comes first, then the engine; ringing twice changes nothing.

use crate::{
    error::StepError,
    failure::ReportedFailure,
    input::{SCHEMA, StepInput},
    ledger::{Decision, Guard, Ledger},
    undo::withdrawal,
    wait::{Bell, TaskTokens},
};
use async_trait::async_trait;
use domain::{
    AttemptNumber, ErrorName, ReconciliationId, TenantId,
    ports::PortError,
    reconciliation::{self, ReconciliationEvent, Run},
    saga::{self, SagaEvent, SagaRun, Step, StepStatus, ended_fence, forward_fence},
    status::Status,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Executions per attempt. A defect in undoing must not start executions for ever.
const MAX_EXECUTIONS: u32 = 20;

/// What a waiting task is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Success,
    Failure { name: ErrorName, message: String },
}

/// What the engine knows about an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    Running,
    /// Ended one way or another.
    Over,
    /// Never heard of, or forgotten.
    Unknown,
}

/// The workflow engine.
#[async_trait]
pub trait Workflow: Send + Sync {
    /// ARN that an execution of this name has or will have.
    fn execution_arn(&self, name: &str) -> String;
    /// Starts an execution; one that exists already is success.
    async fn start(&self, name: &str, input: &str) -> Result<(), PortError>;
    async fn execution(&self, arn: &str) -> Result<Execution, PortError>;
    /// Stops an execution; one that is over or unknown is success.
    async fn stop(&self, arn: &str, cause: &str) -> Result<(), PortError>;
    /// Answers a waiting task; false when nobody waits with this token any more.
    async fn answer(&self, token: &str, answer: &Answer) -> Result<bool, PortError>;
}

#[derive(Clone)]
pub struct Control {
    pub ledger: Ledger,
    pub workflow: Arc<dyn Workflow>,
    pub tokens: Arc<dyn TaskTokens>,
    pub bell: Arc<dyn Bell>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control")
    }
}

/// 32 hex digits of SHA-256 over tenant and id, and the attempt: ids are unique per tenant, names per account.
#[must_use]
pub fn execution_name(tenant: &TenantId, id: &ReconciliationId, attempt: AttemptNumber) -> String {
    let digest = Sha256::digest(format!("{tenant}#{id}"));
    let hex = base16ct::lower::encode_string(&digest[..16]);
    format!("{hex}-a{attempt}")
}

/// Name of the `number`th execution that only undoes.
fn undo_name(tenant: &TenantId, id: &ReconciliationId, attempt: AttemptNumber, number: u32) -> String {
    let suffix = if number > 1 { number.to_string() } else { String::new() };
    format!("{}-undo{suffix}", execution_name(tenant, id, attempt))
}

/// Input of an execution. With a failure it only undoes.
#[derive(Serialize)]
struct ExecutionInput<'a> {
    #[serde(flatten)]
    run: &'a StepInput,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a ReportedFailure>,
}

/// An execution that ended without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub execution_arn: String,
    /// FAILED, TIMED_OUT or ABORTED.
    pub status: String,
    pub run: StepInput,
}

/// A run and its ledger, as a bell finds them.
struct Found {
    run: Run,
    saga: Option<SagaRun>,
    input: StepInput,
}

impl Control {
    /// Something has happened to the run or its ledger: brings the engine into line. Starts what has to run, copies
    /// commands to the ledger, ends waits whose reason is gone, stops what was killed, replaces what is lost.
    ///
    /// # Errors
    /// A [`StepError`] whose name says whether another try may help.
    pub async fn ring(&self, tenant: &TenantId, id: &ReconciliationId) -> Result<(), StepError> {
        let found = self.find(tenant, id).await?;
        let behind = found.saga.as_ref().is_none_or(|saga| saga.attempt < found.run.attempt);
        // Ringing again before a step has begun: the process may have died between the ledger's line and the start.
        let idle = |saga: &SagaRun| saga.steps.iter().all(|line| line.status == StepStatus::Reused);
        if !found.run.status.has_ended() && (behind || found.saga.as_ref().is_some_and(idle)) {
            self.start(&found).await?;
        }
        let commanded = self.follow(&found.input).await?;
        let lost = self.wake(&found).await?;
        let killed = found.run.failure.as_ref().is_some_and(|failure| failure.name == ErrorName::Killed);
        if killed && found.run.status.has_ended() {
            let arn = found.saga.as_ref().map(|saga| saga.execution_arn.as_str()).unwrap_or_default();
            return Ok(self.workflow.stop(arn, "killed by an operator").await?);
        }
        if (commanded || lost) && !behind {
            self.recover_if_lost(tenant, id).await?;
        }
        Ok(())
    }

    async fn find(&self, tenant: &TenantId, id: &ReconciliationId) -> Result<Found, StepError> {
        let current = self.ledger.current_of(tenant, id.as_str()).await?;
        let (Some(run), Some(origin)) = (current.run.state, current.run.origin) else {
            return Err(StepError::new(ErrorName::NotFound, format!("there is no reconciliation `{id}`")));
        };
        let input = StepInput {
            schema: SCHEMA,
            tenant_id: tenant.clone(),
            reconciliation_id: id.clone(),
            attempt: run.attempt,
            correlation_id: origin.correlation_id,
        };
        Ok(Found { run, saga: current.saga.state, input })
    }

    /// The ledger's first line of the attempt, then its execution.
    async fn start(&self, found: &Found) -> Result<(), StepError> {
        let Found { run, input, .. } = found;
        let name = execution_name(&input.tenant_id, &input.reconciliation_id, run.attempt);
        let arn = self.workflow.execution_arn(&name);
        self.ledger
            .transact(input, Guard::Version, |current, at| {
                let saga = match run.from_step {
                    None => saga::start(&current.saga.state, run.attempt, &arn)?,
                    Some(from) => saga::start_attempt(&current.saga.state, run.attempt, &arn, (from, &run.reused), at)?,
                };
                // A ledger does not know jobs; views that follow it find errors by job.
                let tag = Some(("job_id", run.request.job_id.to_string()));
                Ok(Decision { saga, tag, set_fence: Some(forward_fence(run.attempt)), ..Decision::default() })
            })
            .await?;
        let current = self.ledger.saga(input).await?;
        if current.is_some_and(|saga| saga.execution_arn != arn) {
            return Ok(());
        }
        self.execute(&name, input, None).await
    }

    async fn execute(&self, name: &str, run: &StepInput, failure: Option<&ReportedFailure>) -> Result<(), StepError> {
        let input = serde_json::to_string(&ExecutionInput { run, failure })
            .map_err(|cause| StepError::new(ErrorName::Internal, cause.to_string()))?;
        Ok(self.workflow.start(name, &input).await?)
    }

    /// Copies to the ledger what commands have decided; true if there was something to copy.
    async fn follow(&self, input: &StepInput) -> Result<bool, StepError> {
        for _ in 0..crate::ledger::MAX_TRIES {
            let current = self.ledger.current(input).await?;
            let Some(run) = current.run.state else { return Ok(false) };
            if saga::follow(&current.saga.state, &run, self.ledger.now()).is_empty() {
                return Ok(false);
            }
            let copied = self.ledger.try_once(input, Guard::Version, |current, at| {
                let events = current.run.state.as_ref().map(|run| saga::follow(&current.saga.state, run, at));
                let saga = events.unwrap_or_default();
                let killed = saga.iter().any(|event| matches!(event, SagaEvent::Killed { .. }));
                let set_fence = killed.then(|| ended_fence(input.attempt));
                Ok(Decision { saga, set_fence, ..Decision::default() })
            });
            if copied.await? {
                return Ok(true);
            }
        }
        Err(crate::ledger::outrun())
    }

    /// Ends the wait if its reason is gone; true when its token is not known any more.
    async fn wake(&self, found: &Found) -> Result<bool, StepError> {
        let (tenant, id) = (&found.input.tenant_id, &found.input.reconciliation_id);
        let Some(waiter) = self.tokens.get(tenant, id).await? else { return Ok(false) };
        let now = self.ledger.now();
        if !waiter.is_over(&found.run, now) {
            if let Some(until) = waiter.until {
                // Woken too early, or by something else.
                self.bell.ring_at(tenant, id, until, now).await?;
            }
            return Ok(false);
        }
        let heard = self.workflow.answer(&waiter.token, &Answer::Success).await?;
        self.tokens.remove(tenant, id, &waiter.token).await?;
        Ok(!heard)
    }

    /// The engine says that an execution ended without having ended its attempt: another one undoes it. One that is not
    /// in charge, or has done its work, is nobody's concern.
    ///
    /// # Errors
    /// As [`Control::ring`].
    pub async fn ended(&self, ended: &Ended) -> Result<(), StepError> {
        let found = self.find(&ended.run.tenant_id, &ended.run.reconciliation_id).await?;
        let in_charge = found.saga.as_ref().filter(|saga| {
            saga.execution_arn == ended.execution_arn && saga.attempt == ended.run.attempt && !saga.status.has_ended()
        });
        let Some(saga) = in_charge else { return Ok(()) };
        let step = saga.current().map_or("", Step::as_str).to_owned();
        let failure = ReportedFailure { step, error: format!("Execution.{}", ended.status), cause: String::new() };
        self.replace(&found, &saga.execution_arn, &failure).await
    }

    /// Looks whether somebody works on the run, and puts somebody to work if nobody does. For the watchdog, and for
    /// commands that nobody has heard.
    ///
    /// # Errors
    /// As [`Control::ring`].
    pub async fn recover_if_lost(&self, tenant: &TenantId, id: &ReconciliationId) -> Result<(), StepError> {
        let found = self.find(tenant, id).await?;
        let Some(saga) = found.saga.as_ref().filter(|saga| saga.attempt == found.run.attempt) else { return Ok(()) };
        if self.workflow.execution(&saga.execution_arn).await? == Execution::Running {
            return Ok(());
        }
        self.recover(&found).await
    }

    /// Puts somebody to work, whatever the engine says.
    ///
    /// # Errors
    /// As [`Control::ring`].
    pub async fn take_over(&self, tenant: &TenantId, id: &ReconciliationId) -> Result<(), StepError> {
        let found = self.find(tenant, id).await?;
        self.recover(&found).await
    }

    async fn recover(&self, found: &Found) -> Result<(), StepError> {
        let Some(saga) = found.saga.as_ref().filter(|saga| !saga.status.has_ended()) else { return Ok(()) };
        match found.run.status {
            Status::Running => self.next_attempt(found).await,
            Status::Compensating => {
                let step = saga.current().map_or("", Step::as_str).to_owned();
                let error = if found.run.cancel.is_some() { "Settler.Cancelled" } else { "Execution.LOST" };
                let failure = ReportedFailure { step, error: error.to_owned(), cause: String::new() };
                self.replace(found, &saga.execution_arn, &failure).await
            }
            // A person decides, and is heard then.
            Status::Paused | Status::Stuck => Ok(()),
            Status::Completed | Status::Failed | Status::Cancelled => Ok(()),
        }
    }

    /// An execution that only undoes takes over from `gone`.
    async fn replace(&self, found: &Found, gone: &str, failure: &ReportedFailure) -> Result<(), StepError> {
        let Some(saga) = &found.saga else { return Ok(()) };
        let input = &found.input;
        if saga.executions >= MAX_EXECUTIONS {
            tracing::error!(
                gone,
                executions = saga.executions,
                "an operator is needed: undoing keeps losing its execution"
            );
            return Ok(());
        }
        let name = undo_name(&input.tenant_id, &input.reconciliation_id, saga.attempt, saga.executions);
        let arn = self.workflow.execution_arn(&name);
        tracing::warn!(gone, arn, error = failure.error, "an execution is replaced");
        self.ledger
            .transact(input, Guard::Version, |current, at| {
                let reason = &failure.error;
                let saga = saga::replace_execution(&current.saga.state, input.attempt, (gone, &arn), reason, at)?;
                Ok(Decision { saga, ..Decision::default() })
            })
            .await?;
        self.execute(&name, input, Some(failure)).await
    }

    /// Another attempt goes on with what is staged. What the lost one did is taken back in the same transaction.
    async fn next_attempt(&self, found: &Found) -> Result<(), StepError> {
        let input = &found.input;
        let next = input.attempt.saturating_add(1);
        let name = execution_name(&input.tenant_id, &input.reconciliation_id, next);
        let arn = self.workflow.execution_arn(&name);
        tracing::warn!(reconciliation_id = %input.reconciliation_id, attempt = input.attempt, "an attempt was lost; the next one takes over");
        for _ in 0..crate::ledger::MAX_TRIES {
            let withdrawal = withdrawal(&self.ledger, input, "the attempt was lost").await?;
            let written = self.ledger.try_once(input, Guard::Version, |current, at| {
                let events = reconciliation::take_over(&current.run.state, input.attempt, at)?;
                let retried = events.iter().find_map(|event| match event {
                    ReconciliationEvent::ReconciliationRetried { from_step, reused, .. } => {
                        Some((*from_step, reused.clone()))
                    }
                    _ => None,
                });
                let (from, reused) = retried.unwrap_or((Step::FetchShopifyOrders, Vec::new()));
                Ok(Decision {
                    saga: saga::start_attempt(&current.saga.state, next, &arn, (from, &reused), at)?,
                    subject: events,
                    others: vec![withdrawal.clone()],
                    set_fence: Some(forward_fence(next)),
                    tag: Some(("job_id", found.run.request.job_id.to_string())),
                })
            });
            if written.await? {
                return self.execute(&name, &StepInput { attempt: next, ..input.clone() }, None).await;
            }
        }
        Err(crate::ledger::outrun())
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
        assert_eq!(undo_name(&tenant("a"), &id, 1, 1), format!("{name}-undo"));
        assert_eq!(undo_name(&tenant("a"), &id, 1, 2), format!("{name}-undo2"));
        assert!(undo_name(&tenant("a"), &id, u32::MAX, u32::MAX).len() <= 80);
    }
}
