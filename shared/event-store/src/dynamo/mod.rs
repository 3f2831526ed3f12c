//! The event store on DynamoDB.
//!
//! | table | key | attributes |
//! |---|---|---|
//! | event_store | `s` partition of the stream, `n` first sequence | `to` last sequence, `k` kinds, `ts` epoch ms, `c` commit id, `cau`, `user`, `enc` encoding, `h` hash chain, `b` body; `cp` and `fp` lead the indexes `correlation` and `feed` |
//! | stream_heads | `s` | `t` aggregate type, `v` version, `prev_v`, `c`, `h`, `ts`, `k`, `cor`, `fence` |
//! | command_log | `pk` | `req` hash of the request, `res` first answer, `exp` epoch ms |
//!
//! **Invariant:** nothing here updates or deletes a commit.

mod append;
mod items;
mod price;

use crate::{
    chain::Chain,
    commit::{Continuity, Hash, StoredCommit, StoredHead},
    position::{FEED_SHARDS, Position},
    store::{
        AppendError, Appended, CommandKey, CommandRecord, Commit, CommitRef, EventStore, Head, StoreError, StreamKey,
        Transaction, Units, Verified,
    },
    upcast::Upcasters,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::ConsumedCapacity,
};
use domain::{TenantId, Timestamp, time::Window};
pub(crate) use items::check_sizes;
use items::{Item, Reader, command_record, correlation_key, number, reference, start_key, text};
pub use items::{feed_key, feed_shard};
pub use price::priced;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Longest that an append tries against conflicts and throttling: well within the timeout of every function.
const PATIENCE: Duration = Duration::from_secs(8);
/// Hashes of heads that are remembered, so that appending after a load reads nothing more.
const MAX_REMEMBERED: usize = 512;
const DAY_MS: i64 = 86_400_000;

/// Names of the tables, as the template generated them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    pub event_store: String,
    pub stream_heads: String,
    pub command_log: String,
}

#[derive(Debug)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
    patience: Duration,
    upcasters: Upcasters,
    /// The hash at a version never changes, so what is remembered here is never out of date.
    hashes: Mutex<HashMap<String, (u64, Hash)>>,
}

