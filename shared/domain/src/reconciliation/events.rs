//! What happens to a run.

use crate::{
    aggregate::Event,
    decision::{Decision, Review},
    failure::Failure,
    ids::{AttemptNumber, JobId},
    job::Side,
    saga::Step,
    summary::RunSummary,
    time::{DateRange, Timestamp},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was asked for. Two starts with equal requests are the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    pub job_id: JobId,
    /// Version of the job whose rules, zone, adapters and webhooks hold for every attempt.
    pub job_version: u32,
    pub date_range: DateRange,
    pub timezone: String,
    pub source: Side,
    pub target: Side,
}

/// Staged records of one side: where they are and what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fetched {
    pub attempt: AttemptNumber,
    /// Records staged, those of the pad around the range included.
    pub count: u64,
    /// Key of the manifest that lists the staged pages.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Hex SHA-256 of the manifest.
    pub digest: String,
    pub fetch_duration_ms: u64,
}

/// The result of an attempt, made visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    pub attempt: AttemptNumber,
    pub summary: RunSummary,
    /// Key of the result in the data bucket.
    #[serde(rename = "ref")]
    pub reference: String,
    pub digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ReconciliationEvent {
    ReconciliationStarted {
        #[serde(flatten)]
        request: Request,
        /// "Now" for rules that depend on it, the same for every attempt.
        as_of: Timestamp,
    },
    OrdersFetched(Fetched),
    PaymentsFetched(Fetched),
    ResultsPublished(Published),
    ResultsWithdrawn {
        attempt: AttemptNumber,
    },
    /// A further attempt, from `from_step`; staged data of `reused` steps is used again.
    ReconciliationRetried {
        attempt: AttemptNumber,
        from_step: Step,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reused: Vec<Step>,
        at: Timestamp,
    },
    ReconciliationPaused {
        attempt: AttemptNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        at: Timestamp,
    },
    ReconciliationResumed {
        attempt: AttemptNumber,
        at: Timestamp,
    },
    ReconciliationCancelRequested {
        attempt: AttemptNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        at: Timestamp,
    },
    /// A step failed for good: what the attempt did is being undone.
    CompensationStarted {
        attempt: AttemptNumber,
        failure: Failure,
        at: Timestamp,
    },
    /// Undoing `step` kept failing.
    CompensationStuck {
        attempt: AttemptNumber,
        step: Step,
        failure: Failure,
        at: Timestamp,
    },
    /// An operator answers for what `step` left, and undoing goes on.
    CompensationStepSkipped {
        attempt: AttemptNumber,
        step: Step,
        reason: String,
        at: Timestamp,
    },
    ReconciliationCompleted {
        attempt: AttemptNumber,
        completed_at: Timestamp,
    },
    ReconciliationFailed {
        attempt: AttemptNumber,
        failure: Failure,
        failed_at: Timestamp,
    },
    ReconciliationCancelled {
        attempt: AttemptNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        cancelled_at: Timestamp,
    },
    SuggestionConfirmed(Decision),
    SuggestionRejected(Decision),
    MatchMade(Decision),
    MatchBroken(Decision),
    ExceptionReviewed(Review),
}

impl Event for ReconciliationEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::ReconciliationStarted { .. } => "ReconciliationStarted",
            Self::OrdersFetched(_) => "OrdersFetched",
            Self::PaymentsFetched(_) => "PaymentsFetched",
            Self::ResultsPublished(_) => "ResultsPublished",
            Self::ResultsWithdrawn { .. } => "ResultsWithdrawn",
            Self::ReconciliationRetried { .. } => "ReconciliationRetried",
            Self::ReconciliationPaused { .. } => "ReconciliationPaused",
            Self::ReconciliationResumed { .. } => "ReconciliationResumed",
            Self::ReconciliationCancelRequested { .. } => "ReconciliationCancelRequested",
            Self::CompensationStarted { .. } => "CompensationStarted",
            Self::CompensationStuck { .. } => "CompensationStuck",
            Self::CompensationStepSkipped { .. } => "CompensationStepSkipped",
            Self::ReconciliationCompleted { .. } => "ReconciliationCompleted",
            Self::ReconciliationFailed { .. } => "ReconciliationFailed",
            Self::ReconciliationCancelled { .. } => "ReconciliationCancelled",
            Self::SuggestionConfirmed(_) => "SuggestionConfirmed",
            Self::SuggestionRejected(_) => "SuggestionRejected",
            Self::MatchMade(_) => "MatchMade",
            Self::MatchBroken(_) => "MatchBroken",
            Self::ExceptionReviewed(_) => "ExceptionReviewed",
        }
    }
}
