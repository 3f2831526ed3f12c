//! Items and keys. Attribute names are short because DynamoDB bills them with every item.

use crate::{
    commit::{Hash, StoredCommit, StoredHead, damaged},
    position::{FEED_SHARDS, Position},
    prepare::{MAX_ITEM_BYTES, MAX_TRANSACTION_BYTES},
    store::{AppendError, CommandRecord, CommandRow, CommitRef, StoreError, StreamKey, Transaction},
};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{CorrelationId, Metadata, TenantId, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub(crate) fn binary(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub(super) fn texts(values: &[String]) -> AttributeValue {
    AttributeValue::L(values.iter().map(text).collect())
}

/// Which shard of the feed index a stream's commits are in.
#[must_use]
pub fn feed_shard(partition: &str) -> u8 {
    let hash: Hash = Sha256::digest(partition.as_bytes()).into();
    hash.first().map_or(0, |byte| byte % FEED_SHARDS)
}

/// `F#<shard>#<yyyymmdd>`.
#[must_use]
pub fn feed_key(shard: u8, day: &str) -> String {
    format!("F#{shard}#{day}")
}

pub(super) fn correlation_key(tenant: &TenantId, correlation_id: &str) -> String {
    format!("T#{tenant}#C#{correlation_id}")
}

pub(super) fn commit_item(commit: &StoredCommit) -> Item {
    let partition = commit.stream.partition();
    let metadata = &commit.metadata;
    // The correlation id is not stored by itself: it is the end of the index key.
    let mut item = Item::from([
        ("n".into(), number(commit.from)),
        ("to".into(), number(commit.to)),
        ("k".into(), texts(&commit.kinds)),
        ("ts".into(), number(metadata.timestamp.millis())),
        ("c".into(), binary(commit.id.as_bytes())),
        ("enc".into(), number(commit.encoding)),
        ("h".into(), binary(&commit.hash)),
        ("b".into(), binary(&commit.body)),
        ("cp".into(), text(correlation_key(&metadata.tenant_id, metadata.correlation_id.as_str()))),
        ("fp".into(), text(feed_key(feed_shard(&partition), &metadata.timestamp.day()))),
        ("s".into(), text(partition)),
    ]);
    for (name, value) in [("cau", &metadata.causation_id), ("user", &metadata.user_id), ("f", &commit.fence)] {
        if let Some(value) = value {
            item.insert(name.into(), text(value));
        }
    }
    item
}

/// A head as a whole, to know its size: it is written by an update.
pub(super) fn head_item(commit: &StoredCommit, fence: Option<&String>) -> Item {
    let mut item = Item::from([
        ("s".into(), text(commit.stream.partition())),
        ("t".into(), text(&commit.stream.aggregate_type)),
        ("v".into(), number(commit.to)),
        ("c".into(), binary(commit.id.as_bytes())),
        ("prev_v".into(), number(commit.from.saturating_sub(1))),
        ("h".into(), binary(&commit.hash)),
        ("ts".into(), number(commit.metadata.timestamp.millis())),
        ("k".into(), texts(&commit.kinds)),
        ("cor".into(), text(commit.metadata.correlation_id.as_str())),
    ]);
    if let Some(fence) = fence {
        item.insert("fence".into(), text(fence));
    }
    item
}

pub(super) fn command_item(command: &CommandRow) -> Item {
    Item::from([
        ("pk".into(), text(command.key.partition())),
        ("req".into(), text(&command.record.request_hash)),
        ("res".into(), text(command.record.result.to_string())),
        ("exp".into(), number(command.record.expires_at.millis())),
    ])
}

/// Reads one item, remembering where it lies for the error.
pub(super) struct Reader<'a> {
    item: &'a Item,
    stream: &'a StreamKey,
}

impl<'a> Reader<'a> {
    pub fn new(item: &'a Item, stream: &'a StreamKey) -> Self {
        Self { item, stream }
    }

    fn missing(&self, name: &str) -> StoreError {
        let sequence = number_of(self.item, "n").or_else(|| number_of(self.item, "v")).unwrap_or(0);
        damaged(self.stream, sequence, &format!("attribute `{name}` is missing or of another type"))
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Result<N, StoreError> {
        number_of(self.item, name).ok_or_else(|| self.missing(name))
    }

    fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        text_of(self.item, name).ok_or_else(|| self.missing(name))
    }

    fn binary(&self, name: &str) -> Result<&'a [u8], StoreError> {
        binary_of(self.item, name).ok_or_else(|| self.missing(name))
    }

    fn optional_text(&self, name: &str) -> Option<String> {
        text_of(self.item, name).map(str::to_owned)
    }

    fn kinds(&self) -> Result<Vec<String>, StoreError> {
        let list = self.item.get("k").and_then(|value| value.as_l().ok()).ok_or_else(|| self.missing("k"))?;
        list.iter().map(|kind| kind.as_s().cloned().map_err(|_| self.missing("k"))).collect()
    }

    fn id(&self) -> Result<Uuid, StoreError> {
        Uuid::from_slice(self.binary("c")?).map_err(|_| self.missing("c"))
    }

    fn hash(&self) -> Result<Hash, StoreError> {
        Hash::try_from(self.binary("h")?).map_err(|_| self.missing("h"))
    }

    pub fn commit(&self) -> Result<StoredCommit, StoreError> {
        let prefix = correlation_key(&self.stream.tenant, "");
        let correlation_id = self.text("cp")?.strip_prefix(&prefix).ok_or_else(|| {
            let from = number_of(self.item, "n").unwrap_or(0);
            damaged(self.stream, from, "the row belongs to another tenant, as its correlation key says")
        })?;
        Ok(StoredCommit {
            stream: self.stream.clone(),
            from: self.number("n")?,
            to: self.number("to")?,
            kinds: self.kinds()?,
            id: self.id()?,
            metadata: Metadata {
                tenant_id: self.stream.tenant.clone(),
                user_id: self.optional_text("user"),
                timestamp: Timestamp::from_millis(self.number("ts")?),
                correlation_id: CorrelationId::parse(correlation_id).map_err(|_| self.missing("cp"))?,
                causation_id: self.optional_text("cau"),
            },
            fence: self.optional_text("f"),
            encoding: self.number("enc")?,
            body: self.binary("b")?.to_vec(),
            hash: self.hash()?,
        })
    }

    pub fn head(&self) -> Result<StoredHead, StoreError> {
        Ok(StoredHead {
            version: self.number("v")?,
            commit_id: self.id()?,
            hash: self.hash()?,
            at: Timestamp::from_millis(self.number("ts")?),
            fence: self.optional_text("fence"),
        })
    }
}

