//! Projection `saga_state`: the ledger of a run's workflow with its step history, for operators.

use crate::{
    projection::{ApplyError, Keys, Projection, started_key},
    store::Table,
};
use domain::{
    Aggregate, AttemptNumber, EventEnvelope, Failure, TenantId, Timestamp, aggregate,
    saga::{Saga, SagaEvent, SagaRun, SagaStatus, Step, StepRun},
};
use serde::{Deserialize, Serialize};

/// The only kind of saga there is.
pub const SAGA_TYPE: &str = "reconciliation";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaView {
    pub saga_id: String,
    pub saga_type: String,
    pub tenant_id: TenantId,
    pub attempt: AttemptNumber,
    pub status: SagaStatus,
    /// The step that runs, or the last one that ran.
    pub current_step: Option<Step>,
    /// History of the current attempt.
    pub steps: Vec<StepRun>,
    pub execution_arn: String,
    /// Steps started again in the current attempt.
    pub retry_count: u32,
    /// The last failure that no success has healed.
    pub error: Option<Failure>,
    /// Start of the first attempt.
    pub started_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the last applied event.
    pub version: u64,
    /// Time of the last applied event.
    pub as_of: Timestamp,
}

impl SagaView {
    fn run(self) -> SagaRun {
        SagaRun { attempt: self.attempt, execution_arn: self.execution_arn, status: self.status, steps: self.steps }
    }
}

#[derive(Debug)]
pub struct SagaState;

impl Projection for SagaState {
    const NAME: &'static str = "saga_state";
    const AGGREGATE: &'static str = Saga::TYPE;
    const TABLE: Table = Table::SagaState;
    type Row = SagaView;

    fn apply(row: Option<SagaView>, event: &EventEnvelope) -> Result<SagaView, ApplyError> {
        let decoded: SagaEvent = aggregate::from_parts(&event.event_type, event.data.clone())
            .map_err(|cause| ApplyError::at(event, cause.to_string()))?;
        let at = event.metadata.timestamp;
        let started_at = row.as_ref().map_or(at, |view| view.started_at);
        let run = Saga::evolve(row.map(SagaView::run), &decoded)
            .ok_or_else(|| ApplyError::at(event, "the saga has not started"))?;
        let failed = run.steps.iter().filter(|step| step.failure.is_some()).max_by_key(|step| step.ended_at);
        Ok(SagaView {
            saga_id: event.aggregate_id.clone(),
            saga_type: SAGA_TYPE.to_owned(),
            tenant_id: event.metadata.tenant_id.clone(),
            attempt: run.attempt,
            status: run.status,
            current_step: run.current(),
            retry_count: run.steps.iter().map(|step| step.tries.saturating_sub(1)).sum(),
            error: failed.and_then(|step| step.failure.clone()),
            steps: run.steps,
            execution_arn: run.execution_arn,
            started_at,
            updated_at: at,
            version: event.sequence,
            as_of: at,
        })
    }

    fn keys(row: &SagaView) -> Keys {
        Keys {
            started: Some(started_key(row.started_at, &row.saga_id)),
            id: Some(row.saga_id.clone()),
            attributes: vec![("status", row.status.as_str().to_owned())],
        }
    }
}
