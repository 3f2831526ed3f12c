//! The event store on DynamoDB.
//!
//! | table | key | attributes |
//! |---|---|---|
//! | event_store | `s` partition of the stream, `n` first sequence | `to` last sequence, `k` kinds, `ts` epoch ms, `c` commit id, `cau`, `user`, `f` fence raised, `enc` encoding, `h` hash chain, `b` body; `cp` and `fp` lead the indexes `correlation` and `feed` |
//! | stream_heads | `s` | `t` aggregate type, `v` version, `prev_v`, `c`, `h`, `ts`, `k`, `cor`, `fence` |
//! | command_log | `pk` | `req` hash of the request, `res` first answer, `exp` epoch ms |
//!
//! **Invariant:** nothing here updates or deletes a commit.

mod append;
mod head;
mod items;
mod lists;
mod measure;
mod price;
mod streams;

use crate::{
    commit::Hash,
    snapshot::Snapshots,
    store::{
        AppendError, Appended, CommandKey, CommandRecord, Commit, CommitRef, EventStore, Head, HeadRebuilt, Metered,
        Page, StoreError, StreamKey, Transaction, Units, Verified,
    },
    upcast::Upcasters,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use domain::{TenantId, Timestamp, time::Window};
use items::command_record;
pub(crate) use items::{binary, binary_of, check_sizes, text};
pub use items::{feed_key, feed_shard};
pub use price::priced;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Longest that an append tries against conflicts and throttling: well within the timeout of every function.
const PATIENCE: Duration = Duration::from_secs(8);
/// Hashes of heads that are remembered, so that appending after a load reads nothing more.
const MAX_REMEMBERED: usize = 512;

/// Names of the tables, as the template generated them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    pub event_store: String,
    pub stream_heads: String,
    pub command_log: String,
}

pub struct DynamoStore {
    client: Client,
    tables: Tables,
    patience: Duration,
    upcasters: Upcasters,
    snapshots: Option<Arc<dyn Snapshots>>,
    /// The hash at a version never changes, so what is remembered here is never out of date.
    hashes: Mutex<HashMap<String, (u64, Hash)>>,
}

impl fmt::Debug for DynamoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoStore").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl DynamoStore {
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        let upcasters = Upcasters::current();
        Self { client, tables, patience: PATIENCE, upcasters, snapshots: None, hashes: Mutex::default() }
    }

    /// Folded states of long streams are kept there.
    #[must_use]
    pub fn with_snapshots(self, snapshots: Arc<dyn Snapshots>) -> Self {
        Self { snapshots: Some(snapshots), ..self }
    }

    /// How long an append goes on trying against conflicts, throttling and lost connections.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    #[must_use]
    pub fn with_upcasters(self, upcasters: Upcasters) -> Self {
        Self { upcasters, ..self }
    }

    fn remember(&self, partition: String, version: u64, hash: Hash) {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() >= MAX_REMEMBERED {
            hashes.clear();
        }
        hashes.insert(partition, (version, hash));
    }

    fn remembered(&self, partition: &str, version: u64) -> Option<Hash> {
        let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.get(partition).filter(|(known, _)| *known == version).map(|(_, hash)| *hash)
    }
}

/// Throttling, outages and lost connections pass; everything else is a mistake of ours or of the set-up.
fn passes<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(service) => matches!(
            service.err().code(),
            Some(
                "InternalServerError"
                    | "LimitExceededException"
                    | "ProvisionedThroughputExceededException"
                    | "RequestLimitExceeded"
                    | "ServiceUnavailable"
                    | "ThrottlingException"
                    | "ThrottlingError"
                    | "TransactionConflictException"
                    | "TransactionInProgressException"
            )
        ),
        _ => false,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
pub(crate) fn failed<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let detail = DisplayErrorContext(&error).to_string();
    if passes(&error) { StoreError::Busy(detail) } else { StoreError::Refused(detail) }
}

/// Capacity of a response, in thousandths.
#[expect(clippy::float_arithmetic, reason = "the SDK gives capacity as a float; from here on it is an integer")]
#[must_use]
pub fn milli<'c>(consumed: impl IntoIterator<Item = &'c ConsumedCapacity>) -> u64 {
    let units: f64 = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
    // A negative or absurd figure would say zero or the most, which is all that can be said about it.
    (units * 1000.0).round() as u64
}

/// What a read consumed.
fn reading<'c>(consumed: impl IntoIterator<Item = &'c ConsumedCapacity>) -> Units {
    Units { read_milli: milli(consumed), write_milli: 0 }
}

#[async_trait]
impl EventStore for DynamoStore {
    async fn append(&self, transaction: Transaction) -> Result<Appended, AppendError> {
        let counted = measure::counted(&transaction);
        let result = append::append(self, transaction).await;
        measure::append(&result, &counted);
        result
    }

    async fn load_metered(&self, stream: &StreamKey, after: u64) -> Result<Metered<Vec<Commit>>, StoreError> {
        self.read(stream, after, None).await
    }

    async fn page_metered(
        &self,
        stream: &StreamKey,
        after: u64,
        limit: u32,
    ) -> Result<Metered<Vec<Commit>>, StoreError> {
        self.read(stream, after, Some(limit)).await
    }

    async fn head_metered(&self, stream: &StreamKey) -> Result<Metered<Option<Head>>, StoreError> {
        let (head, units) = self.stored_head(stream).await?;
        Ok(Metered { value: head.map(|head| head.shown(stream)), units })
    }

    async fn command_metered(
        &self,
        key: &CommandKey,
        now: Timestamp,
    ) -> Result<Metered<Option<CommandRecord>>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.command_log)
            .key("pk", text(key.partition()))
            .consistent_read(true);
        let output = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(failed)?;
        let record = output.item().map(command_record).transpose()?;
        let value = record.filter(|record| record.expires_at >= now);
        Ok(Metered { value, units: reading(output.consumed_capacity()) })
    }

    async fn by_correlation_metered(
        &self,
        tenant: &TenantId,
        correlation_id: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        self.correlated(tenant, correlation_id, limit, after).await
    }

    async fn feed_metered(
        &self,
        window: Window,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        self.in_time(window, limit, after).await
    }

    async fn heads_metered(&self, limit: u32, after: Option<String>) -> Result<Metered<Page<Head>>, StoreError> {
        self.all_heads(limit, after).await
    }

    async fn streams_metered(
        &self,
        tenant: Option<&TenantId>,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<StreamKey>>, StoreError> {
        self.all_streams(tenant, limit, after).await
    }

    async fn verify_metered(&self, stream: &StreamKey) -> Result<Metered<Verified>, StoreError> {
        let (chain, units) = self.chain(stream).await?;
        let (head, read) = self.stored_head(stream).await?;
        Ok(Metered { value: chain.end(head.as_ref())?, units: units.plus(read) })
    }

    async fn rebuild_head(&self, stream: &StreamKey) -> Result<Metered<HeadRebuilt>, StoreError> {
        self.head_anew(stream).await
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.snapshots.as_deref()
    }
}
