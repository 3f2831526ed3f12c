//! Projection `reconciliation_summary`: one run with its figures, as lists and `GET` by id show it.
//!
//! `current_step` and `cost` are not in here: they belong to the saga's stream and to usage, and are joined at read.
//! Counts are 0, accuracy and versions are null until a result is published, and again after it was withdrawn.

use crate::{
    projection::{ApplyError, Keys, Projection, Row, fold, only_row, started_key},
    store::Table,
};
use domain::{
    Aggregate, AttemptNumber, CorrelationId, DateRange, EventEnvelope, Failure, JobId, TenantId, Timestamp, aggregate,
    connection::Adapter,
    reconciliation::{Reconciliation, ReconciliationEvent, Status},
    summary::{CurrencyTotals, Percentage, RunSummary, Warning},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryView {
    pub reconciliation_id: String,
    pub job_id: JobId,
    pub tenant_id: TenantId,
    pub status: Status,
    pub attempt: AttemptNumber,
    pub correlation_id: CorrelationId,
    pub date_range: DateRange,
    pub timezone: String,
    pub source_adapter: Adapter,
    pub target_adapter: Adapter,
    pub total_source_records: u64,
    pub total_target_records: u64,
    /// Equal to `matched_source_count`.
    pub matched_count: u64,
    pub matched_source_count: u64,
    pub matched_target_count: u64,
    pub suggested_source_count: u64,
    pub suggested_target_count: u64,
    pub unmatched_source_count: u64,
    pub unmatched_target_count: u64,
    pub excluded_source_count: u64,
    pub excluded_target_count: u64,
    pub discrepancy_count: u64,
    /// Attempts of this run that have failed.
    pub errors_count: u64,
    pub accuracy_percentage: Option<Percentage>,
    pub totals: Vec<CurrencyTotals>,
    pub warnings: Vec<Warning>,
    pub engine_version: Option<String>,
    pub rule_set_version: Option<String>,
    pub input_digest: Option<String>,
    pub started_at: Timestamp,
    /// None for a run that failed or was cancelled.
    pub completed_at: Option<Timestamp>,
    /// From the start to the end of the last attempt.
    pub duration_ms: Option<i64>,
    pub failure: Option<Failure>,
    /// Sequence of the last applied event.
    pub version: u64,
    /// Time of the last applied event.
    pub as_of: Timestamp,
}

impl SummaryView {
    fn started(event: &EventEnvelope, request: &domain::reconciliation::Request) -> Self {
        Self {
            reconciliation_id: event.aggregate_id.clone(),
            job_id: request.job_id.clone(),
            tenant_id: event.metadata.tenant_id.clone(),
            status: Status::Running,
            attempt: 1,
            correlation_id: event.metadata.correlation_id.clone(),
            date_range: request.date_range.clone(),
            timezone: request.timezone.clone(),
            source_adapter: request.source.adapter,
            target_adapter: request.target.adapter,
            total_source_records: 0,
            total_target_records: 0,
            matched_count: 0,
            matched_source_count: 0,
            matched_target_count: 0,
            suggested_source_count: 0,
            suggested_target_count: 0,
            unmatched_source_count: 0,
            unmatched_target_count: 0,
            excluded_source_count: 0,
            excluded_target_count: 0,
            discrepancy_count: 0,
            errors_count: 0,
            accuracy_percentage: None,
            totals: Vec::new(),
            warnings: Vec::new(),
            engine_version: None,
            rule_set_version: None,
            input_digest: None,
            started_at: event.metadata.timestamp,
            completed_at: None,
            duration_ms: None,
            failure: None,
            version: event.sequence,
            as_of: event.metadata.timestamp,
        }
    }

    /// The figures of a visible result, or of none.
    fn show(&mut self, result: Option<&RunSummary>) {
        let blank = RunSummary::default();
        let figures = result.unwrap_or(&blank);
        self.total_source_records = figures.source.in_scope();
        self.total_target_records = figures.target.in_scope();
        self.matched_count = figures.source.matched;
        self.matched_source_count = figures.source.matched;
        self.matched_target_count = figures.target.matched;
        self.suggested_source_count = figures.source.suggested;
        self.suggested_target_count = figures.target.suggested;
        self.unmatched_source_count = figures.source.unmatched;
        self.unmatched_target_count = figures.target.unmatched;
        self.excluded_source_count = figures.source.excluded;
        self.excluded_target_count = figures.target.excluded;
        self.discrepancy_count = figures.discrepancy_count;
        self.accuracy_percentage = figures.accuracy();
        self.totals.clone_from(&figures.totals);
        self.warnings.clone_from(&figures.warnings);
        self.engine_version = result.map(|result| result.engine_version.clone());
        self.rule_set_version = result.map(|result| result.rule_set_version.clone());
        self.input_digest = result.map(|result| result.input_digest.clone());
    }

    fn end(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.duration_ms = Some(at.millis().saturating_sub(self.started_at.millis()));
    }
}

#[derive(Debug)]
pub struct ReconciliationSummary;

impl Projection for ReconciliationSummary {
    const NAME: &'static str = "reconciliation_summary";
    const AGGREGATE: &'static str = Reconciliation::TYPE;
    const TABLE: Table = Table::ReconciliationSummary;
    type State = SummaryView;

    fn apply(row: Option<SummaryView>, event: &EventEnvelope) -> Result<SummaryView, ApplyError> {
        use ReconciliationEvent as E;
        let decoded: E = aggregate::from_parts(&event.event_type, event.data.clone())
            .map_err(|cause| ApplyError::at(event, cause.to_string()))?;
        let mut view = match (&decoded, row) {
            (E::ReconciliationStarted { request, .. }, None) => return Ok(SummaryView::started(event, request)),
            (E::ReconciliationStarted { .. }, Some(_)) => {
                return Err(ApplyError::at(event, "the run has already started"));
            }
            (_, None) => return Err(ApplyError::at(event, "the run has not started")),
            (_, Some(view)) => view,
        };
        match decoded {
            E::ReconciliationStarted { .. } | E::OrdersFetched(_) | E::PaymentsFetched(_) => {}
            E::ResultsPublished(published) => {
                view.attempt = published.attempt;
                view.show(Some(&published.summary));
            }
            E::ResultsWithdrawn { .. } => view.show(None),
            E::ReconciliationRetried { attempt, .. } => {
                view.attempt = attempt;
                view.status = Status::Running;
                view.duration_ms = None;
                view.failure = None;
            }
            E::ReconciliationPaused { .. } => view.status = Status::Paused,
            E::ReconciliationResumed { .. } if view.status == Status::Paused => view.status = Status::Running,
            E::ReconciliationResumed { .. }
            | E::ReconciliationCancelRequested { .. }
            | E::CompensationStepSkipped { .. } => view.status = Status::Compensating,
            E::CompensationStarted { failure, .. } => {
                view.status = Status::Compensating;
                view.failure = Some(failure);
            }
            E::CompensationStuck { .. } => view.status = Status::Stuck,
            E::ReconciliationCompleted { completed_at, .. } => {
                view.end(Status::Completed, completed_at);
                view.completed_at = Some(completed_at);
                view.failure = None;
            }
            E::ReconciliationFailed { failure, failed_at, .. } => {
                view.end(Status::Failed, failed_at);
                view.completed_at = None;
                view.errors_count += 1;
                view.failure = Some(failure);
            }
            E::ReconciliationCancelled { cancelled_at, .. } => {
                view.end(Status::Cancelled, cancelled_at);
                view.completed_at = None;
            }
            E::SuggestionConfirmed(decision)
            | E::SuggestionRejected(decision)
            | E::MatchMade(decision)
            | E::MatchBroken(decision) => view.show(Some(&decision.summary)),
            E::ExceptionReviewed(_) => {}
        }
        view.version = event.sequence;
        view.as_of = event.metadata.timestamp;
        Ok(view)
    }

    fn rows(id: &str, row: &SummaryView) -> Result<Vec<Row>, serde_json::Error> {
        let keys = Keys {
            started: Some(started_key(row.started_at, &row.reconciliation_id)),
            id: Some(row.reconciliation_id.clone()),
            job: None,
            attributes: vec![("status", row.status.as_str().to_owned()), ("job_id", row.job_id.to_string())],
        };
        only_row(id, row, keys)
    }

    fn tenant(row: &SummaryView) -> Option<&TenantId> {
        Some(&row.tenant_id)
    }
}

/// The view of a stream that was just read, for a consistent `GET` by id; none for a stream without events.
///
/// # Errors
/// [`ApplyError`] when an event does not decode, cannot follow the ones before it, or belongs to another stream.
pub fn summary_of(tenant: &TenantId, id: &str, events: &[EventEnvelope]) -> Result<Option<SummaryView>, ApplyError> {
    let stranger = events.iter().find(|event| event.metadata.tenant_id != *tenant || event.aggregate_id != id);
    match stranger {
        Some(event) => Err(ApplyError::at(event, "the event belongs to another stream")),
        None => fold::<ReconciliationSummary>(events),
    }
}
