//! Rows and checkpoints in DynamoDB.
//!
//! ```text
//! reconciliation_summary, saga_state   pk "T#<tenant>@<version>"  sk <aggregate id>   row (JSON)  started  id  + filter attributes
//!     index by_started  pk, started        index by_id  id
//! jobs                                 pk "T#<tenant>@<version>"  sk <job id>         row (JSON)  state
//! projection_checkpoints               pk "<projection>@<version>#<s>"  v  as_of  and in trouble: error  position  attempts  parked
//! projections                          pk <projection>  live  building?
//! ```

use crate::{
    read::{Order, RowPosition, Rows, Selected, Selection},
    store::{Advance, Checkpoint, CheckpointKey, Fault, ProjectionStore, RowKey, Table, Trouble, Versions, Written},
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, ConsumedCapacity, Put, ReturnConsumedCapacity, TransactWriteItem},
};
use event_store::Units;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a reader may go on reading the version that was live before.
const VERSIONS_TTL: Duration = Duration::from_secs(5);

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Names of the tables, as the template passes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    pub projection_checkpoints: String,
    pub projections: String,
    pub reconciliation_summary: String,
    pub saga_state: String,
    pub jobs: String,
}

impl Tables {
    fn of(&self, table: Table) -> &str {
        match table {
            Table::ReconciliationSummary => &self.reconciliation_summary,
            Table::SagaState => &self.saga_state,
            Table::Jobs => &self.jobs,
        }
    }
}

#[derive(Debug)]
pub struct DynamoProjections {
    client: Client,
    tables: Tables,
    versions: Mutex<HashMap<String, (Instant, Versions)>>,
}

impl DynamoProjections {
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables, versions: Mutex::default() }
    }

    fn cached(&self, projection: &str) -> Option<Versions> {
        let cache = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(projection).filter(|(read_at, _)| read_at.elapsed() < VERSIONS_TTL).map(|(_, versions)| *versions)
    }
}

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

/// Milli-units out of the service's decimal, digit by digit.
pub(crate) fn milli(capacity: Option<f64>) -> u64 {
    capacity.map_or(0, |units| format!("{units:.3}").replace('.', "").parse().unwrap_or(0))
}

pub(crate) fn write_units(consumed: &[ConsumedCapacity]) -> Units {
    Units { read_milli: 0, write_milli: consumed.iter().map(|capacity| milli(capacity.capacity_units)).sum() }
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

fn row_key(key: &RowKey) -> Item {
    Item::from([("pk".to_owned(), text(&key.partition)), ("sk".to_owned(), text(&key.sort))])
}

fn row_item(advance: &Advance) -> Item {
    let mut item = row_key(&advance.key);
    item.insert("row".to_owned(), text(&advance.row));
    let keys = &advance.keys;
    item.extend(keys.started.as_ref().map(|started| ("started".to_owned(), text(started))));
    item.extend(keys.id.as_ref().map(|id| ("id".to_owned(), text(id))));
    item.extend(keys.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))));
    item
}

fn checkpoint_item(key: &CheckpointKey, version: u64, trouble: Option<&Trouble>) -> Item {
    let mut item = Item::from([("pk".to_owned(), text(key.partition())), ("v".to_owned(), number(version))]);
    if let Some(trouble) = trouble {
        item.insert("error".to_owned(), text(&trouble.error));
        item.insert("position".to_owned(), number(trouble.position));
        item.insert("attempts".to_owned(), number(trouble.attempts));
        item.insert("parked".to_owned(), AttributeValue::Bool(trouble.parked));
    }
    item
}

fn checkpoint_of(item: &Item) -> Result<Checkpoint, Fault> {
    let trouble = match number_of(item, "attempts")? {
        None => None,
        Some(attempts) => Some(Trouble {
            error: text_of(item, "error")?.to_owned(),
            position: number_of(item, "position")?.unwrap_or(0),
            attempts,
            parked: item.get("parked").and_then(|parked| parked.as_bool().ok()).copied().unwrap_or(false),
        }),
    };
    Ok(Checkpoint { version: number_of(item, "v")?.unwrap_or(0), trouble })
}