/// A commit as an index shows it, without its body.
pub(super) fn reference(item: &Item) -> Result<CommitRef, StoreError> {
    let partition = text_of(item, "s").unwrap_or_default();
    let stream = StreamKey::parse(partition).ok_or_else(|| StoreError::Corrupt {
        stream: partition.to_owned(),
        sequence: number_of(item, "n").unwrap_or(0),
        detail: "the partition key is not the key of a stream".to_owned(),
    })?;
    let read = Reader::new(item, &stream);
    let (from, to, kinds) = (read.number("n")?, read.number("to")?, read.kinds()?);
    let at = Timestamp::from_millis(read.number("ts")?);
    Ok(CommitRef { stream, from, to, at, kinds })
}

/// Where a list over an index goes on.
pub(super) fn start_key(position: &Position, key_name: &str, key: String) -> Item {
    Item::from([
        (key_name.to_owned(), text(key)),
        ("ts".into(), number(position.at_ms)),
        ("s".into(), text(&position.partition)),
        ("n".into(), number(position.from)),
    ])
}

pub(super) fn command_record(item: &Item) -> Result<CommandRecord, StoreError> {
    let read = || {
        Some(CommandRecord {
            request_hash: text_of(item, "req")?.to_owned(),
            result: serde_json::from_str(text_of(item, "res")?).ok()?,
            expires_at: Timestamp::from_millis(number_of(item, "exp")?),
        })
    };
    read().ok_or_else(|| StoreError::Corrupt {
        stream: text_of(item, "pk").unwrap_or_default().to_owned(),
        sequence: 0,
        detail: "the command row does not decode; delete it, and the command can be given again".to_owned(),
    })
}

pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn number_of<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(crate) fn binary_of<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    item.get(name)?.as_b().ok().map(AsRef::as_ref)
}

/// Size as DynamoDB bills it: names and values in UTF-8, a number about half a byte per digit, three bytes and one per
/// element for lists and maps ("DynamoDB item sizes and formats" in its developer guide).
pub(super) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => {
            digits.trim_start_matches('-').len().div_ceil(2) + 1 + usize::from(digits.starts_with('-'))
        }
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
        }
        AttributeValue::Ss(set) | AttributeValue::Ns(set) => set.iter().map(String::len).sum(),
        AttributeValue::Bs(set) => set.iter().map(|blob| blob.as_ref().len()).sum(),
        _ => 1,
    }
}

/// Both stores refuse what DynamoDB would.
pub(crate) fn check_sizes(transaction: &Transaction, commits: &[StoredCommit]) -> Result<(), AppendError> {
    let mut sizes = Vec::new();
    for (append, commit) in transaction.appends.iter().zip(commits) {
        sizes.push((append.stream.partition(), item_bytes(&commit_item(commit))));
        sizes.push((append.stream.partition(), item_bytes(&head_item(commit, append.set_fence.as_ref()))));
    }
    if let Some(command) = &transaction.command {
        sizes.push((command.key.partition(), item_bytes(&command_item(command))));
    }
    if let Some((partition, bytes)) = sizes.iter().find(|(_, bytes)| *bytes > MAX_ITEM_BYTES) {
        return Err(AppendError::TooLarge(format!(
            "an item of {partition} has {bytes} bytes, at most {MAX_ITEM_BYTES} are allowed"
        )));
    }
    let total: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
    if total > MAX_TRANSACTION_BYTES {
        return Err(AppendError::TooLarge(format!(
            "the transaction has {total} bytes, at most {MAX_TRANSACTION_BYTES} are allowed"
        )));
    }
    Ok(())
}
