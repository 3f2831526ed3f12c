//! The words of Settler: ids, money, time, records, events and aggregates.
//!
//! Pure by construction: no I/O, no clock, no randomness, no floats. Everything else in the workspace depends on this
//! crate; it depends on no AWS crate and not on an async runtime.

/// Target of tracing events that are metrics (`name`, `value`, `unit`, and `step` or `kind`), wherever they come from.
pub const METRIC: &str = "settler::metric";

/// Event types that are counted as metrics of the same name, once for each event that was appended.
pub const COUNTED_EVENTS: [&str; 10] = [
    "ReconciliationStarted",
    "ReconciliationCompleted",
    "ReconciliationFailed",
    "ReconciliationCancelled",
    "ReconciliationRetried",
    "CompensationStuck",
    "RecordMatched",
    "MatchSuggested",
    "RecordUnmatched",
    "StepFailed",
];

pub mod aggregate;
pub mod api_key;
pub mod audit;
pub mod catalogue;
pub mod connection;
pub mod consumption;
pub mod decision;
pub mod envelope;
pub mod failure;
pub mod fields;
pub mod ids;
pub mod job;
pub mod job_runs;
pub mod matches;
pub mod money;
pub mod ports;
pub mod reconciliation;
pub mod record;
pub mod records;
pub mod saga;
pub mod schedule;
pub mod status;
pub mod summary;
pub mod time;
pub mod webhook;

pub use aggregate::{Aggregate, Decided, Event, fold};
pub use envelope::{EventEnvelope, Metadata};
pub use failure::{Decline, ErrorName, Failure, Family};
pub use ids::{AttemptNumber, ConnectionId, CorrelationId, EndpointId, JobId, ReconciliationId, TenantId, UploadId};
pub use money::{Currency, Money};
pub use status::Status;
pub use time::{Clock, DateRange, IdSource, Timestamp};
