//! Long runs of events, written in packs so that a crash in the middle costs only the rest.
//!
//! Every pack's commit id follows from the run, so a repetition recognises what is there and goes on behind it. If what
//! is there belongs to another run (another engine, other input), it is withdrawn by an event first; nothing is deleted.

use crate::{
    commit::event_id,
    pack::packs,
    store::{Append, AppendError, EventStore, Fence, NewEvent, StreamKey, Transaction, Units},
};
use domain::Metadata;
use uuid::Uuid;

/// Largest encoded body of one pack. Bigger ones would cost nothing less and take longer to read back.
pub const MAX_PACK_BYTES: usize = 64 * 1024;
/// Commits read at once when looking for what is there; packs are large.
const PAGE: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunWritten {
    /// Version of the stream now.
    pub version: u64,
    /// Commits of this run that were there already.
    pub found: usize,
    /// Commits of this run that were written now.
    pub written: usize,
    /// Another run was withdrawn now.
    pub withdrawn: bool,
    pub units: Units,
}

/// A commit that stands in the stream since the last withdrawal.
struct Standing {
    id: Uuid,
    to: u64,
}

/// The commits since the last withdrawal, and the sequence that it ended at.
async fn standing(
    store: &dyn EventStore,
    stream: &StreamKey,
    withdraw_type: &str,
) -> Result<(u64, Vec<Standing>), AppendError> {
    let (mut base, mut last) = (0, 0);
    let mut commits = Vec::new();
    loop {
        let page = store.page(stream, last, PAGE).await?;
        if page.is_empty() {
            return Ok((base, commits));
        }
        for commit in page {
            last = commit.to;
            if commit.events.iter().any(|event| event.event_type == withdraw_type) {
                base = commit.to;
                commits.clear();
            } else {
                commits.push(Standing { id: commit.id, to: commit.to });
            }
        }
    }
}

/// The place where the run begins is part of it: withdrawn and written again, its events are new ones.
fn commit_id(stream: &StreamKey, digest: &str, base: u64, part: &str) -> Uuid {
    event_id(
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}\n{digest}\n{base}\n{part}", stream.partition()).as_bytes()),
        0,
    )
}

fn count(events: &[NewEvent]) -> u64 {
    u64::try_from(events.len()).unwrap_or(u64::MAX)
}

/// Appends what is missing of a run. Done again with the same run, it writes nothing and says the same version.
///
/// Equal digests (of the engine's version and its input) must mean equal events. `withdraw` is appended first when the
/// stream ends in another run's events. The fence must hold for every pack.
///
/// # Errors
/// As [`EventStore::append`]. After any error the call can be repeated as it was.
pub async fn append_run(
    store: &dyn EventStore,
    stream: &StreamKey,
    events: Vec<NewEvent>,
    digest: &str,
    withdraw: NewEvent,
    metadata: &Metadata,
    fence: Option<Fence>,
) -> Result<RunWritten, AppendError> {
    let packs = packs(events, MAX_PACK_BYTES);
    let (mut base, there) = standing(store, stream, &withdraw.event_type).await?;
    let mut ends = packs.iter().scan(base, |end, pack| {
        *end = end.saturating_add(count(pack));
        Some(*end)
    });
    let mut parts = 0_usize..;
    let ours = |commit: &Standing| {
        let (Some(end), Some(part)) = (ends.next(), parts.next()) else { return false };
        commit.to == end && commit.id == commit_id(stream, digest, base, &part.to_string())
    };
    let mut version = there.last().map_or(base, |last| last.to);
    let equal = there.iter().all(ours);

    let mut written = RunWritten {
        version,
        found: if equal { there.len() } else { 0 },
        written: 0,
        withdrawn: false,
        units: Units::default(),
    };
    let append = async |events: Vec<NewEvent>, expected: u64, commit_id: Uuid| {
        let append = Append { stream: stream.clone(), expected, events, commit_id, set_fence: None };
        let transaction =
            Transaction { appends: vec![append], command: None, fence: fence.clone(), metadata: metadata.clone() };
        store.append(transaction).await
    };
    if !equal {
        let done = append(vec![withdraw], version, commit_id(stream, digest, version, "withdraw")).await?;
        written.units = written.units.plus(done.units);
        written.withdrawn = true;
        version = version.saturating_add(1);
        base = version;
    }
    for (part, pack) in packs.into_iter().enumerate().skip(written.found) {
        let length = count(&pack);
        let done = append(pack, version, commit_id(stream, digest, base, &part.to_string())).await?;
        written.units = written.units.plus(done.units);
        written.written += 1;
        version = version.saturating_add(length);
    }
    written.version = version;
    Ok(written)
}
