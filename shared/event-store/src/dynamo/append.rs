//! Appending: one transaction, tried until it has an answer.
//!
//! A cancelled transaction says by position which condition failed, and shows the item that stood in the way. That
//! tells apart: written before by us, carried out before, fenced off, outrun by another writer.

use super::{
    DynamoStore, failed,
    items::{Item, binary_of, command_item, command_record, commit_item, number, number_of, text, text_of, texts},
    milli, passes,
};
use crate::{
    commit::{NO_HASH, StoredCommit},
    prepare,
    store::{Append, AppendError, Appended, CommandRow, Fence, StoreError, StreamKey, Transaction, Units},
};
use aws_sdk_dynamodb::{
    config::{self, retry::RetryConfig},
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure::AllOld,
        TransactWriteItem, Update,
    },
};
use domain::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// First upper bound of the random wait between tries; it doubles up to [`WAIT_MAX_MS`].
const WAIT_FIRST_MS: u64 = 25;
const WAIT_MAX_MS: u64 = 800;
/// Longest wait for one answer. Giving up early is safe: a try whose answer was lost is recognised by its commit id.
const ATTEMPT: Duration = Duration::from_secs(3);

/// What stands at one position of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Commit(usize),
    Head(usize),
    Command,
    Fence,
}

pub(super) async fn append(store: &DynamoStore, transaction: Transaction) -> Result<Appended, AppendError> {
    let drafts = prepare::drafts(&transaction, &store.upcasters)?;
    let mut read = Units::default();
    let mut commits = Vec::with_capacity(drafts.len());
    for (append, draft) in transaction.appends.iter().zip(drafts) {
        let (previous, units) = previous_hash(store, append).await?;
        read = read.plus(units);
        commits.push(draft.sealed(&previous));
    }
    let request = Request::new(store, &transaction, &commits)?;
    let versions = commits.iter().map(|commit| commit.to).collect();
    let done = request.send(store).await?;
    for commit in &commits {
        // A repetition may carry another previous hash than the commit that is there; only a fresh one is known.
        if !done.repeated {
            store.remember(commit.stream.partition(), commit.to, commit.hash);
        }
    }
    Ok(Appended { versions, units: read.plus(done.units), repeated: done.repeated })
}

/// The hash before this append: remembered from a load or an earlier append, or read from the head.
async fn previous_hash(store: &DynamoStore, append: &Append) -> Result<(crate::commit::Hash, Units), AppendError> {
    let partition = append.stream.partition();
    if append.expected == 0 {
        return Ok((NO_HASH, Units::default()));
    }
    if let Some(hash) = store.remembered(&partition, append.expected) {
        return Ok((hash, Units::default()));
    }
    let (head, units) = store.stored_head(&append.stream).await?;
    match head {
        Some(head) if head.version == append.expected => Ok((head.hash, units)),
        // Outrun, perhaps by ourselves. The condition on the version fails for certain, and its answer says which.
        Some(head) if head.version > append.expected => Ok((NO_HASH, units)),
        _ => Err(AppendError::VersionConflict { stream: partition, expected: append.expected }),
    }
}

struct Done {
    units: Units,
    repeated: bool,
}

enum Failed {
    /// Passes by itself; try again. Why, where there was an answer.
    Busy(Option<String>),
    Final(AppendError),
    /// Written before, by an earlier try of ours.
    Ours,
}

struct Request<'a> {
    transaction: &'a Transaction,
    places: Vec<Place>,
    items: Vec<TransactWriteItem>,
}

impl<'a> Request<'a> {
    fn new(store: &DynamoStore, transaction: &'a Transaction, commits: &[StoredCommit]) -> Result<Self, AppendError> {
        let tables = &store.tables;
        let mut places = Vec::new();
        let mut items = Vec::new();
        let fence_of = |stream: &StreamKey| transaction.fence.as_ref().filter(|fence| fence.stream == *stream);
        for (index, (append, commit)) in transaction.appends.iter().zip(commits).enumerate() {
            places.push(Place::Commit(index));
            items.push(put_commit(&tables.event_store, commit)?);
            places.push(Place::Head(index));
            items.push(update_head(&tables.stream_heads, append, commit, fence_of(&append.stream))?);
        }
        if let Some(command) = &transaction.command {
            places.push(Place::Command);
            items.push(put_command(&tables.command_log, command, transaction.metadata.timestamp)?);
        }
        let elsewhere = |fence: &&Fence| transaction.appends.iter().all(|append| append.stream != fence.stream);
        if let Some(fence) = transaction.fence.as_ref().filter(elsewhere) {
            places.push(Place::Fence);
            items.push(check_fence(&tables.stream_heads, fence)?);
        }
        Ok(Self { transaction, places, items })
    }