/// The condition under which a checkpoint may be replaced.
fn stands_at(from: u64) -> &'static str {
    if from == 0 { "attribute_not_exists(pk) OR v = :from" } else { "v = :from" }
}

/// A condition that failed, or another transaction on the same items: read again.
fn lost(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    codes.any(|code| code == "ConditionalCheckFailed" || code == "TransactionConflict")
}

#[async_trait]
impl ProjectionStore for DynamoProjections {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
        let get =
            self.client.get_item().table_name(&self.tables.projection_checkpoints).key("pk", text(key.partition()));
        let output = get.consistent_read(true).send().await.map_err(|error| fault(&error))?;
        output.item.as_ref().map_or_else(|| Ok(Checkpoint::default()), checkpoint_of)
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault> {
        let get = self.client.get_item().table_name(self.tables.of(key.table)).set_key(Some(row_key(key)));
        let output = get.consistent_read(true).send().await.map_err(|error| fault(&error))?;
        output.item.as_ref().map(|item| text_of(item, "row").map(str::to_owned)).transpose()
    }

    async fn advance(&self, advance: &Advance) -> Result<Written, Fault> {
        let invalid = |cause: aws_sdk_dynamodb::error::BuildError| Fault::Refused(cause.to_string());
        let row = Put::builder()
            .table_name(self.tables.of(advance.key.table))
            .set_item(Some(row_item(advance)))
            .build()
            .map_err(invalid)?;
        let mut item = checkpoint_item(&advance.checkpoint, advance.to, None);
        item.insert("as_of".to_owned(), number(advance.as_of.millis()));
        let checkpoint = Put::builder()
            .table_name(&self.tables.projection_checkpoints)
            .set_item(Some(item))
            .condition_expression(stands_at(advance.from))
            .expression_attribute_values(":from", number(advance.from))
            .build()
            .map_err(invalid)?;
        let transaction = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(row).build())
            .transact_items(TransactWriteItem::builder().put(checkpoint).build())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match transaction.send().await {
            Ok(output) => Ok(Written::Done(write_units(output.consumed_capacity()))),
            Err(error) if error.as_service_error().is_some_and(lost) => Ok(Written::Lost),
            Err(error) => Err(cancelled(&error).unwrap_or_else(|| fault(&error))),
        }
    }

    async fn note(&self, key: &CheckpointKey, from: u64, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.projection_checkpoints)
            .set_item(Some(checkpoint_item(key, from, trouble)))
            .condition_expression(stands_at(from))
            .expression_attribute_values(":from", number(from))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match put.send().await {
            Ok(output) => Ok(Written::Done(write_units(output.consumed_capacity.as_slice()))),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(Written::Lost)
            }
            Err(error) => Err(fault(&error)),
        }
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        if let Some(versions) = self.cached(projection) {
            return Ok(versions);
        }
        let get = self.client.get_item().table_name(&self.tables.projections).key("pk", text(projection));
        let output = get.consistent_read(true).send().await.map_err(|error| fault(&error))?;
        let item = output.item.unwrap_or_default();
        let versions =
            Versions { live: number_of(&item, "live")?.unwrap_or(1), building: number_of(&item, "building")? };
        let mut cache = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(projection.to_owned(), (Instant::now(), versions));
        Ok(versions)
    }
}

/// A transaction that was cancelled for throttling says so in its reasons only.
fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Fault> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return None;
    };
    let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let busy = codes.find(|code| *code == "ThrottlingError" || *code == "ProvisionedThroughputExceeded")?;
    Some(Fault::Busy(format!("transaction cancelled: {busy}")))
}

fn position_of(item: &Item, indexed: bool) -> Result<RowPosition, Fault> {
    let started = if indexed { Some(text_of(item, "started")?.to_owned()) } else { None };
    Ok(RowPosition { partition: text_of(item, "pk")?.to_owned(), sort: text_of(item, "sk")?.to_owned(), started })
}

