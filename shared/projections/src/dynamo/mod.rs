//! Rows and checkpoints in DynamoDB.
//!
//! ```text
//! reconciliation_summary, saga_state   pk "T#<tenant>@<version>"        sk <aggregate id>            row (JSON)  started  id  + filter attributes
//!     index by_started  pk, started        index by_id  id
//! jobs                                 pk "T#<tenant>@<version>"        sk <job id>                  row (JSON)  state
//! tenant_usage_view                    pk "T#<tenant>@<version>#<day>"  sk <reconciliation id>       row (JSON)
//! error_hotspots_view                  pk "T#<tenant>@<version>"        sk <id>#<error type>#<step>  row (JSON)  job
//!     index by_job  job "T#<tenant>@<version>#<job id>", sk
//! projection_checkpoints               pk "<projection>@<version>#<s>"  v  as_of  epoch?  state?  and in trouble: error  position  attempts  parked
//! projections                          pk <projection>  live  building?  rebuild? (JSON)  rev
//! ```

mod items;
mod registry;
mod rows;

use crate::store::{
    Advance, Checkpoint, CheckpointKey, Fault, ProjectionStore, RowKey, Stand, Table, Trouble, Versions, Written,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{AttributeValue, Delete, KeysAndAttributes, Put, ReturnConsumedCapacity, TransactWriteItem},
};
pub(crate) use items::{Item, fault, number, number_of, text, text_of, write_units};
use items::{checkpoint_item, checkpoint_of, row_item, row_key, stands_at};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a reader may go on reading the version that was live before.
pub const VERSIONS_TTL: Duration = Duration::from_secs(5);
/// Most keys of one BatchGetItem.
const MAX_BATCH: usize = 100;
/// Rounds of a batch read whose rest was left over.
const MAX_ROUNDS: u32 = 6;

/// Names of the tables, as the template passes them. A function leaves out what it does not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    pub projection_checkpoints: String,
    pub projections: String,
    pub reconciliation_summary: String,
    pub saga_state: String,
    pub jobs: String,
    pub tenant_usage_view: String,
    pub error_hotspots_view: String,
}

impl Tables {
    fn of(&self, table: Table) -> &str {
        match table {
            Table::ReconciliationSummary => &self.reconciliation_summary,
            Table::SagaState => &self.saga_state,
            Table::Jobs => &self.jobs,
            Table::TenantUsage => &self.tenant_usage_view,
            Table::ErrorHotspots => &self.error_hotspots_view,
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

    /// One batch of items by key, consistently, in no order.
    async fn batch(&self, table: &str, keys: Vec<Item>) -> Result<Vec<Item>, Fault> {
        let mut found = Vec::new();
        let mut wanted = Some(keys);
        for round in 0..MAX_ROUNDS {
            let Some(keys) = wanted.take() else { break };
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(20 << round)).await;
            }
            let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            let request = request.build().map_err(|cause| Fault::Refused(cause.to_string()))?;
            let output = self.client.batch_get_item().request_items(table, request).send().await;
            let mut output = output.map_err(|error| fault(&error))?;
            found.extend(output.responses.as_mut().and_then(|tables| tables.remove(table)).unwrap_or_default());
            let mut rest = output.unprocessed_keys.unwrap_or_default();
            wanted = rest.remove(table).map(|rest| rest.keys).filter(|keys| !keys.is_empty());
        }
        if wanted.is_some() { Err(Fault::Busy("a batch read was never answered in full".into())) } else { Ok(found) }
    }

    fn writes(&self, advance: &Advance) -> Result<Vec<TransactWriteItem>, BuildError> {
        let mut item = checkpoint_item(&advance.checkpoint, advance.to, advance.state.as_ref());
        item.insert("as_of".to_owned(), number(advance.as_of.millis()));
        let (condition, values) = stands_at(advance.from);
        let checkpoint = Put::builder()
            .table_name(&self.tables.projection_checkpoints)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().put(checkpoint).build()];
        for put in &advance.puts {
            let row = Put::builder().table_name(self.tables.of(put.key.table)).set_item(Some(row_item(put))).build()?;
            writes.push(TransactWriteItem::builder().put(row).build());
        }
        for key in &advance.removes {
            let row = Delete::builder().table_name(self.tables.of(key.table)).set_key(Some(row_key(key))).build()?;
            writes.push(TransactWriteItem::builder().delete(row).build());
        }
        Ok(writes)
    }
}

