//! Aggregates on top of the store: load and fold, and turn decided events into an append.

use crate::{
    snapshot,
    store::{Append, Commit, EventStore, NewEvent, StoreError, StreamKey, Units},
    upcast::unreadable,
};
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
    /// Hash of the last commit, hex.
    pub hash: Option<String>,
    /// What loading consumed.
    pub units: Units,
}

impl<S: Default> Default for Loaded<S> {
    /// A stream without events.
    fn default() -> Self {
        Self { state: S::default(), version: 0, as_of: None, origin: None, hash: None, units: Units::default() }
    }
}

impl<S> Loaded<S> {
    /// The state after one more commit.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] naming the sequence when an event does not decode.
    pub(crate) fn with<A: Aggregate<State = S>>(self, stream: &StreamKey, commit: Commit) -> Result<Self, StoreError> {
        let mut state = self.state;
        for mut envelope in commit.events {
            let data = envelope.data.take();
            let event: A::Event = events::from_parts(&envelope.event_type, data)
                .map_err(|cause| unreadable(stream, &envelope, &cause))?;
            state = A::evolve(state, &event);
        }
        Ok(Self {
            state,
            version: commit.to,
            as_of: Some(commit.metadata.timestamp),
            origin: self.origin.or(Some(commit.metadata)),
            hash: Some(commit.hash),
            units: self.units,
        })
    }
}

/// Folds the stream, consistently: the whole of it, or what follows its snapshot.
///
/// # Errors
/// [`StoreError::Corrupt`] naming the sequence when an event does not decode.
pub async fn load<A: Aggregate>(
    store: &dyn EventStore,
    tenant: &TenantId,
    id: &str,
) -> Result<Loaded<A::State>, StoreError> {
    let stream = StreamKey::new(tenant, A::TYPE, id);
    match (store.snapshots(), A::SNAPSHOT) {
        (Some(snapshots), Some(format)) => snapshot::load::<A>(store, snapshots, &format, &stream).await,
        _ => whole::<A>(store, &stream, None).await,
    }
}

/// As [`load`], leaving out what was written after `until`. Snapshots are left alone.
///
/// # Errors
/// As [`load`].
pub async fn load_as_of<A: Aggregate>(
    store: &dyn EventStore,
    tenant: &TenantId,
    id: &str,
    until: Option<Timestamp>,
) -> Result<Loaded<A::State>, StoreError> {
    whole::<A>(store, &StreamKey::new(tenant, A::TYPE, id), until).await
}

/// Folds from the first event on.
pub(crate) async fn whole<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamKey,
    until: Option<Timestamp>,
) -> Result<Loaded<A::State>, StoreError> {
    let commits = store.load_metered(stream, 0).await?;
    let mut loaded = Loaded { units: commits.units, ..Loaded::default() };
    for commit in commits.value {
        if until.is_some_and(|until| commit.metadata.timestamp > until) {
            break;
        }
        loaded = loaded.with::<A>(stream, commit)?;
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
