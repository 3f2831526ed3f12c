//! Aggregates on top of the store: load and fold, and turn decided events into an append.

use crate::store::{Append, EventStore, NewEvent, StoreError, StreamKey};
use domain::{Aggregate, Metadata, TenantId, Timestamp, aggregate as events};
use uuid::Uuid;

/// A folded aggregate with the version its state stands for.
#[derive(Debug, Clone)]
pub struct Loaded<S> {
    pub state: S,
    pub version: u64,
    /// Time of the last event; none for a stream without events.
    pub as_of: Option<Timestamp>,
    /// Metadata of the first commit: who began it, when, under which correlation id.
    pub origin: Option<Metadata>,
}

/// Folds the whole stream, consistently.
///
/// # Errors
/// [`StoreError::Corrupt`] naming the sequence when an event does not decode.
pub async fn load<A: Aggregate>(
    store: &dyn EventStore,
    tenant: &TenantId,
    id: &str,
) -> Result<Loaded<A::State>, StoreError> {
    load_as_of::<A>(store, tenant, id, None).await
}

/// As [`load`], leaving out what was written after `until`.
///
/// # Errors
/// As [`load`].
pub async fn load_as_of<A: Aggregate>(
    store: &dyn EventStore,
    tenant: &TenantId,
    id: &str,
    until: Option<Timestamp>,
) -> Result<Loaded<A::State>, StoreError> {
    let stream = StreamKey::new(tenant, A::TYPE, id);
    let mut loaded = Loaded { state: A::State::default(), version: 0, as_of: None, origin: None };
    for commit in store.load(&stream, 0).await? {
        if until.is_some_and(|until| commit.metadata.timestamp > until) {
            break;
        }
        for envelope in commit.events {
            let event: A::Event =
                events::from_parts(&envelope.event_type, envelope.data).map_err(|cause| StoreError::Corrupt {
                    stream: stream.partition(),
                    sequence: envelope.sequence,
                    detail: format!("{} does not decode: {cause}", envelope.event_type),
                })?;
            loaded.state = A::evolve(loaded.state, &event);
        }
        loaded.version = commit.to;
        loaded.as_of = Some(commit.metadata.timestamp);
        loaded.origin.get_or_insert(commit.metadata);
    }
    Ok(loaded)
}

/// Decided events on their way to a stream.
#[derive(Debug)]
pub struct NewCommit;

impl NewCommit {
    /// # Errors
    /// [`StoreError::Refused`] when an event cannot be written as JSON.
    pub fn of<A: Aggregate>(
        tenant: &TenantId,
        id: &str,
        expected: u64,
        events: &[A::Event],
        commit_id: Uuid,
    ) -> Result<Append, StoreError> {
        use domain::Event;
        let new_event = |event: &A::Event| {
            let data = events::data_of(event)
                .map_err(|cause| StoreError::Refused(format!("{}: {cause}", event.event_type())))?;
            Ok(NewEvent { event_type: event.event_type().to_owned(), event_version: event.event_version(), data })
        };
        let events = events.iter().map(new_event).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Append { stream: StreamKey::new(tenant, A::TYPE, id), expected, events, commit_id, set_fence: None })
    }
}
