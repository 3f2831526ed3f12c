//! Snapshots: folded states, kept so that a long stream is not folded from its first event each time.
//!
//! **Invariant:** a snapshot is a cache. It is believed only if it is whole, of today's fold, and hangs on the commit
//! that the stream has at its version; anything else is ignored and written again. Losing the table loses nothing.

mod dynamo;
mod kept;
mod memory;

use crate::{
    aggregate::{Loaded, whole},
    store::{EventStore, Metered, StoreError, StreamKey, Units},
};
use async_trait::async_trait;
use domain::{Aggregate, aggregate::SnapshotFormat};
pub use dynamo::DynamoSnapshots;
pub use memory::MemorySnapshots;

/// A snapshot is written when this many events follow the last one: folding fewer costs less than a write.
pub const SNAPSHOT_EVERY: u64 = 100;
/// Larger states are not kept: reading one would cost more than DynamoDB's page of events. Far below the item limit.
const MAX_SNAPSHOT_BYTES: usize = 256 * 1024;

/// Where folded states are kept: a place by stream and fold, bytes in and out.
#[async_trait]
pub trait Snapshots: Send + Sync {
    async fn get(&self, stream: &StreamKey, fold: &str) -> Result<Metered<Option<Vec<u8>>>, StoreError>;

    /// Writes or overwrites.
    async fn put(&self, stream: &StreamKey, fold: &str, body: Vec<u8>) -> Result<Units, StoreError>;
}

/// Folds what follows the snapshot, or everything; writes a snapshot when it is due.
pub(crate) async fn load<A: Aggregate>(
    store: &dyn EventStore,
    snapshots: &dyn Snapshots,
    format: &SnapshotFormat<A::State>,
    stream: &StreamKey,
) -> Result<Loaded<A::State>, StoreError> {
    let fold = format!("{}@{}", A::TYPE, format.version);
    let (kept, mut units) = find(snapshots, format, stream, &fold).await;
    let (mut loaded, kept_at) = match kept {
        Some(kept) => onwards::<A>(store, stream, kept).await?,
        None => (whole::<A>(store, stream, None).await?, 0),
    };
    units = units.plus(loaded.units);
    if loaded.version.saturating_sub(kept_at) >= SNAPSHOT_EVERY {
        units = units.plus(keep(snapshots, format, stream, &fold, &loaded).await);
    }
    loaded.units = units;
    Ok(loaded)
}

/// The snapshot, if there is one that can be believed so far.
async fn find<S>(
    snapshots: &dyn Snapshots,
    format: &SnapshotFormat<S>,
    stream: &StreamKey,
    fold: &str,
) -> (Option<Loaded<S>>, Units) {
    let found = match snapshots.get(stream, fold).await {
        Ok(found) => found,
        Err(cause) => {
            tracing::warn!(stream = stream.partition(), %cause, "no snapshot could be read; the stream is folded whole");
            return (None, Units::default());
        }
    };
    let kept = found.value.and_then(|body| match kept::read(&body, format) {
        Ok(kept) => Some(kept),
        Err(cause) => {
            tracing::warn!(stream = stream.partition(), fold, cause, "a snapshot is damaged and will be written again");
            None
        }
    });
    (kept, found.units)
}

/// The snapshot and what follows it, with its version; everything and 0 when it does not hang on this stream: the
/// commit that ends at its version must have the hash that it notes.
async fn onwards<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamKey,
    kept: Loaded<A::State>,
) -> Result<(Loaded<A::State>, u64), StoreError> {
    let (version, hash) = (kept.version, kept.hash.clone());
    let read = store.load_metered(stream, version.saturating_sub(1)).await?;
    let mut commits = read.value.into_iter();
    let hangs = commits.next().is_some_and(|last| last.to == version && Some(last.hash) == hash);
    if !hangs {
        tracing::warn!(stream = stream.partition(), version, "a snapshot belongs to another history and is ignored");
        let mut loaded = whole::<A>(store, stream, None).await?;
        loaded.units = loaded.units.plus(read.units);
        return Ok((loaded, 0));
    }
    let mut loaded = Loaded { units: read.units, ..kept };
    for commit in commits {
        loaded = loaded.with::<A>(stream, commit)?;
    }
    Ok((loaded, version))
}

/// Writes the snapshot; that it cannot be written harms nobody.
async fn keep<S>(
    snapshots: &dyn Snapshots,
    format: &SnapshotFormat<S>,
    stream: &StreamKey,
    fold: &str,
    loaded: &Loaded<S>,
) -> Units {
    let written = match kept::write(loaded, format) {
        Ok(body) if body.len() <= MAX_SNAPSHOT_BYTES => snapshots.put(stream, fold, body).await,
        Ok(body) => Err(StoreError::Refused(format!("the state has {} bytes", body.len()))),
        Err(cause) => Err(StoreError::Refused(cause)),
    };
    written.unwrap_or_else(|cause| {
        tracing::warn!(stream = stream.partition(), fold, %cause, "a snapshot could not be written");
        Units::default()
    })
}
