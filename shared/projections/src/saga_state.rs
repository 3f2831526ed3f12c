//! Projection `saga_state`: the ledger of a run's workflow with its step history, for operators.

use crate::{
    projection::{ApplyError, Keys, Projection, Row, only_row, started_key},
    store::Table,
};
use domain::{
    Aggregate, EventEnvelope, Failure, TenantId, Timestamp, aggregate,
    saga::{Saga, SagaEvent, SagaRun, Step},
};
use serde::{Deserialize, Serialize};

/// The only kind of saga there is.
pub const SAGA_TYPE: &str = "reconciliation";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaView {
    pub saga_id: String,
    pub saga_type: String,
    pub tenant_id: TenantId,
    /// Attempt, status, execution, why it is undone, and the history of the steps.
    #[serde(flatten)]
    pub run: SagaRun,
    /// The step that runs, or the last one that ran.
    pub current_step: Option<Step>,
    /// Steps started again in the current attempt.
    pub retry_count: u32,
    /// When a wait ends by itself.
    pub next_retry_at: Option<Timestamp>,
    /// When the call of the running step is given up.
    pub timeout_at: Option<Timestamp>,
    /// When the watchdog looks after this saga if nothing happens; none when it has ended or waits for a person.
    pub due_at: Option<Timestamp>,
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

/// Partition of the index `by_due`, in which only sagas are that somebody may have to look after.
pub const DUE: &str = "due";

#[derive(Debug)]
pub struct SagaState;

impl Projection for SagaState {
    const NAME: &'static str = "saga_state";
    const AGGREGATE: &'static str = Saga::TYPE;
    const TABLE: Table = Table::SagaState;
    type State = SagaView;

    fn apply(row: Option<SagaView>, event: &EventEnvelope) -> Result<SagaView, ApplyError> {
        let decoded: SagaEvent = aggregate::from_parts(&event.event_type, event.data.clone())
            .map_err(|cause| ApplyError::at(event, cause.to_string()))?;
        let at = event.metadata.timestamp;
        let started_at = row.as_ref().map_or(at, |view| view.started_at);
        let run = Saga::evolve(row.map(|view| view.run), &decoded)
            .ok_or_else(|| ApplyError::at(event, "the saga has not started"))?;
        Ok(SagaView {
            saga_id: event.aggregate_id.clone(),
            saga_type: SAGA_TYPE.to_owned(),
            tenant_id: event.metadata.tenant_id.clone(),
            current_step: run.current(),
            retry_count: run.steps.iter().map(|step| step.tries.saturating_sub(1)).sum(),
            next_retry_at: run.next_retry_at(),
            timeout_at: run.timeout_at(),
            due_at: run.due_at(at),
            error: error_of(&run),
            run,
            started_at,
            updated_at: at,
            version: event.sequence,
            as_of: at,
        })
    }

    fn rows(id: &str, row: &SagaView) -> Result<Vec<Row>, serde_json::Error> {
        let mut attributes = vec![("status", row.run.status.as_str().to_owned())];
        if let Some(due_at) = row.due_at {
            attributes.extend([("due", DUE.to_owned()), ("due_at", due_at.to_string())]);
        }
        let started = Some(started_key(row.started_at, &row.saga_id));
        let keys = Keys { started, id: Some(row.saga_id.clone()), job: None, attributes };
        only_row(id, row, keys)
    }

    fn tenant(row: &SagaView) -> Option<&TenantId> {
        Some(&row.tenant_id)
    }
}

fn error_of(run: &SagaRun) -> Option<Failure> {
    let undo = run.steps.iter().find_map(|step| step.undo_failure.clone());
    let failed = run.steps.iter().filter(|step| step.failure.is_some()).max_by_key(|step| step.ended_at);
    undo.or_else(|| run.failure.clone()).or_else(|| failed.and_then(|step| step.failure.clone()))
}
