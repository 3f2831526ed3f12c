//! What a store promises, and the words it is asked in.

use crate::snapshot::Snapshots;
use async_trait::async_trait;
use domain::{EventEnvelope, Metadata, TenantId, Timestamp, time::Window};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

/// Key of one stream. Tenant data cannot be named without a tenant, so a read across tenants does not compile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    pub tenant: TenantId,
    pub aggregate_type: String,
    pub aggregate_id: String,
}

impl StreamKey {
    pub fn new(tenant: &TenantId, aggregate_type: impl Into<String>, aggregate_id: impl Into<String>) -> Self {
        Self { tenant: tenant.clone(), aggregate_type: aggregate_type.into(), aggregate_id: aggregate_id.into() }
    }

    /// `T#<tenant>#<aggregate_type>#<aggregate_id>`, the partition key of commits and heads.
    #[must_use]
    pub fn partition(&self) -> String {
        format!("T#{}#{}#{}", self.tenant, self.aggregate_type, self.aggregate_id)
    }

    /// The inverse of [`StreamKey::partition`].
    #[must_use]
    pub fn parse(partition: &str) -> Option<Self> {
        let mut parts = partition.strip_prefix("T#")?.splitn(3, '#');
        let tenant = TenantId::parse(parts.next()?).ok()?;
        Some(Self { tenant, aggregate_type: parts.next()?.to_owned(), aggregate_id: parts.next()?.to_owned() })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub event_type: String,
    pub event_version: u16,
    pub data: Value,
}

/// Events for one stream, to be appended after `expected`.
#[derive(Debug, Clone)]
pub struct Append {
    pub stream: StreamKey,
    /// Version of the stream that the decision was made on; 0 for a new one.
    pub expected: u64,
    pub events: Vec<NewEvent>,
    /// Identity of this commit. Writing the same commit id at the same place again is success, not a conflict.
    pub commit_id: Uuid,
    /// Raises the stream's fence to this value in the same write.
    pub set_fence: Option<String>,
}

/// A value that the head of `stream` must hold for the transaction to go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub stream: StreamKey,
    pub value: String,
}

/// `T#<tenant>#<command>#<idempotency key>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandKey {
    pub tenant: TenantId,
    pub command: String,
    pub idempotency_key: String,
}

impl CommandKey {
    #[must_use]
    pub fn partition(&self) -> String {
        format!("T#{}#{}#{}", self.tenant, self.command, self.idempotency_key)
    }
}

/// What a command row remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Hex SHA-256 of the request, to tell a repetition from a reuse.
    pub request_hash: String,
    /// The first answer, given again to every repetition.
    pub result: Value,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct CommandRow {
    pub key: CommandKey,
    pub record: CommandRecord,
}

/// All or nothing: commits to one or more streams, the command that led to them, and the fence that must hold.
#[derive(Debug, Clone)]
pub struct Transaction {
    pub appends: Vec<Append>,
    pub command: Option<CommandRow>,
    pub fence: Option<Fence>,
    pub metadata: Metadata,
}

/// DynamoDB capacity that a call consumed, in milli-units, tables and indexes together. The twin in memory counts none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    pub read_milli: u64,
    pub write_milli: u64,
}

impl Units {
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { read_milli: self.read_milli + other.read_milli, write_milli: self.write_milli + other.write_milli }
    }
}

/// What a read found, and what finding it consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metered<T> {
    pub value: T,
    pub units: Units,
}

/// One page of a list, and the opaque position to go on from; none at its end.
pub type Page<T> = (Vec<T>, Option<String>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// New version of each stream, in the order of the appends.
    pub versions: Vec<u64>,
    pub units: Units,
    /// Every commit was there already: an earlier try of ours had gone through.
    pub repeated: bool,
}

/// One immutable commit, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    pub id: Uuid,
    /// Sequence of the first and of the last event.
    pub from: u64,
    pub to: u64,
    pub metadata: Metadata,
    /// Hash chain: SHA-256 over the previous commit's hash and this commit's content, hex.
    pub hash: String,
    pub events: Vec<EventEnvelope>,
}

/// Where a commit is and what kinds of events it holds, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRef {
    pub stream: StreamKey,
    pub from: u64,
    pub to: u64,
    pub at: Timestamp,
    /// `EventType@version`, in order, each run of equal ones once; beyond 16 runs each kind once.
    pub kinds: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub stream: StreamKey,
    pub version: u64,
    pub commit_id: Uuid,
    pub hash: String,
    pub at: Timestamp,
    pub fence: Option<String>,
}

/// What [`EventStore::verify`] found intact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub commits: u64,
    /// Sequence of the last event.
    pub version: u64,
    /// Hash of the last commit, hex; whoever noted it earlier can tell that nothing before it has changed.
    pub hash: String,
}

/// What [`EventStore::rebuild_head`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum HeadRebuilt {
    /// The head says what the commits say.
    Intact { version: u64 },
    /// The head was missing, behind or another one, and is written anew.
    Written { was: Option<u64>, version: u64 },
    /// There is neither a head nor a commit.
    NoStream,
}

#[derive(Debug, Error)]
pub enum StoreError {
    /// Throttled, unreachable or in conflict with another transaction for longer than the retries last.
    #[error("the event store is busy: {0}")]
    Busy(String),
    /// A hole, an unknown encoding, or a commit that does not decode: the aggregate, the place and what to do.
    #[error("stream {stream} is damaged at sequence {sequence}: {detail}")]
    Corrupt { stream: String, sequence: u64, detail: String },
    #[error("the event store refused the request: {0}")]
    Refused(String),
}

