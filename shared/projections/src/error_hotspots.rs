//! Projection `error_hotspots_view`: which error came from which step of a run, how often, and when first and last. It
//! follows the ledger, where every failed try of a step is a line, also one that a later try has healed.

use crate::{
    projection::{ApplyError, Keys, Projection, Row},
    store::Table,
};
use domain::{
    Aggregate, ErrorName, EventEnvelope, Failure, JobId, TenantId, Timestamp, aggregate,
    saga::{Saga, SagaEvent},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One error of one step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotspotView {
    /// None for a run whose ledger does not name its job.
    pub job_id: Option<JobId>,
    pub reconciliation_id: String,
    pub error_type: ErrorName,
    pub step: String,
    pub count: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// What the last one said.
    pub last_message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotspotState {
    pub tenant_id: TenantId,
    pub job_id: Option<JobId>,
    /// By error type and step, as in the rows' keys.
    pub spots: BTreeMap<String, HotspotView>,
}

impl HotspotState {
    fn count(&mut self, event: &EventEnvelope, step: &str, failure: &Failure) {
        let at = event.metadata.timestamp;
        let spot = self.spots.entry(format!("{}#{step}", failure.name)).or_insert_with(|| HotspotView {
            job_id: self.job_id.clone(),
            reconciliation_id: event.aggregate_id.clone(),
            error_type: failure.name,
            step: step.to_owned(),
            count: 0,
            first_seen: at,
            last_seen: at,
            last_message: String::new(),
        });
        spot.count += 1;
        spot.last_seen = at;
        spot.last_message.clone_from(&failure.message);
    }
}

/// Attribute that a list of one run filters on.
pub(crate) const JOB: &str = "job_id";

/// The job that a ledger's first event names. Ledgers of before it did so name none.
fn job_of(event: &EventEnvelope) -> Option<JobId> {
    let job = event.data.get("job_id")?.as_str()?;
    JobId::parse(job).ok()
}

#[derive(Debug)]
pub struct ErrorHotspots;

impl Projection for ErrorHotspots {
    const NAME: &'static str = "error_hotspots_view";
    const AGGREGATE: &'static str = Saga::TYPE;
    const TABLE: Table = Table::ErrorHotspots;
    const APART: bool = true;
    type State = HotspotState;

    fn apply(state: Option<HotspotState>, event: &EventEnvelope) -> Result<HotspotState, ApplyError> {
        let decoded: SagaEvent = aggregate::from_parts(&event.event_type, event.data.clone())
            .map_err(|cause| ApplyError::at(event, cause.to_string()))?;
        let mut state = match (&decoded, state) {
            (SagaEvent::SagaStarted { .. }, None) => HotspotState {
                tenant_id: event.metadata.tenant_id.clone(),
                job_id: job_of(event),
                spots: BTreeMap::new(),
            },
            (_, None) => return Err(ApplyError::at(event, "the saga has not started")),
            (_, Some(state)) => state,
        };
        // Every other line of a ledger is no error.
        if let SagaEvent::StepFailed { step, failure, .. } | SagaEvent::UndoFailed { step, failure, .. } = &decoded {
            state.count(event, step.as_str(), failure);
        }
        Ok(state)
    }

    fn rows(id: &str, state: &HotspotState) -> Result<Vec<Row>, serde_json::Error> {
        let row = |(key, spot): (&String, &HotspotView)| {
            let job = spot.job_id.as_ref().map(ToString::to_string);
            let attributes = job.iter().map(|job| (JOB, job.clone())).collect();
            let keys = Keys { job, attributes, ..Keys::default() };
            Ok(Row { within: None, sort: format!("{id}#{key}"), text: serde_json::to_string(spot)?, keys })
        };
        state.spots.iter().map(row).collect()
    }

    fn tenant(state: &HotspotState) -> Option<&TenantId> {
        Some(&state.tenant_id)
    }
}
