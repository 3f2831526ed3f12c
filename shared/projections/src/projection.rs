//! What a projection is: a pure fold of one aggregate's events, the rows that it shows, and the keys under which lists
//! find them.

use crate::store::Table;
use domain::{EventEnvelope, TenantId, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// An event that does not decode or makes no sense after the ones before it. Counts towards parking.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{event_type} at sequence {sequence} cannot be applied: {detail}")]
pub struct ApplyError {
    pub event_type: String,
    pub sequence: u64,
    pub detail: String,
}

impl ApplyError {
    pub fn at(event: &EventEnvelope, detail: impl Into<String>) -> Self {
        Self { event_type: event.event_type.clone(), sequence: event.sequence, detail: detail.into() }
    }
}

/// How lists and operators find a row, beside its primary key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Sort key of the index `by_started`.
    pub started: Option<String>,
    /// Partition key of the index `by_id`.
    pub id: Option<String>,
    /// The job that the row belongs to, for the index `by_job`.
    pub job: Option<String>,
    /// Plain attributes that lists filter on.
    pub attributes: Vec<(&'static str, String)>,
}

/// `<RFC 3339>#<id>`: sorts by time, and is unique where two runs start in the same millisecond.
#[must_use]
pub fn started_key(at: Timestamp, id: &str) -> String {
    format!("{at}#{id}")
}

/// A row as the stores keep it: JSON text, so that a rebuilt row can be compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Second part of the partition's key, for views that are read by something within a tenant (a day).
    pub within: Option<String>,
    pub sort: String,
    pub text: String,
    pub keys: Keys,
}

/// One projection. Pure: the same state and event always give the same state, and a state always shows the same rows.
pub trait Projection {
    /// First part of the checkpoint's key, and the key in the table of projections.
    const NAME: &'static str;
    /// Type of the aggregate whose streams it follows.
    const AGGREGATE: &'static str;
    const TABLE: Table;
    /// Where the state is between two pulls. False: it is the aggregate's one row, under the aggregate's id. True: it
    /// stands beside the checkpoint, and an aggregate shows any number of rows, none included.
    const APART: bool = false;
    /// Number of what is stored: the fold, its state and its rows. Whoever changes any of them raises it, and `settler
    /// migrate` makes the read model anew. From 1.
    const FORMAT: u32 = 1;
    type State: Serialize + DeserializeOwned;

    /// # Errors
    /// [`ApplyError`] for an event that does not decode or cannot follow the state.
    fn apply(state: Option<Self::State>, event: &EventEnvelope) -> Result<Self::State, ApplyError>;

    /// What is shown of the aggregate `id`, in the order of the rows' keys.
    ///
    /// # Errors
    /// When a row cannot be written as JSON, which no state of ours is.
    fn rows(id: &str, state: &Self::State) -> Result<Vec<Row>, serde_json::Error>;

    /// Whose the state says it is; none when it does not say.
    fn tenant(state: &Self::State) -> Option<&TenantId> {
        let _ = state;
        None
    }
}

/// The row of a projection whose state is the row.
///
/// # Errors
/// As [`Projection::rows`].
pub fn only_row(id: &str, state: &impl Serialize, keys: Keys) -> Result<Vec<Row>, serde_json::Error> {
    Ok(vec![Row { within: None, sort: id.to_owned(), text: serde_json::to_string(state)?, keys }])
}

/// Folds events from nothing.
///
/// # Errors
/// The first [`ApplyError`].
pub fn fold<P: Projection>(events: &[EventEnvelope]) -> Result<Option<P::State>, ApplyError> {
    events.iter().try_fold(None, |state, event| P::apply(state, event).map(Some))
}