#[derive(Debug, Error)]
pub enum AppendError {
    /// Another writer was first; reload and decide again.
    #[error("stream {stream} is no longer at version {expected}")]
    VersionConflict { stream: String, expected: u64 },
    /// The command was carried out before; here is what it said then.
    #[error("this command was carried out before")]
    Repeated(Box<CommandRecord>),
    /// The fence does not hold: another attempt or direction has taken over.
    #[error("stream {stream} is fenced at {actual:?}, not at {wanted}")]
    Fenced { stream: String, wanted: String, actual: Option<String> },
    /// Refused before sending: an event above 256 KB, an empty append, too many items.
    #[error("cannot be written: {0}")]
    TooLarge(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Append-only storage of event streams.
///
/// - Exactly one writer wins each version; a loser gets [`AppendError::VersionConflict`] and nothing of its
///   transaction is there.
/// - Appending a commit again with the same id at the same place succeeds with `repeated`.
/// - A loaded stream is complete and in order, or an error says where the hole is.
/// - Every call says what it consumed; the forms without `_metered` are for callers that do not ask.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// # Errors
    /// See [`AppendError`]. Conflicts between transactions and throttling are retried inside with full jitter.
    async fn append(&self, transaction: Transaction) -> Result<Appended, AppendError>;

    /// All commits after sequence `after`, consistently, through all pages. A position inside a commit gives that
    /// commit first, as a whole.
    async fn load_metered(&self, stream: &StreamKey, after: u64) -> Result<Metered<Vec<Commit>>, StoreError>;

    /// At most `limit` commits whose last event lies after sequence `after`.
    async fn page_metered(
        &self,
        stream: &StreamKey,
        after: u64,
        limit: u32,
    ) -> Result<Metered<Vec<Commit>>, StoreError>;

    /// The head, consistently; none for a stream that does not exist.
    async fn head_metered(&self, stream: &StreamKey) -> Result<Metered<Option<Head>>, StoreError>;

    /// What an earlier command of this key said; a row that has expired is none.
    async fn command_metered(
        &self,
        key: &CommandKey,
        now: Timestamp,
    ) -> Result<Metered<Option<CommandRecord>>, StoreError>;

    /// Commits of a tenant that share a correlation id, oldest first, `limit` from after `after` (an opaque position).
    async fn by_correlation_metered(
        &self,
        tenant: &TenantId,
        correlation_id: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError>;

    /// Commits of all tenants in a time range, for operators: day by day and shard by shard, each oldest first.
    async fn feed_metered(
        &self,
        window: Window,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError>;

    /// Heads of all tenants in no order, for operators.
    async fn heads_metered(&self, limit: u32, after: Option<String>) -> Result<Metered<Page<Head>>, StoreError>;

    /// Streams of one tenant, or of all, that have a first commit, in no order, for operators. It looks at `limit`
    /// commits, so a page may be empty and not the last.
    async fn streams_metered(
        &self,
        tenant: Option<&TenantId>,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<StreamKey>>, StoreError>;

    /// Recomputes the hash chain from the stored bytes, decodes every event, and compares the end with the head.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] at the first commit that was altered, is missing or cannot be read.
    async fn verify_metered(&self, stream: &StreamKey) -> Result<Metered<Verified>, StoreError>;

    /// Writes the head anew out of the commits, its fence included, if it is missing, behind or another one. The
    /// stream of heads then rings for it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the commits themselves are damaged, or end before the head: then only a backup
    /// helps, and nothing is written.
    async fn rebuild_head(&self, stream: &StreamKey) -> Result<Metered<HeadRebuilt>, StoreError>;

    /// Where folded states are kept, if this store has such a place.
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    /// As [`EventStore::load_metered`].
    async fn load(&self, stream: &StreamKey, after: u64) -> Result<Vec<Commit>, StoreError> {
        Ok(self.load_metered(stream, after).await?.value)
    }

    /// As [`EventStore::page_metered`].
    async fn page(&self, stream: &StreamKey, after: u64, limit: u32) -> Result<Vec<Commit>, StoreError> {
        Ok(self.page_metered(stream, after, limit).await?.value)
    }

    /// As [`EventStore::head_metered`].
    async fn head(&self, stream: &StreamKey) -> Result<Option<Head>, StoreError> {
        Ok(self.head_metered(stream).await?.value)
    }

    /// As [`EventStore::command_metered`].
    async fn command(&self, key: &CommandKey, now: Timestamp) -> Result<Option<CommandRecord>, StoreError> {
        Ok(self.command_metered(key, now).await?.value)
    }

    /// As [`EventStore::by_correlation_metered`].
    async fn by_correlation(
        &self,
        tenant: &TenantId,
        correlation_id: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<Page<CommitRef>, StoreError> {
        Ok(self.by_correlation_metered(tenant, correlation_id, limit, after).await?.value)
    }

    /// As [`EventStore::feed_metered`].
    async fn feed(&self, window: Window, limit: u32, after: Option<String>) -> Result<Page<CommitRef>, StoreError> {
        Ok(self.feed_metered(window, limit, after).await?.value)
    }

    /// As [`EventStore::heads_metered`].
    async fn heads(&self, limit: u32, after: Option<String>) -> Result<Page<Head>, StoreError> {
        Ok(self.heads_metered(limit, after).await?.value)
    }

    /// As [`EventStore::verify_metered`].
    async fn verify(&self, stream: &StreamKey) -> Result<Verified, StoreError> {
        Ok(self.verify_metered(stream).await?.value)
    }
}