/// A condition that failed, or another transaction on the same items: read again.
fn lost(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    codes.any(|code| code == "ConditionalCheckFailed" || code == "TransactionConflict")
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

#[async_trait]
impl ProjectionStore for DynamoProjections {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
        let get =
            self.client.get_item().table_name(&self.tables.projection_checkpoints).key("pk", text(key.partition()));
        let output = get.consistent_read(true).send().await.map_err(|error| fault(&error))?;
        output.item.as_ref().map_or_else(|| Ok(Checkpoint::default()), checkpoint_of)
    }

    async fn checkpoints(&self, keys: &[CheckpointKey]) -> Result<Vec<Checkpoint>, Fault> {
        let mut found: HashMap<String, Checkpoint> = HashMap::new();
        for some in keys.chunks(MAX_BATCH) {
            let keys = some.iter().map(|key| Item::from([("pk".to_owned(), text(key.partition()))])).collect();
            for item in self.batch(&self.tables.projection_checkpoints, keys).await? {
                found.insert(text_of(&item, "pk")?.to_owned(), checkpoint_of(&item)?);
            }
        }
        Ok(keys.iter().map(|key| found.get(&key.partition()).cloned().unwrap_or_default()).collect())
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault> {
        let get = self.client.get_item().table_name(self.tables.of(key.table)).set_key(Some(row_key(key)));
        let output = get.consistent_read(true).send().await.map_err(|error| fault(&error))?;
        output.item.as_ref().map(|item| text_of(item, "row").map(str::to_owned)).transpose()
    }

    async fn advance(&self, advance: &Advance) -> Result<Written, Fault> {
        let writes = self.writes(advance).map_err(|cause| Fault::Refused(cause.to_string()))?;
        let transaction = self.client.transact_write_items().set_transact_items(Some(writes));
        match transaction.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
            Ok(output) => Ok(Written::Done(write_units(output.consumed_capacity()))),
            Err(error) if error.as_service_error().is_some_and(lost) => Ok(Written::Lost),
            Err(error) => Err(cancelled(&error).unwrap_or_else(|| fault(&error))),
        }
    }

    async fn note(&self, key: &CheckpointKey, from: Stand, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        let (condition, mut values) = stands_at(from);
        let mut update = self
            .client
            .update_item()
            .table_name(&self.tables.projection_checkpoints)
            .key("pk", text(key.partition()))
            .condition_expression(condition)
            // A word that DynamoDB keeps for itself.
            .expression_attribute_names("#position", "position")
            .expression_attribute_names("#error", "error");
        update = match trouble {
            Some(trouble) => {
                values.insert(":error".to_owned(), text(&trouble.error));
                values.insert(":position".to_owned(), number(trouble.position));
                values.insert(":attempts".to_owned(), number(trouble.attempts));
                values.insert(":parked".to_owned(), AttributeValue::Bool(trouble.parked));
                update.update_expression(
                    "SET v = :from, #error = :error, #position = :position, attempts = :attempts, parked = :parked",
                )
            }
            None => update.update_expression("SET v = :from REMOVE #error, #position, attempts, parked"),
        };
        let update = update.set_expression_attribute_values(Some(values));
        match update.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
            Ok(output) => Ok(Written::Done(write_units(output.consumed_capacity.as_slice()))),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(Written::Lost)
            }
            Err(error) => Err(fault(&error)),
        }
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        if let Some(versions) = self.cached(projection) {
            return Ok(versions);
        }
        let (versions, _) = self.registered(projection).await?;
        Ok(versions)
    }
}
