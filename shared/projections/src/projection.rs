//! What a projection is: a pure fold of one aggregate's events into one row, and the keys under which lists find it.

use crate::store::Table;
use domain::{EventEnvelope, Timestamp};
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

/// How lists and operators find a row, beside its primary key (tenant and aggregate id).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Sort key of the index `by_started`.
    pub started: Option<String>,
    /// Partition key of the index `by_id`.
    pub id: Option<String>,
    /// Plain attributes that lists filter on.
    pub attributes: Vec<(&'static str, String)>,
}

/// `<RFC 3339>#<id>`: sorts by time, and is unique where two runs start in the same millisecond.
#[must_use]
pub fn started_key(at: Timestamp, id: &str) -> String {
    format!("{at}#{id}")
}

/// One projection. Pure: the same row and event always give the same row.
pub trait Projection {
    /// First part of the checkpoint's key, and the key in the table of projections.
    const NAME: &'static str;
    /// Type of the aggregate whose streams it follows.
    const AGGREGATE: &'static str;
    const TABLE: Table;
    type Row: Serialize + DeserializeOwned;

    /// # Errors
    /// [`ApplyError`] for an event that does not decode or cannot follow the row.
    fn apply(row: Option<Self::Row>, event: &EventEnvelope) -> Result<Self::Row, ApplyError>;

    fn keys(row: &Self::Row) -> Keys;
}

/// Folds events from nothing.
///
/// # Errors
/// The first [`ApplyError`].
pub fn fold<P: Projection>(events: &[EventEnvelope]) -> Result<Option<P::Row>, ApplyError> {
    events.iter().try_fold(None, |row, event| P::apply(row, event).map(Some))
}

/// A row as the stores keep it: JSON text, so that a rebuilt row can be compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub row: String,
    pub keys: Keys,
}

/// A projection without its row type, so that one engine drives all.
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    pub name: &'static str,
    pub aggregate: &'static str,
    pub table: Table,
    advance: fn(Option<&str>, &[EventEnvelope]) -> Result<Applied, ApplyError>,
}

impl Registered {
    #[must_use]
    pub const fn of<P: Projection>() -> Self {
        Self { name: P::NAME, aggregate: P::AGGREGATE, table: P::TABLE, advance: advance::<P> }
    }

    /// Applies `events`, of which there is at least one, to a stored row.
    ///
    /// # Errors
    /// [`ApplyError`], also when the stored row cannot be read: then a rebuild is needed.
    pub fn advance(&self, row: Option<&str>, events: &[EventEnvelope]) -> Result<Applied, ApplyError> {
        (self.advance)(row, events)
    }
}

fn advance<P: Projection>(row: Option<&str>, events: &[EventEnvelope]) -> Result<Applied, ApplyError> {
    let unreadable = |detail: String| {
        let blank = ApplyError { event_type: "no event".into(), sequence: 0, detail: detail.clone() };
        events.first().map_or(blank, |event| ApplyError::at(event, detail))
    };
    let stored = row
        .map(serde_json::from_str::<P::Row>)
        .transpose()
        .map_err(|cause| unreadable(format!("the stored row does not decode: {cause}")))?;
    let row = events.iter().try_fold(stored, |row, event| P::apply(row, event).map(Some))?;
    let row = row.ok_or_else(|| unreadable("nothing to apply".into()))?;
    let text =
        serde_json::to_string(&row).map_err(|cause| unreadable(format!("the row cannot be written: {cause}")))?;
    Ok(Applied { row: text, keys: P::keys(&row) })
}