    /// Tries until there is an answer or the time is up; the wait is random, so that equal writers part.
    async fn send(&self, store: &DynamoStore) -> Result<Done, AppendError> {
        let deadline = Instant::now() + store.patience;
        let mut bound_ms = WAIT_FIRST_MS;
        let mut reason = None;
        loop {
            // What the last answer said tells more than that none came to the last try.
            reason = match self.attempt(store, deadline).await {
                Ok(units) => return Ok(Done { units, repeated: false }),
                Err(Failed::Ours) => return Ok(Done { units: Units::default(), repeated: true }),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Busy(why)) => why.or(reason),
            };
            let wait = Duration::from_millis(rand::random_range(1..=bound_ms));
            if Instant::now() + wait >= deadline {
                return Err(StoreError::Busy(reason.unwrap_or_else(|| "no answer in time".to_owned())).into());
            }
            tracing::debug!(reason, "append is tried again");
            tokio::time::sleep(wait).await;
            bound_ms = (bound_ms * 2).min(WAIT_MAX_MS);
        }
    }

    async fn attempt(&self, store: &DynamoStore, deadline: Instant) -> Result<Units, Failed> {
        // The SDK's own retries are off: here they would end before the deadline, and be counted twice.
        let once = config::Builder::new().retry_config(RetryConfig::disabled());
        let request = store.client.transact_write_items().set_transact_items(Some(self.items.clone()));
        let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total).customize().config_override(once);
        let until = deadline.min(Instant::now() + ATTEMPT);
        match tokio::time::timeout_at(until, request.send()).await {
            Ok(Ok(output)) => Ok(Units { read_milli: 0, write_milli: milli(output.consumed_capacity()) }),
            Err(_) => Err(Failed::Busy(None)),
            Ok(Err(error)) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    Err(self.cancelled(store, reasons).await.unwrap_or_else(Failed::Final))
                }
                _ => Err(self.unanswered(error)),
            },
        }
    }

    fn unanswered(&self, error: SdkError<TransactWriteItemsError, config::http::HttpResponse>) -> Failed {
        if passes(&error) {
            Failed::Busy(Some(aws_sdk_dynamodb::error::DisplayErrorContext(&error).to_string()))
        } else {
            Failed::Final(failed(error).into())
        }
    }

    async fn cancelled(&self, store: &DynamoStore, reasons: &[CancellationReason]) -> Result<Failed, AppendError> {
        let reason_at = |place: Place| {
            let index = self.places.iter().position(|other| *other == place)?;
            reasons.get(index).filter(|reason| reason.code() == Some("ConditionalCheckFailed"))
        };
        if !self.places.iter().any(|place| reason_at(*place).is_some()) {
            return Ok(without_condition(reasons));
        }
        if self.written_before(store, &reason_at).await? {
            return Ok(Failed::Ours);
        }
        if let Some(row) = reason_at(Place::Command) {
            return self.repeated(store, row.item()).await;
        }
        if let Some(fence) = &self.transaction.fence {
            let own = self.transaction.appends.iter().position(|append| append.stream == fence.stream);
            if let Some(reason) = reason_at(own.map_or(Place::Fence, Place::Head)) {
                let actual = reason.item().and_then(|head| text_of(head, "fence")).map(str::to_owned);
                if actual.as_ref() != Some(&fence.value) {
                    return Ok(Failed::Final(AppendError::Fenced {
                        stream: fence.stream.partition(),
                        wanted: fence.value.clone(),
                        actual,
                    }));
                }
            }
        }
        let outrun =
            self.transaction.appends.iter().enumerate().find(|(index, _)| {
                reason_at(Place::Head(*index)).is_some() || reason_at(Place::Commit(*index)).is_some()
            });
        let conflict = |append: &Append| AppendError::VersionConflict {
            stream: append.stream.partition(),
            expected: append.expected,
        };
        Ok(outrun.map_or_else(|| without_condition(reasons), |(_, append)| Failed::Final(conflict(append))))
    }

    /// All commits of the transaction are there with our ids: it went through before, and its answer was lost. The
    /// stream may have grown since.
    async fn written_before<'r>(
        &self,
        store: &DynamoStore,
        reason_at: &impl Fn(Place) -> Option<&'r CancellationReason>,
    ) -> Result<bool, AppendError> {
        for (index, append) in self.transaction.appends.iter().enumerate() {
            let last = append.expected.saturating_add(u64::try_from(append.events.len()).unwrap_or(u64::MAX));
            let (commit, head) = (reason_at(Place::Commit(index)), reason_at(Place::Head(index)));
            let ours = |item: &Item, version: &str| {
                binary_of(item, "c") == Some(append.commit_id.as_bytes().as_slice())
                    && number_of(item, version) == Some(last)
            };
            let found = match (commit.and_then(|reason| reason.item()), head.and_then(|reason| reason.item())) {
                (Some(commit), _) => ours(commit, "to"),
                (None, Some(head)) if ours(head, "v") => true,
                // A store that stops at the first failed condition, or does not show what stood in the way.
                _ if commit.is_some() || head.is_some() => {
                    let from = number(append.expected.saturating_add(1));
                    let request = store.client.get_item().table_name(&store.tables.event_store).consistent_read(true);
                    let request = request.key("s", text(append.stream.partition())).key("n", from);
                    let output = request.send().await.map_err(failed)?;
                    output.item().is_some_and(|commit| ours(commit, "to"))
                }
                _ => false,
            };
            if !found {
                return Ok(false);
            }
        }
        Ok(!self.transaction.appends.is_empty())
    }

    async fn repeated(&self, store: &DynamoStore, row: Option<&Item>) -> Result<Failed, AppendError> {
        use crate::store::EventStore;
        let record = match (row, &self.transaction.command) {
            (Some(row), _) => Some(command_record(row)?),
            (None, Some(command)) => store.command(&command.key, self.transaction.metadata.timestamp).await?,
            (None, None) => None,
        };
        let gone = || StoreError::Busy("the command row was there and is gone".to_owned());
        Ok(Failed::Final(AppendError::Repeated(Box::new(record.ok_or_else(gone)?))))
    }
}

