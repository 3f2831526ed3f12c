//! The port behind the engine: rows and checkpoints, moved together or not at all.

use crate::projection::Keys;
use async_trait::async_trait;
use domain::{TenantId, Timestamp};
use event_store::{StreamKey, Units};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a projection's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    ReconciliationSummary,
    SagaState,
    Jobs,
}

/// What can go wrong with storage, whoever asks.
#[derive(Debug, Error)]
pub enum Fault {
    /// Throttled, unreachable or contended for longer than the retries last.
    #[error("the read models are busy: {0}")]
    Busy(String),
    /// The request itself is wrong or not permitted; repeating it cannot help.
    #[error("the read models refused the request: {0}")]
    Refused(String),
    /// A stored item that cannot be read; rebuilding its projection replaces it.
    #[error("a stored item cannot be read: {0}")]
    Corrupt(String),
}

/// `T#<tenant>@<version>`: rows of another version of the projection live beside these until it goes live.
#[must_use]
pub fn row_partition(tenant: &TenantId, version: u32) -> String {
    format!("T#{tenant}@{version}")
}

/// The inverse of [`row_partition`].
#[must_use]
pub fn parse_row_partition(partition: &str) -> Option<(TenantId, u32)> {
    let (tenant, version) = partition.strip_prefix("T#")?.split_once('@')?;
    Some((TenantId::parse(tenant).ok()?, version.parse().ok()?))
}

/// One row of one version of a projection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    pub table: Table,
    pub partition: String,
    /// The aggregate's id.
    pub sort: String,
}

/// How far one version of one projection has read one stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointKey {
    pub projection: String,
    pub version: u32,
    pub stream: StreamKey,
}

impl CheckpointKey {
    /// `<projection>@<version>#<s>`.
    #[must_use]
    pub fn partition(&self) -> String {
        format!("{}@{}#{}", self.projection, self.version, self.stream.partition())
    }
}

/// An event that could not be applied, as the checkpoint remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub error: String,
    /// Sequence of the event; 0 when it could not be told.
    pub position: u64,
    /// Pulls that ended here.
    pub attempts: u32,
    /// Doorbells are ignored until someone unparks the pair.
    pub parked: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Sequence of the last applied event; 0 before the first.
    pub version: u64,
    pub trouble: Option<Trouble>,
}

/// A row and its checkpoint, to be written together if the checkpoint still stands at `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    pub checkpoint: CheckpointKey,
    pub from: u64,
    pub to: u64,
    /// Time of the last applied event.
    pub as_of: Timestamp,
    pub key: RowKey,
    pub row: String,
    pub keys: Keys,
}

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Done(Units),
    /// Somebody else moved the checkpoint; read again.
    Lost,
}

/// Versions of one projection that are to be fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The one that readers read.
    pub live: u32,
    /// The one that is being rebuilt beside it.
    pub building: Option<u32>,
}

impl Default for Versions {
    fn default() -> Self {
        Self { live: 1, building: None }
    }
}

/// Rows and checkpoints.
///
/// - A row and its checkpoint change in one transaction, under the condition that the checkpoint stands at `from`.
/// - Reads are consistent.
#[async_trait]
pub trait ProjectionStore: Send + Sync {
    /// Version 0 for a pair that was never pulled.
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault>;

    /// The row's JSON text.
    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault>;

    /// Clears the trouble, if there was any.
    async fn advance(&self, advance: &Advance) -> Result<Written, Fault>;

    /// Notes trouble, or with none clears it, if the checkpoint still stands at `from`.
    async fn note(&self, key: &CheckpointKey, from: u64, trouble: Option<&Trouble>) -> Result<Written, Fault>;

    /// Live and building version; may be up to five seconds old.
    async fn versions(&self, projection: &str) -> Result<Versions, Fault>;
}