fn start_key(position: &RowPosition) -> Item {
    let mut key = Item::from([("pk".to_owned(), text(&position.partition)), ("sk".to_owned(), text(&position.sort))]);
    key.extend(position.started.as_ref().map(|started| ("started".to_owned(), text(started))));
    key
}

/// `#a0 = :a0 AND …` with its names and values; all none without conditions.
type Filter = (Option<String>, Option<HashMap<String, String>>, Item);

fn filter(equals: &[(&'static str, String)]) -> Filter {
    let mut parts = Vec::new();
    let mut names = HashMap::new();
    let mut values = Item::new();
    for (index, (name, value)) in equals.iter().enumerate() {
        parts.push(format!("#a{index} = :a{index}"));
        names.insert(format!("#a{index}"), (*name).to_owned());
        values.insert(format!(":a{index}"), text(value));
    }
    if parts.is_empty() { (None, None, values) } else { (Some(parts.join(" AND ")), Some(names), values) }
}

impl DynamoProjections {
    async fn scan(&self, selection: &Selection) -> Result<(Vec<Item>, Option<Item>), Fault> {
        let (expression, names, values) = filter(&selection.equals);
        let scan = self
            .client
            .scan()
            .table_name(self.tables.of(selection.table))
            .set_filter_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .set_exclusive_start_key(selection.after.as_ref().map(start_key))
            .limit(i32::try_from(selection.limit).unwrap_or(i32::MAX));
        let output = scan.send().await.map_err(|error| fault(&error))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }

    async fn query(
        &self,
        selection: &Selection,
        partition: &str,
        started: Option<(&str, &str)>,
    ) -> Result<(Vec<Item>, Option<Item>), Fault> {
        let (expression, names, mut values) = filter(&selection.equals);
        values.insert(":pk".to_owned(), text(partition));
        let mut query = self
            .client
            .query()
            .table_name(self.tables.of(selection.table))
            .set_filter_expression(expression)
            .set_expression_attribute_names(names)
            .set_exclusive_start_key(selection.after.as_ref().map(start_key))
            .limit(i32::try_from(selection.limit).unwrap_or(i32::MAX));
        query = match started {
            None => query.key_condition_expression("pk = :pk"),
            Some((from, to)) => {
                values.insert(":from".to_owned(), text(from));
                values.insert(":to".to_owned(), text(to));
                query
                    .index_name("by_started")
                    .scan_index_forward(false)
                    .key_condition_expression("pk = :pk AND started BETWEEN :from AND :to")
            }
        };
        let output = query.set_expression_attribute_values(Some(values)).send().await.map_err(|error| fault(&error))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}

#[async_trait]
impl Rows for DynamoProjections {
    async fn select(&self, selection: &Selection) -> Result<Selected, Fault> {
        let (items, next) = match &selection.order {
            Order::Scan => self.scan(selection).await?,
            Order::ById { partition } => self.query(selection, partition, None).await?,
            // DynamoDB refuses a range that ends before it starts.
            Order::NewestFirst { from, to, .. } if from > to => (Vec::new(), None),
            Order::NewestFirst { partition, from, to } => self.query(selection, partition, Some((from, to))).await?,
        };
        let indexed = matches!(selection.order, Order::NewestFirst { .. });
        let read = |item: &Item| Ok((position_of(item, indexed)?, text_of(item, "row")?.to_owned()));
        let rows = items.iter().map(read).collect::<Result<_, Fault>>()?;
        Ok(Selected { rows, next: next.as_ref().map(|key| position_of(key, indexed)).transpose()? })
    }

    async fn owners(&self, table: Table, id: &str) -> Result<Vec<String>, Fault> {
        let query = self.client.query().table_name(self.tables.of(table)).index_name("by_id");
        let query = query.key_condition_expression("id = :id").expression_attribute_values(":id", text(id));
        let mut partitions = Vec::new();
        let mut pages = query.into_paginator().items().send();
        while let Some(item) = pages.next().await {
            partitions.push(text_of(&item.map_err(|error| fault(&error))?, "pk")?.to_owned());
        }
        Ok(partitions)
    }
}