impl DynamoStore {
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables, patience: PATIENCE, upcasters: Upcasters::current(), hashes: Mutex::default() }
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

    async fn stored_head(&self, stream: &StreamKey) -> Result<(Option<StoredHead>, Units), StoreError> {
        let partition = stream.partition();
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.stream_heads)
            .key("s", text(&partition))
            .consistent_read(true);
        let output = request
            .return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(failed)?;
        let units = Units { read_milli: milli(output.consumed_capacity.as_slice()), write_milli: 0 };
        let head = output.item().map(|item| Reader::new(item, stream).head()).transpose()?;
        if let Some(head) = &head {
            self.remember(partition, head.version, head.hash);
        }
        Ok((head, units))
    }

    /// One request's worth of commits from sequence `after` + 1 on, at most `limit`, and where the next ones start.
    async fn query(
        &self,
        stream: &StreamKey,
        after: u64,
        limit: Option<i32>,
        start: Option<Item>,
    ) -> Result<(Vec<StoredCommit>, Option<Item>), StoreError> {
        let request = self.client.query().table_name(&self.tables.event_store).consistent_read(true);
        let request = request
            .key_condition_expression("s = :s AND n > :after")
            .expression_attribute_values(":s", text(stream.partition()));
        let request = request
            .expression_attribute_values(":after", number(after))
            .set_limit(limit)
            .set_exclusive_start_key(start);
        let output = request.send().await.map_err(failed)?;
        let commits =
            output.items().iter().map(|item| Reader::new(item, stream).commit()).collect::<Result<Vec<_>, _>>()?;
        Ok((commits, output.last_evaluated_key))
    }

    /// The commit that holds sequence `after` and goes on beyond it.
    async fn spanning(&self, stream: &StreamKey, after: u64) -> Result<Option<StoredCommit>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.event_store)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1);
        let request = request
            .key_condition_expression("s = :s AND n <= :after")
            .expression_attribute_values(":s", text(stream.partition()));
        let output = request.expression_attribute_values(":after", number(after)).send().await.map_err(failed)?;
        let commit = output.items().first().map(|item| Reader::new(item, stream).commit()).transpose()?;
        Ok(commit.filter(|commit| commit.to > after))
    }

    async fn read(&self, stream: &StreamKey, after: u64, limit: Option<u32>) -> Result<Vec<Commit>, StoreError> {
        let mut commits = Vec::new();
        let mut continuity = Continuity { last: after };
        let mut start = None;
        let mut first = true;
        loop {
            let left = limit.map(|limit| {
                i32::try_from(limit)
                    .unwrap_or(i32::MAX)
                    .saturating_sub(i32::try_from(commits.len()).unwrap_or(i32::MAX))
            });
            if left.is_some_and(|left| left <= 0) {
                break;
            }
            let (mut found, next) = self.query(stream, after, left, start).await?;
            // Positions lie between commits, except one that a person gives: then the commit around it comes first.
            let between = found.first().is_some_and(|found| found.from == after.saturating_add(1));
            if std::mem::take(&mut first)
                && after > 0
                && !between
                && let Some(commit) = self.spanning(stream, after).await?
            {
                continuity.last = commit.from.saturating_sub(1);
                found.insert(0, commit);
                if let Some(left) = left {
                    found.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                }
            }
            for commit in found {
                continuity.check(&commit)?;
                self.remember(stream.partition(), commit.to, commit.hash);
                commits.push(commit.open(&self.upcasters)?);
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        Ok(commits)
    }

    async fn index_page(
        &self,
        index: &str,
        (key_name, key): (&str, String),
        window: Option<Window>,
        limit: u32,
        after: Option<&Position>,
    ) -> Result<(Vec<CommitRef>, bool), StoreError> {
        let mut found = Vec::new();
        let mut start = after.map(|after| start_key(after, key_name, key.clone()));
        loop {
            let left =
                i32::try_from(limit).unwrap_or(i32::MAX).saturating_sub(i32::try_from(found.len()).unwrap_or(i32::MAX));
            if left <= 0 {
                return Ok((found, true));
            }
            let mut request = self.client.query().table_name(&self.tables.event_store).index_name(index).limit(left);
            let mut condition = "#key = :key".to_owned();
            if let Some(window) = window {
                condition.push_str(" AND ts BETWEEN :from AND :to");
                request = request.expression_attribute_values(":from", number(window.from.millis()));
                request = request.expression_attribute_values(":to", number(window.to.millis().saturating_sub(1)));
            }
            request = request.key_condition_expression(condition).expression_attribute_names("#key", key_name);
            request = request.expression_attribute_values(":key", text(&key)).set_exclusive_start_key(start);
            let output = request.send().await.map_err(failed)?;
            for item in output.items() {
                found.push(reference(item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok((found, false));
            }
        }
    }
}

fn position_of(reference: &CommitRef) -> Position {
    Position { at_ms: reference.at.millis(), partition: reference.stream.partition(), from: reference.from }
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
fn failed<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let detail = DisplayErrorContext(&error).to_string();
    if passes(&error) { StoreError::Busy(detail) } else { StoreError::Refused(detail) }
}

/// Capacity of a response, in thousandths.
#[expect(clippy::float_arithmetic, reason = "the SDK gives capacity as a float; from here on it is an integer")]
fn milli(consumed: &[ConsumedCapacity]) -> u64 {
    let units: f64 = consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum();
    // A negative or absurd figure would say zero or the most, which is all that can be said about it.
    (units * 1000.0).round() as u64
}

#[async_trait]
impl EventStore for DynamoStore {
    async fn append(&self, transaction: Transaction) -> Result<Appended, AppendError> {
        append::append(self, transaction).await
    }

    async fn load(&self, stream: &StreamKey, after: u64) -> Result<Vec<Commit>, StoreError> {
        self.read(stream, after, None).await
    }

    async fn page(&self, stream: &StreamKey, after: u64, limit: u32) -> Result<Vec<Commit>, StoreError> {
        self.read(stream, after, Some(limit)).await
    }

    async fn head(&self, stream: &StreamKey) -> Result<Option<Head>, StoreError> {
        let (head, _) = self.stored_head(stream).await?;
        Ok(head.map(|head| head.shown(stream)))
    }

    async fn command(&self, key: &CommandKey, now: Timestamp) -> Result<Option<CommandRecord>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.command_log)
            .key("pk", text(key.partition()))
            .consistent_read(true);
        let output = request.send().await.map_err(failed)?;
        let record = output.item().map(command_record).transpose()?;
        Ok(record.filter(|record| record.expires_at >= now))
    }

    async fn by_correlation(
        &self,
        tenant: &TenantId,
        correlation_id: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<(Vec<CommitRef>, Option<String>), StoreError> {
        let after = after.as_deref().map(|after| Position::read_for(tenant, after)).transpose()?;
        let key = ("cp", correlation_key(tenant, correlation_id));
        let (found, more) = self.index_page("correlation", key, None, limit, after.as_ref()).await?;
        let next = if more { found.last().map(|last| position_of(last).write()) } else { None };
        Ok((found, next))
    }

    async fn feed(
        &self,
        window: Window,
        limit: u32,
        after: Option<String>,
    ) -> Result<(Vec<CommitRef>, Option<String>), StoreError> {
        let mut after = after.as_deref().map(Position::read).transpose()?;
        let start = after.as_ref().map_or(window.from.millis(), |after| after.at_ms);
        let mut shard = after.as_ref().map_or(0, |after| feed_shard(&after.partition));
        let mut day_ms = start.saturating_sub(start.rem_euclid(DAY_MS));
        let mut found = Vec::new();
        while day_ms < window.to.millis() {
            let day = Timestamp::from_millis(day_ms).day();
            while shard < FEED_SHARDS {
                let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
                let (page, full) = self
                    .index_page("feed", ("fp", feed_key(shard, &day)), Some(window), left, after.take().as_ref())
                    .await?;
                found.extend(page);
                if full {
                    let next = found.last().map(|last| position_of(last).write());
                    return Ok((found, next));
                }
                shard += 1;
            }
            shard = 0;
            day_ms = day_ms.saturating_add(DAY_MS);
        }
        Ok((found, None))
    }

    async fn heads(&self, limit: u32, after: Option<String>) -> Result<(Vec<Head>, Option<String>), StoreError> {
        let start = after.map(|partition| Item::from([("s".to_owned(), text(partition))]));
        let request = self.client.scan().table_name(&self.tables.stream_heads).consistent_read(true);
        let request = request.limit(i32::try_from(limit).unwrap_or(i32::MAX)).set_exclusive_start_key(start);
        let output = request.send().await.map_err(failed)?;
        let mut heads = Vec::new();
        for item in output.items() {
            let partition = items::text_of(item, "s").unwrap_or_default();
            let stream = StreamKey::parse(partition).ok_or_else(|| StoreError::Corrupt {
                stream: partition.to_owned(),
                sequence: 0,
                detail: "the head's key is not the key of a stream".to_owned(),
            })?;
            heads.push(Reader::new(item, &stream).head()?.shown(&stream));
        }
        let next = output.last_evaluated_key.as_ref().and_then(|key| items::text_of(key, "s")).map(str::to_owned);
        Ok((heads, next))
    }

    async fn verify(&self, stream: &StreamKey) -> Result<Verified, StoreError> {
        let mut chain = Chain::new(stream);
        let mut start = None;
        loop {
            let (found, next) = self.query(stream, 0, None, start).await?;
            for commit in found {
                chain.link(commit, &self.upcasters)?;
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        let (head, _) = self.stored_head(stream).await?;
        chain.end(head.as_ref())
    }
}
