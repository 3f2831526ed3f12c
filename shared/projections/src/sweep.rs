//! The sweeper: what moved lately is looked at again, and where a checkpoint stays behind its head, the bell is rung.
//! Streams keep records for a day; full comparisons belong to [`crate::compare`].

use crate::{
    engine::{Engine, PullError, Pulled},
    store::Fault,
};
use domain::time::Window;
use event_store::{EventStore, StreamKey};
use std::collections::BTreeSet;

/// Commits per read of the feed.
const COMMITS_PER_READ: u32 = 200;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Streams that moved within the window.
    pub streams: u64,
    /// Pairs whose checkpoint was behind, and is not any more.
    pub healed: u64,
    pub parked: u64,
    /// Pairs that could not be pulled; the next sweep tries again.
    pub failed: u64,
}

/// # Errors
/// The feed or a head cannot be read. A pull that fails is only counted.
pub async fn sweep(events: &dyn EventStore, engine: &Engine, window: Window) -> Result<Swept, Fault> {
    let mut swept = Swept::default();
    let followed = |stream: &StreamKey| {
        engine.projections().iter().any(|projection| projection.aggregate == stream.aggregate_type)
    };
    let mut streams = BTreeSet::new();
    let mut after = None;
    loop {
        let (commits, next) = events.feed(window, COMMITS_PER_READ, after).await?;
        streams.extend(commits.into_iter().map(|commit| commit.stream).filter(followed));
        after = next;
        if after.is_none() {
            break;
        }
    }
    for stream in streams {
        swept.streams += 1;
        let Some(head) = events.head(&stream).await? else { continue };
        match engine.ring(&stream, head.version).await {
            Ok(pulls) => {
                for pulled in pulls {
                    match pulled {
                        Pulled::UpTo { applied, .. } => swept.healed += u64::from(applied > 0),
                        Pulled::Parked(_) => swept.parked += 1,
                    }
                }
            }
            Err(error @ (PullError::Transient { .. } | PullError::Trouble { .. })) => {
                tracing::warn!(%error, "the sweeper could not pull");
                swept.failed += 1;
            }
        }
    }
    Ok(swept)
}
