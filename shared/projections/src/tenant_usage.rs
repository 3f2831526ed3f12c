//! Projection `tenant_usage_view`: what one run used. Rows lie under the tenant and the day on which the run started,
//! so that a day's usage is a sum over one partition: there is no counter that many runs write to.

use crate::{
    projection::{ApplyError, Keys, Projection, Row},
    store::Table,
};
use domain::{
    Aggregate, EventEnvelope, TenantId, Timestamp, aggregate,
    reconciliation::{Reconciliation, ReconciliationEvent},
};
use serde::{Deserialize, Serialize};

/// One run's part in its tenant's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    pub tenant_id: TenantId,
    pub reconciliation_id: String,
    /// Records fetched from both providers, over all attempts.
    pub records: u64,
    /// Matched records of the source side in the visible result.
    pub matches: u64,
    /// Attempts that completed.
    pub successes: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// From the start of each attempt to its end, added up.
    pub duration_ms: i64,
    /// Sequence of the last applied event.
    pub version: u64,
    pub as_of: Timestamp,
}

/// The row, the day under which it lies, and since when the present attempt runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageState {
    pub day: String,
    pub since: Timestamp,
    pub row: UsageRow,
}

/// `YYYY-MM-DD` in UTC.
#[must_use]
pub fn day_of(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

impl UsageState {
    fn started(event: &EventEnvelope) -> Self {
        let at = event.metadata.timestamp;
        let row = UsageRow {
            tenant_id: event.metadata.tenant_id.clone(),
            reconciliation_id: event.aggregate_id.clone(),
            records: 0,
            matches: 0,
            successes: 0,
            failures: 0,
            duration_ms: 0,
            version: event.sequence,
            as_of: at,
        };
        Self { day: day_of(at), since: at, row }
    }

    fn ended(&mut self, at: Timestamp) {
        self.row.duration_ms += at.millis().saturating_sub(self.since.millis()).max(0);
        self.since = at;
    }
}

#[derive(Debug)]
pub struct TenantUsage;

impl Projection for TenantUsage {
    const NAME: &'static str = "tenant_usage_view";
    const AGGREGATE: &'static str = Reconciliation::TYPE;
    const TABLE: Table = Table::TenantUsage;
    const APART: bool = true;
    type State = UsageState;

    fn apply(state: Option<UsageState>, event: &EventEnvelope) -> Result<UsageState, ApplyError> {
        use ReconciliationEvent as E;
        let decoded: E = aggregate::from_parts(&event.event_type, event.data.clone())
            .map_err(|cause| ApplyError::at(event, cause.to_string()))?;
        let mut state = match (&decoded, state) {
            (E::ReconciliationStarted { .. }, None) => return Ok(UsageState::started(event)),
            (E::ReconciliationStarted { .. }, Some(_)) => {
                return Err(ApplyError::at(event, "the run has already started"));
            }
            (_, None) => return Err(ApplyError::at(event, "the run has not started")),
            (_, Some(state)) => state,
        };
        match decoded {
            // A further attempt begins; what the one before took is counted already.
            E::ReconciliationRetried { at, .. } => state.since = at,
            E::OrdersFetched(fetched) | E::PaymentsFetched(fetched) => state.row.records += fetched.count,
            E::ResultsPublished(published) => state.row.matches = published.summary.source.matched,
            E::ResultsWithdrawn { .. } => state.row.matches = 0,
            E::ReconciliationCompleted { completed_at, .. } => {
                state.ended(completed_at);
                state.row.successes += 1;
            }
            E::ReconciliationFailed { failed_at, .. } => {
                state.ended(failed_at);
                state.row.failures += 1;
            }
            E::ReconciliationCancelled { cancelled_at, .. } => state.ended(cancelled_at),
            // Nothing else that happens to a run changes what it used.
            _ => {}
        }
        state.row.version = event.sequence;
        state.row.as_of = event.metadata.timestamp;
        Ok(state)
    }

    fn rows(id: &str, state: &UsageState) -> Result<Vec<Row>, serde_json::Error> {
        let text = serde_json::to_string(&state.row)?;
        Ok(vec![Row { within: Some(state.day.clone()), sort: id.to_owned(), text, keys: Keys::default() }])
    }

    fn tenant(state: &UsageState) -> Option<&TenantId> {
        Some(&state.row.tenant_id)
    }
}

/// A tenant's day: the sum of its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DailyUsage {
    /// `YYYY-MM-DD` in UTC, on which the runs started.
    pub day: String,
    pub reconciliations: u64,
    pub records: u64,
    pub matches: u64,
    pub successes: u64,
    pub failures: u64,
    pub duration_ms: i64,
    /// Time of the last event that is in it; none on a day without runs.
    pub as_of: Option<Timestamp>,
}

impl DailyUsage {
    #[must_use]
    pub fn of(day: &str) -> Self {
        Self { day: day.to_owned(), ..Self::default() }
    }

    pub fn add(&mut self, row: &UsageRow) {
        self.reconciliations += 1;
        self.records += row.records;
        self.matches += row.matches;
        self.successes += row.successes;
        self.failures += row.failures;
        self.duration_ms += row.duration_ms;
        self.as_of = self.as_of.max(Some(row.as_of));
    }
}
