//! What an aggregate is: a state folded from events, and decisions that turn a state and a command into new events.
//!
//! **Invariant:** deciding is pure. The same state and command always yield the same events, and deciding again after
//! folding them yields none.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A family of events, stored as a type name, a version and its data.
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// Name in the past tense, such as `ReconciliationStarted`.
    fn event_type(&self) -> &'static str;
    /// Version of this event's data, from 1.
    fn event_version(&self) -> u16 {
        1
    }
}

/// A stream whose events fold into one state.
pub trait Aggregate {
    /// Part of the stream's key: `reconciliation`, `saga`, …
    const TYPE: &'static str;
    type Event: Event;
    type State: Default + Clone + Send + Sync;
    /// How the state is kept in snapshots; none for aggregates whose streams stay short.
    const SNAPSHOT: Option<SnapshotFormat<Self::State>> = None;

    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}

/// How a folded state becomes the JSON of a snapshot, and back.
///
/// **Raise the version** when folding the same events gives another state, or the state another shape: snapshots of
/// other versions are ignored, so nothing else has to be done.
#[derive(Debug)]
pub struct SnapshotFormat<S> {
    pub version: u32,
    pub write: fn(&S) -> Result<Value, serde_json::Error>,
    pub read: fn(Value) -> Result<S, serde_json::Error>,
}

impl<S: Serialize + DeserializeOwned> SnapshotFormat<S> {
    #[must_use]
    pub const fn json(version: u32) -> Self {
        Self { version, write: |state| serde_json::to_value(state), read: serde_json::from_value }
    }
}

/// The outcome of deciding: what to append, perhaps nothing.
pub type Decided<A> = Vec<<A as Aggregate>::Event>;

pub fn fold<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> A::State {
    events.into_iter().fold(A::State::default(), |state, event| A::evolve(state, &event))
}

/// The data part of an event that is an enum tagged with `type` and `data`.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn data_of<E: Event>(event: &E) -> Result<Value, serde_json::Error> {
    let mut tagged = serde_json::to_value(event)?;
    Ok(tagged.get_mut("data").map_or(Value::Null, Value::take))
}

/// An event from its type name and data.
///
/// # Errors
/// When the type is unknown or the data does not fit.
pub fn from_parts<E: Event>(event_type: &str, data: Value) -> Result<E, serde_json::Error> {
    let tagged = [("type".to_owned(), Value::from(event_type)), ("data".to_owned(), data)];
    serde_json::from_value(Value::Object(tagged.into_iter().collect()))
}
