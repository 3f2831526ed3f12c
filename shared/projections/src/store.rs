//! The port behind the engine: rows and checkpoints, moved together or not at all.

use crate::projection::Keys;
use async_trait::async_trait;
use domain::{TenantId, Timestamp};
use event_store::{StoreError, StreamKey, Units};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most rows that change with one checkpoint: what DynamoDB takes in a transaction, less the checkpoint.
pub const MAX_ROWS_PER_ADVANCE: usize = 99;

/// Where a projection's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    ReconciliationSummary,
    SagaState,
    Jobs,
    TenantUsage,
    ErrorHotspots,
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

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(detail) => Self::Busy(detail),
            StoreError::Refused(detail) => Self::Refused(detail),
            StoreError::Corrupt { .. } => Self::Corrupt(error.to_string()),
        }
    }
}

/// `T#<tenant>@<version>`: rows of another version of the projection live beside these until it goes live.
#[must_use]
pub fn row_partition(tenant: &TenantId, version: u32) -> String {
    format!("T#{tenant}@{version}")
}

/// `T#<tenant>@<version>#<within>`, for views that are read by something within a tenant.
#[must_use]
pub fn row_partition_within(tenant: &TenantId, version: u32, within: Option<&str>) -> String {
    let partition = row_partition(tenant, version);
    within.map_or(partition.clone(), |within| format!("{partition}#{within}"))
}

/// Tenant and version of a partition, whatever it is within.
#[must_use]
pub fn parse_row_partition(partition: &str) -> Option<(TenantId, u32)> {
    let (tenant, rest) = partition.strip_prefix("T#")?.split_once('@')?;
    let version = rest.split_once('#').map_or(rest, |(version, _)| version);
    Some((TenantId::parse(tenant).ok()?, version.parse().ok()?))
}

/// One row of one version of a projection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    pub table: Table,
    pub partition: String,
    /// The aggregate's id, or something that begins with it.
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
        format!("{}{}", Self::prefix(&self.projection, self.version), self.stream.partition())
    }

    /// What the keys of all checkpoints of one version begin with.
    #[must_use]
    pub fn prefix(projection: &str, version: u32) -> String {
        format!("{projection}@{version}#")
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
    /// Number of the rebuild that last folded this pair from nothing; 0 for none. What was computed from the rows
    /// before a rebuild cannot be written after it.
    pub epoch: u64,
    /// The state, for projections that keep it apart from their rows.
    pub state: Option<String>,
    pub trouble: Option<Trouble>,
}

/// A row to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPut {
    pub key: RowKey,
    pub row: String,
    pub keys: Keys,
}

/// Where a checkpoint has to stand for a write to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    pub version: u64,
    pub epoch: u64,
}

impl Checkpoint {
    #[must_use]
    pub const fn stand(&self) -> Stand {
        Stand { version: self.version, epoch: self.epoch }
    }
}

/// Rows and their checkpoint, to be written together if the checkpoint still stands at `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    pub checkpoint: CheckpointKey,
    pub from: Stand,
    pub to: Stand,
    /// Time of the last applied event.
    pub as_of: Timestamp,
    /// See [`Checkpoint::state`].
    pub state: Option<String>,
    pub puts: Vec<RowPut>,
    pub removes: Vec<RowKey>,
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
/// - Rows and their checkpoint change in one transaction, under the condition that the checkpoint stands at `from`.
/// - Reads are consistent.
#[async_trait]
pub trait ProjectionStore: Send + Sync {
    /// Version 0 for a pair that was never pulled.
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault>;

    /// Many checkpoints, in the order of their keys.
    async fn checkpoints(&self, keys: &[CheckpointKey]) -> Result<Vec<Checkpoint>, Fault> {
        let mut checkpoints = Vec::with_capacity(keys.len());
        for key in keys {
            checkpoints.push(self.checkpoint(key).await?);
        }
        Ok(checkpoints)
    }

    /// The row's JSON text.
    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault>;

    /// Clears the trouble, if there was any.
    async fn advance(&self, advance: &Advance) -> Result<Written, Fault>;

    /// Notes trouble, or with none clears it, if the checkpoint still stands at `from`.
    async fn note(&self, key: &CheckpointKey, from: Stand, trouble: Option<&Trouble>) -> Result<Written, Fault>;

    /// Live and building version; may be up to five seconds old.
    async fn versions(&self, projection: &str) -> Result<Versions, Fault>;
}
