//! A commit as it is stored, whichever store holds it: sealed with a hash when written, opened into events when read.

use crate::{
    pack,
    store::{Append, Commit, CommitRef, NewEvent, StoreError, StreamKey},
    upcast::Upcasters,
};
use base16ct::lower::encode_string;
use domain::{EventEnvelope, Metadata, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Runs of kinds that a commit names in order. Alternating kinds would otherwise grow the index entries of a pack.
const MAX_KIND_RUNS: usize = 16;

pub(crate) type Hash = [u8; 32];

/// Stands before the first commit of every stream.
pub(crate) const NO_HASH: Hash = [0; 32];

/// Id of the event at `index` of a commit: derived, so that it needs no room and a repetition has the same one.
#[must_use]
pub fn event_id(commit_id: Uuid, index: usize) -> Uuid {
    Uuid::new_v5(&commit_id, index.to_string().as_bytes())
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredCommit {
    pub stream: StreamKey,
    pub from: u64,
    pub to: u64,
    pub kinds: Vec<String>,
    pub id: Uuid,
    pub metadata: Metadata,
    /// The fence that this commit raised its head to, so that a head can be rebuilt whole.
    pub fence: Option<String>,
    pub encoding: u8,
    pub body: Vec<u8>,
    pub hash: Hash,
}

impl StoredCommit {
    /// Everything but the hash, which needs the one before.
    pub fn draft(append: &Append, metadata: &Metadata) -> Self {
        let (encoding, body) = pack::encode(&append.events);
        let count = u64::try_from(append.events.len()).unwrap_or(u64::MAX);
        Self {
            stream: append.stream.clone(),
            from: append.expected.saturating_add(1),
            to: append.expected.saturating_add(count),
            kinds: kinds(&append.events),
            id: append.commit_id,
            metadata: metadata.clone(),
            fence: append.set_fence.clone(),
            encoding,
            body,
            hash: NO_HASH,
        }
    }

    pub fn sealed(mut self, previous: &Hash) -> Self {
        self.hash = self.chained(previous);
        self
    }

    /// SHA-256 over the previous hash and every stored field, each with its length, so that no two contents run
    /// together into the same bytes.
    pub fn chained(&self, previous: &Hash) -> Hash {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        };
        field(previous);
        field(self.stream.partition().as_bytes());
        field(&self.from.to_be_bytes());
        field(&self.to.to_be_bytes());
        field(self.kinds.join(",").as_bytes());
        field(self.id.as_bytes());
        field(&self.metadata.timestamp.millis().to_be_bytes());
        field(self.metadata.correlation_id.as_str().as_bytes());
        for optional in [&self.metadata.causation_id, &self.metadata.user_id] {
            match optional {
                Some(text) => {
                    field(&[1]);
                    field(text.as_bytes());
                }
                None => field(&[0]),
            }
        }
        field(&[self.encoding]);
        field(&self.body);
        if let Some(fence) = &self.fence {
            field(fence.as_bytes());
        }
        hash.finalize().into()
    }

    pub fn open(self, upcasters: &Upcasters) -> Result<Commit, StoreError> {
        let count = self.to.checked_sub(self.from).map(|more| more + 1);
        let events =
            pack::decode(self.encoding, &self.body).map_err(|cause| damaged(&self.stream, self.from, &cause))?;
        if u64::try_from(events.len()).ok() != count {
            let detail = format!("the commit says {} to {} and holds {} events", self.from, self.to, events.len());
            return Err(damaged(&self.stream, self.from, &detail));
        }
        let envelope = |(index, event): (usize, NewEvent)| {
            let sequence = self.from.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
            let NewEvent { event_type, event_version, data } =
                upcasters.apply(event).map_err(|cause| damaged(&self.stream, sequence, &cause))?;
            Ok(EventEnvelope {
                id: event_id(self.id, index),
                aggregate_id: self.stream.aggregate_id.clone(),
                aggregate_type: self.stream.aggregate_type.clone(),
                sequence,
                event_type,
                event_version,
                data,
                metadata: self.metadata.clone(),
                created_at: self.metadata.timestamp,
            })
        };
        let events = events.into_iter().enumerate().map(envelope).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Commit {
            id: self.id,
            from: self.from,
            to: self.to,
            metadata: self.metadata,
            hash: encode_string(&self.hash),
            events,
        })
    }

    pub fn reference(&self) -> CommitRef {
        CommitRef {
            stream: self.stream.clone(),
            from: self.from,
            to: self.to,
            at: self.metadata.timestamp,
            kinds: self.kinds.clone(),
        }
    }

    /// The write that `append` stands for, made earlier.
    pub fn is_of(&self, append: &Append) -> bool {
        let count = u64::try_from(append.events.len()).unwrap_or(u64::MAX);
        self.id == append.commit_id && self.to == append.expected.saturating_add(count)
    }
}

/// A damaged commit, with what can be done: nothing else but an earlier copy holds the truth.
pub(crate) fn damaged(stream: &StreamKey, sequence: u64, detail: &str) -> StoreError {
    let detail =
        format!("{detail}. Run `settler events verify`, then restore the commit from the point-in-time backup");
    StoreError::Corrupt { stream: stream.partition(), sequence, detail }
}

/// Follows commits as they are read and finds the first one that is missing.
#[derive(Debug)]
pub(crate) struct Continuity {
    pub last: u64,
}

impl Continuity {
    pub fn check(&mut self, commit: &StoredCommit) -> Result<(), StoreError> {
        let next = self.last.saturating_add(1);
        if commit.from != next {
            let detail = format!("the event is missing: the next commit starts at {}", commit.from);
            return Err(damaged(&commit.stream, next, &detail));
        }
        if commit.to < commit.from {
            return Err(damaged(
                &commit.stream,
                commit.from,
                &format!("the commit ends at {}, before it starts", commit.to),
            ));
        }
        self.last = commit.to;
        Ok(())
    }
}

fn kinds(events: &[NewEvent]) -> Vec<String> {
    let mut kinds: Vec<String> =
        events.iter().map(|event| format!("{}@{}", event.event_type, event.event_version)).collect();
    kinds.dedup();
    if kinds.len() > MAX_KIND_RUNS {
        let mut seen = std::collections::HashSet::new();
        kinds.retain(|kind| seen.insert(kind.clone()));
    }
    kinds
}

/// The head of a stream as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredHead {
    pub version: u64,
    pub commit_id: Uuid,
    pub hash: Hash,
    pub at: Timestamp,
    pub fence: Option<String>,
}

impl StoredHead {
    pub fn shown(&self, stream: &StreamKey) -> crate::store::Head {
        crate::store::Head {
            stream: stream.clone(),
            version: self.version,
            commit_id: self.commit_id,
            hash: encode_string(&self.hash),
            at: self.at,
            fence: self.fence.clone(),
        }
    }
}