/// Cancelled without a failed condition: conflicts and throttling pass, the rest does not.
fn without_condition(reasons: &[CancellationReason]) -> Failed {
    let told = |reason: &CancellationReason| {
        format!("{}: {}", reason.code().unwrap_or("?"), reason.message().unwrap_or("no message"))
    };
    let real = reasons.iter().filter(|reason| !matches!(reason.code(), None | Some("None")));
    let detail = real.clone().map(told).collect::<Vec<_>>().join("; ");
    let passing = [
        "TransactionConflict",
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "RequestLimitExceeded",
        "InternalServerError",
    ];
    if real.clone().all(|reason| reason.code().is_some_and(|code| passing.contains(&code))) {
        Failed::Busy(Some(format!("transaction cancelled: {detail}")))
    } else {
        Failed::Final(StoreError::Refused(format!("transaction cancelled: {detail}")).into())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> AppendError {
    StoreError::Refused(error.to_string()).into()
}

fn put_commit(table: &str, commit: &StoredCommit) -> Result<TransactWriteItem, AppendError> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(commit_item(commit)))
        .condition_expression("attribute_not_exists(n)");
    let put = put.return_values_on_condition_check_failure(AllOld).build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// An update, not a put: the fence stays unless it is set.
fn update_head(
    table: &str,
    append: &Append,
    commit: &StoredCommit,
    fence: Option<&Fence>,
) -> Result<TransactWriteItem, AppendError> {
    let mut set = "SET #t = :t, #v = :v, #c = :c, #p = :p, #h = :h, #ts = :ts, #k = :k, #cor = :cor".to_owned();
    let mut condition = if append.expected == 0 { "attribute_not_exists(#v)" } else { "#v = :p" }.to_owned();
    let mut values = Item::from([
        (":t".into(), text(&commit.stream.aggregate_type)),
        (":v".into(), number(commit.to)),
        (":c".into(), super::items::binary(commit.id.as_bytes())),
        (":p".into(), number(append.expected)),
        (":h".into(), super::items::binary(&commit.hash)),
        (":ts".into(), number(commit.metadata.timestamp.millis())),
        (":k".into(), texts(&commit.kinds)),
        (":cor".into(), text(commit.metadata.correlation_id.as_str())),
    ]);
    let mut names: Vec<(&str, &str)> = vec![
        ("#t", "t"),
        ("#v", "v"),
        ("#c", "c"),
        ("#p", "prev_v"),
        ("#h", "h"),
        ("#ts", "ts"),
        ("#k", "k"),
        ("#cor", "cor"),
    ];
    if append.set_fence.is_some() || fence.is_some() {
        names.push(("#f", "fence"));
    }
    if let Some(raised) = &append.set_fence {
        set.push_str(", #f = :raised");
        values.insert(":raised".into(), text(raised));
    }
    if let Some(fence) = fence {
        condition.push_str(" AND #f = :fence");
        values.insert(":fence".into(), text(&fence.value));
    }
    let mut update = Update::builder().table_name(table).key("s", text(commit.stream.partition()));
    for (short, name) in names {
        update = update.expression_attribute_names(short, name);
    }
    let update =
        update.update_expression(set).condition_expression(condition).set_expression_attribute_values(Some(values));
    let update = update.return_values_on_condition_check_failure(AllOld).build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn put_command(table: &str, command: &CommandRow, now: Timestamp) -> Result<TransactWriteItem, AppendError> {
    let put = Put::builder().table_name(table).set_item(Some(command_item(command)));
    let put = put
        .condition_expression("attribute_not_exists(pk) OR exp < :now")
        .expression_attribute_values(":now", number(now.millis()));
    let put = put.return_values_on_condition_check_failure(AllOld).build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

fn check_fence(table: &str, fence: &Fence) -> Result<TransactWriteItem, AppendError> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .key("s", text(fence.stream.partition()))
        .condition_expression("fence = :fence");
    let check = check
        .expression_attribute_values(":fence", text(&fence.value))
        .return_values_on_condition_check_failure(AllOld);
    Ok(TransactWriteItem::builder().condition_check(check.build().map_err(incomplete)?).build())
}
