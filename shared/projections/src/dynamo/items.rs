//! Rows and checkpoints as items, and what the service's errors mean.

use crate::store::{Checkpoint, CheckpointKey, Fault, RowKey, RowPut, Stand, Trouble, parse_row_partition};
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, ConsumedCapacity},
};
use event_store::Units;
use std::collections::HashMap;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Throttling and trouble on the way are worth another try; anything else is not.
pub(crate) fn fault<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Fault {
    const BUSY: [&str; 8] = [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "InternalServerError",
        "ServiceUnavailable",
        "TransactionConflictException",
        "TransactionInProgressException",
    ];
    let Some(service) = error.as_service_error() else {
        return Fault::Busy(error.to_string());
    };
    let code = service.code().unwrap_or("unknown");
    let text = format!("{code}: {}", service.message().unwrap_or_default());
    if BUSY.contains(&code) { Fault::Busy(text) } else { Fault::Refused(text) }
}

pub(crate) fn write_units(consumed: &[ConsumedCapacity]) -> Units {
    Units { read_milli: 0, write_milli: event_store::milli(consumed) }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub(crate) fn text_of<'i>(item: &'i Item, name: &str) -> Result<&'i str, Fault> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| Fault::Corrupt(format!("attribute {name} is missing or no string")))
}

pub(crate) fn number_of<T: std::str::FromStr>(item: &Item, name: &str) -> Result<Option<T>, Fault> {
    let Some(value) = item.get(name) else { return Ok(None) };
    let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or_else(|| Fault::Corrupt(format!("attribute {name} is no number that fits")))
}

pub(super) fn row_key(key: &RowKey) -> Item {
    Item::from([("pk".to_owned(), text(&key.partition)), ("sk".to_owned(), text(&key.sort))])
}

/// Key of the index `by_job`: like a row's partition, with the job.
pub(super) fn job_key(partition: &str, job: &str) -> String {
    let (tenant, version) = parse_row_partition(partition)
        .map_or_else(|| (partition.to_owned(), 0), |(tenant, version)| (tenant.to_string(), version));
    format!("T#{tenant}@{version}#{job}")
}

pub(super) fn row_item(put: &RowPut) -> Item {
    let mut item = row_key(&put.key);
    item.insert("row".to_owned(), text(&put.row));
    let keys = &put.keys;
    item.extend(keys.started.as_ref().map(|started| ("started".to_owned(), text(started))));
    item.extend(keys.id.as_ref().map(|id| ("id".to_owned(), text(id))));
    item.extend(keys.job.as_ref().map(|job| ("job".to_owned(), text(job_key(&put.key.partition, job)))));
    item.extend(keys.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))));
    item
}

pub(super) fn checkpoint_item(key: &CheckpointKey, to: Stand, state: Option<&String>) -> Item {
    let mut item = Item::from([("pk".to_owned(), text(key.partition())), ("v".to_owned(), number(to.version))]);
    if to.epoch > 0 {
        item.insert("epoch".to_owned(), number(to.epoch));
    }
    item.extend(state.map(|state| ("state".to_owned(), text(state))));
    item
}

pub(super) fn checkpoint_of(item: &Item) -> Result<Checkpoint, Fault> {
    let trouble = match number_of(item, "attempts")? {
        None => None,
        Some(attempts) => Some(Trouble {
            error: text_of(item, "error")?.to_owned(),
            position: number_of(item, "position")?.unwrap_or(0),
            attempts,
            parked: item.get("parked").and_then(|parked| parked.as_bool().ok()).copied().unwrap_or(false),
        }),
    };
    let state = if item.contains_key("state") { Some(text_of(item, "state")?.to_owned()) } else { None };
    Ok(Checkpoint {
        version: number_of(item, "v")?.unwrap_or(0),
        epoch: number_of(item, "epoch")?.unwrap_or(0),
        state,
        trouble,
    })
}

/// The condition under which a checkpoint may be changed, with its values.
pub(super) fn stands_at(from: Stand) -> (String, Item) {
    let mut values = Item::from([(":from".to_owned(), number(from.version))]);
    let epoch = if from.epoch == 0 {
        "attribute_not_exists(epoch)"
    } else {
        values.insert(":epoch".to_owned(), number(from.epoch));
        "epoch = :epoch"
    };
    let version = if from.version == 0 { "(attribute_not_exists(pk) OR v = :from)" } else { "v = :from" };
    (format!("{version} AND {epoch}"), values)
}
