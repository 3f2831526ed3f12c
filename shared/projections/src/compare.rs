//! The proof of completeness: every head against its checkpoints. A pair is exact when its checkpoint stands at the
//! head; everything else is named.

use crate::{
    engine::ahead_of_head,
    registered::Registered,
    store::{Checkpoint, CheckpointKey, Fault, ProjectionStore, Versions},
};
use domain::{TenantId, Timestamp, time::Window};
use event_store::{EventStore, Head, StreamKey};
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// A doorbell that was just rung has this long to be answered, as a read with `min_version` has.
const PATIENCE_TRIES: u32 = 20;
const PATIENCE_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The checkpoint has not reached the head.
    Behind,
    /// The pair was put aside after an error.
    Parked,
    /// The checkpoint has read more than there is: something is missing in the log.
    Ahead,
}

/// A pair that is not exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inexact {
    pub projection: &'static str,
    pub projection_version: u32,
    pub tenant_id: TenantId,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub standing: Standing,
    pub checkpoint: u64,
    pub head: u64,
    /// Sequence of the event at which it stopped.
    pub position: Option<u64>,
    pub error: Option<String>,
}

/// One page of heads, compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Pairs of a projection and an aggregate.
    pub checked: u64,
    pub exact: u64,
    pub inexact: Vec<Inexact>,
    /// Where the next page begins.
    #[serde(skip)]
    pub next: Option<String>,
    pub as_of: Timestamp,
}

struct Pair<'a> {
    projection: &'a Registered,
    head: &'a Head,
    key: CheckpointKey,
}

impl Pair<'_> {
    /// None when exact.
    fn judge(&self, checkpoint: &Checkpoint) -> Option<Inexact> {
        let head = self.head.version;
        let trouble = checkpoint.trouble.as_ref();
        let (standing, position, error) = match trouble.filter(|trouble| trouble.parked) {
            Some(parked) => (Standing::Parked, Some(parked.position), Some(parked.error.clone())),
            None if checkpoint.version > head => (Standing::Ahead, None, Some(ahead_of_head(checkpoint.version, head))),
            None if checkpoint.version < head => (
                Standing::Behind,
                trouble.map(|trouble| trouble.position),
                trouble.map(|trouble| trouble.error.clone()),
            ),
            None => return None,
        };
        let stream = &self.key.stream;
        Some(Inexact {
            projection: self.projection.name,
            projection_version: self.key.version,
            tenant_id: stream.tenant.clone(),
            aggregate_type: stream.aggregate_type.clone(),
            aggregate_id: stream.aggregate_id.clone(),
            standing,
            checkpoint: checkpoint.version,
            head,
            position,
            error,
        })
    }
}

/// Compares a page of heads with the live version's checkpoints of every projection that follows them.
///
/// # Errors
/// Heads or checkpoints cannot be read.
pub async fn compare(
    events: &dyn EventStore,
    store: &(impl ProjectionStore + ?Sized),
    projections: &[Registered],
    (limit, after): (u32, Option<String>),
    as_of: Timestamp,
) -> Result<Comparison, Fault> {
    let (heads, next) = events.heads(limit, after).await?;
    let found = compare_heads(events, store, projections, &heads, as_of).await?;
    Ok(Comparison { next, ..found })
}

/// As [`compare`], for at most `limit` aggregates that moved within the window.
///
/// # Errors
/// The feed, heads or checkpoints cannot be read.
pub async fn compare_recent(
    events: &dyn EventStore,
    store: &(impl ProjectionStore + ?Sized),
    projections: &[Registered],
    (window, limit): (Window, u32),
    as_of: Timestamp,
) -> Result<Comparison, Fault> {
    let (commits, _) = events.feed(window, limit, None).await?;
    let streams: BTreeSet<StreamKey> = commits.into_iter().map(|commit| commit.stream).collect();
    let mut heads = Vec::with_capacity(streams.len());
    for stream in &streams {
        heads.extend(events.head(stream).await?);
    }
    compare_heads(events, store, projections, &heads, as_of).await
}

async fn compare_heads(
    events: &dyn EventStore,
    store: &(impl ProjectionStore + ?Sized),
    projections: &[Registered],
    heads: &[Head],
    as_of: Timestamp,
) -> Result<Comparison, Fault> {
    let mut versions: HashMap<&str, Versions> = HashMap::new();
    for projection in projections {
        versions.insert(projection.name, store.versions(projection.name).await?);
    }
    let pair = |head: &'_ Head, projection: &'_ Registered| {
        let version = versions.get(projection.name).copied().unwrap_or_default().live;
        CheckpointKey { projection: projection.name.to_owned(), version, stream: head.stream.clone() }
    };
    let mut open: Vec<Pair<'_>> = Vec::new();
    for head in heads {
        let following = projections.iter().filter(|projection| projection.aggregate == head.stream.aggregate_type);
        open.extend(following.map(|projection| Pair { projection, head, key: pair(head, projection) }));
    }
    let checked = u64::try_from(open.len()).unwrap_or(u64::MAX);
    let mut inexact = Vec::new();
    for round in 0..=PATIENCE_TRIES {
        let keys: Vec<CheckpointKey> = open.iter().map(|pair| pair.key.clone()).collect();
        let checkpoints = store.checkpoints(&keys).await?;
        let mut behind = Vec::new();
        for (pair, checkpoint) in open.drain(..).zip(&checkpoints) {
            match pair.judge(checkpoint) {
                // Its head may have moved since it was read, which is no damage.
                Some(found) if found.standing == Standing::Ahead => {
                    let head = events.head(&pair.key.stream).await?.map_or(0, |head| head.version);
                    inexact.extend((checkpoint.version > head).then_some(found));
                }
                Some(found) if found.standing == Standing::Behind && round < PATIENCE_TRIES => behind.push(pair),
                found => inexact.extend(found),
            }
        }
        open = behind;
        if open.is_empty() {
            break;
        }
        tokio::time::sleep(PATIENCE_PAUSE).await;
    }
    let wrong = u64::try_from(inexact.len()).unwrap_or(u64::MAX);
    Ok(Comparison { checked, exact: checked.saturating_sub(wrong), inexact, next: None, as_of })
}
