//! Projection `jobs`: the current definition of each job. A deleted job keeps its row, so that its checkpoint has
//! something to stand for, and vanishes from lists.

use crate::{
    projection::{ApplyError, Keys, Projection, Row, only_row},
    store::Table,
};
use domain::{
    Aggregate, EventEnvelope, Timestamp, aggregate,
    job::{Job, JobDefinition, JobEvent, Side, WebhookEndpoint},
    schedule::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    pub job_id: String,
    pub name: String,
    pub source: Side,
    pub target: Side,
    pub timezone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching_rules: Option<Value>,
    pub webhooks: Vec<WebhookEndpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Number of this definition, from 1. Equals the stream's version as long as the job is not deleted.
    pub version: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Time of the last applied event.
    pub as_of: Timestamp,
}

impl JobView {
    fn of(event: &EventEnvelope, definition: JobDefinition, before: Option<&Self>) -> Self {
        let at = event.metadata.timestamp;
        Self {
            job_id: event.aggregate_id.clone(),
            name: definition.name,
            source: definition.source,
            target: definition.target,
            timezone: definition.timezone,
            matching_rules: definition.matching_rules,
            webhooks: definition.webhooks,
            schedule: definition.schedule,
            version: before.map_or(1, |before| before.version + 1),
            created_at: before.map_or(at, |before| before.created_at),
            updated_at: at,
            as_of: at,
        }
    }
}

/// A job's row: the view, and whether lists still show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    pub job: JobView,
    pub deleted: bool,
}

impl JobRow {
    fn changed_by(mut self, event: &EventEnvelope) -> Self {
        self.job.version += 1;
        self.job.updated_at = event.metadata.timestamp;
        self.job.as_of = event.metadata.timestamp;
        self
    }
}

#[derive(Debug)]
pub struct Jobs;

impl Projection for Jobs {
    const NAME: &'static str = "jobs";
    const AGGREGATE: &'static str = Job::TYPE;
    const TABLE: Table = Table::Jobs;
    type State = JobRow;

    fn apply(row: Option<JobRow>, event: &EventEnvelope) -> Result<JobRow, ApplyError> {
        let decoded: JobEvent = aggregate::from_parts(&event.event_type, event.data.clone())
            .map_err(|cause| ApplyError::at(event, cause.to_string()))?;
        match (decoded, row) {
            (JobEvent::JobCreated { definition } | JobEvent::JobUpdated { definition }, row) => {
                Ok(JobRow { job: JobView::of(event, definition, row.as_ref().map(|row| &row.job)), deleted: false })
            }
            (JobEvent::JobDeleted {}, Some(mut row)) => {
                row.deleted = true;
                row.job.updated_at = event.metadata.timestamp;
                row.job.as_of = event.metadata.timestamp;
                Ok(row)
            }
            (JobEvent::WebhookDisabled { endpoint_id, disabled }, Some(mut row)) => {
                let named = row.job.webhooks.iter_mut().filter(|endpoint| endpoint.endpoint_id == endpoint_id);
                named.for_each(|endpoint| endpoint.disabled = Some(disabled.clone()));
                Ok(row.changed_by(event))
            }
            (JobEvent::WebhookSecretRotated { .. }, Some(row)) => Ok(row.changed_by(event)),
            (_, None) => Err(ApplyError::at(event, "the job was never created")),
        }
    }

    fn rows(id: &str, row: &JobRow) -> Result<Vec<Row>, serde_json::Error> {
        let state = if row.deleted { "deleted" } else { LISTED };
        let keys = Keys { attributes: vec![(STATE, state.to_owned())], ..Keys::default() };
        only_row(id, row, keys)
    }
}

/// Attribute by which lists leave deleted jobs out.
pub(crate) const STATE: &str = "state";
pub(crate) const LISTED: &str = "listed";
