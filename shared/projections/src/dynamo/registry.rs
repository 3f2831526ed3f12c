//! The table of projections, and the removal of versions that nobody reads any more.

use super::{
    DynamoProjections, Item,
    items::{fault, number, number_of, text, text_of},
};
use crate::{
    rebuild::{RebuildStore, Registration, Removed},
    store::{Fault, Table, Versions, parse_row_partition},
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{DeleteRequest, WriteRequest},
};
use std::{sync::PoisonError, time::Duration, time::Instant};

/// Items of one bounded removal.
const PER_SCAN: i32 = 200;
/// Most requests of one BatchWriteItem.
const MAX_WRITES: usize = 25;
/// Rounds of a batch whose rest was left over.
const MAX_ROUNDS: u32 = 6;

impl DynamoProjections {
    pub(super) async fn registered(&self, projection: &str) -> Result<(Versions, Registration), Fault> {
        let get = self.client.get_item().table_name(&self.tables.projections).key("pk", text(projection));
        let output = get.consistent_read(true).send().await.map_err(|error| fault(&error))?;
        let item = output.item.unwrap_or_default();
        let versions =
            Versions { live: number_of(&item, "live")?.unwrap_or(1), building: number_of(&item, "building")? };
        let rebuild = if item.contains_key("rebuild") {
            let text = text_of(&item, "rebuild")?;
            Some(
                serde_json::from_str(text)
                    .map_err(|cause| Fault::Corrupt(format!("rebuild of {projection}: {cause}")))?,
            )
        } else {
            None
        };
        let registration = Registration {
            versions,
            format: number_of(&item, "format")?.unwrap_or(Registration::default().format),
            rebuild,
            revision: number_of(&item, "rev")?.unwrap_or(0),
        };
        let mut cache = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(projection.to_owned(), (Instant::now(), versions));
        Ok((versions, registration))
    }

    /// One bounded scan for keys, all of the item's primary key.
    async fn scan_keys(
        &self,
        table: &str,
        keys: &[&str],
        after: Option<String>,
    ) -> Result<(Vec<Item>, Option<String>), Fault> {
        let start = after.map(|after| start_of(keys, &after)).transpose()?;
        let names = keys.iter().enumerate().map(|(index, key)| (format!("#k{index}"), (*key).to_owned()));
        let projection = (0..keys.len()).map(|index| format!("#k{index}")).collect::<Vec<_>>().join(", ");
        let scan = self
            .client
            .scan()
            .table_name(table)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(names.collect()))
            .set_exclusive_start_key(start)
            .limit(PER_SCAN);
        let output = scan.send().await.map_err(|error| fault(&error))?;
        let next = output.last_evaluated_key.as_ref().map(|last| place_of(keys, last)).transpose()?;
        Ok((output.items.unwrap_or_default(), next))
    }

    async fn delete(&self, table: &str, keys: Vec<Item>) -> Result<(), Fault> {
        for some in keys.chunks(MAX_WRITES) {
            let request = |key: &Item| {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build();
                delete.map(|delete| WriteRequest::builder().delete_request(delete).build())
            };
            let writes: Result<Vec<_>, _> = some.iter().map(request).collect();
            let mut left = Some(writes.map_err(|cause| Fault::Refused(cause.to_string()))?);
            for round in 0..MAX_ROUNDS {
                let Some(writes) = left.take() else { break };
                if round > 0 {
                    tokio::time::sleep(Duration::from_millis(20 << round)).await;
                }
                let output = self.client.batch_write_item().request_items(table, writes).send().await;
                let mut rest = output.map_err(|error| fault(&error))?.unprocessed_items.unwrap_or_default();
                left = rest.remove(table).filter(|writes| !writes.is_empty());
            }
            if left.is_some() {
                return Err(Fault::Busy("a batch of removals was never taken in full".into()));
            }
        }
        Ok(())
    }

    async fn remove(
        &self,
        table: &str,
        keys: &[&str],
        after: Option<String>,
        is_old: impl Fn(&str) -> bool + Send,
    ) -> Result<Removed, Fault> {
        let (items, next) = self.scan_keys(table, keys, after).await?;
        let old: Vec<Item> = items.into_iter().filter(|item| text_of(item, "pk").is_ok_and(&is_old)).collect();
        let count = u64::try_from(old.len()).unwrap_or(u64::MAX);
        self.delete(table, old).await?;
        Ok(Removed { count, next })
    }
}

/// The place of a scan as text: its key's parts as a JSON array.
fn place_of(keys: &[&str], item: &Item) -> Result<String, Fault> {
    let parts = keys.iter().map(|key| text_of(item, key)).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_string(&parts).map_err(|cause| Fault::Corrupt(cause.to_string()))
}

fn start_of(keys: &[&str], place: &str) -> Result<Item, Fault> {
    let parts: Vec<String> = serde_json::from_str(place).map_err(|cause| Fault::Corrupt(cause.to_string()))?;
    Ok(keys.iter().zip(parts).map(|(key, part)| ((*key).to_owned(), text(part))).collect())
}

#[async_trait]
impl RebuildStore for DynamoProjections {
    async fn registration(&self, projection: &str) -> Result<Registration, Fault> {
        Ok(self.registered(projection).await?.1)
    }

    async fn register(&self, projection: &str, registration: &Registration) -> Result<bool, Fault> {
        let mut item = Item::from([
            ("pk".to_owned(), text(projection)),
            ("live".to_owned(), number(registration.versions.live)),
            ("format".to_owned(), number(registration.format)),
            ("rev".to_owned(), number(registration.revision + 1)),
        ]);
        item.extend(registration.versions.building.map(|building| ("building".to_owned(), number(building))));
        if let Some(rebuild) = &registration.rebuild {
            let rebuild = serde_json::to_string(rebuild).map_err(|cause| Fault::Corrupt(cause.to_string()))?;
            item.insert("rebuild".to_owned(), text(rebuild));
        }
        let mut put = self.client.put_item().table_name(&self.tables.projections).set_item(Some(item));
        put = if registration.revision == 0 {
            put.condition_expression("attribute_not_exists(rev)")
        } else {
            put.condition_expression("rev = :rev").expression_attribute_values(":rev", number(registration.revision))
        };
        match put.send().await {
            Ok(_) => {
                let mut cache = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
                cache.insert(projection.to_owned(), (Instant::now(), registration.versions));
                Ok(true)
            }
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(fault(&error)),
        }
    }

    async fn remove_rows(&self, table: Table, live: u32, after: Option<String>) -> Result<Removed, Fault> {
        let is_old = |pk: &str| parse_row_partition(pk).is_some_and(|(_, version)| version < live);
        self.remove(self.tables.of(table), &["pk", "sk"], after, is_old).await
    }

    async fn remove_checkpoints(&self, projection: &str, live: u32, after: Option<String>) -> Result<Removed, Fault> {
        let is_old = |pk: &str| version_of_checkpoint(projection, pk).is_some_and(|version| version < live);
        self.remove(&self.tables.projection_checkpoints, &["pk"], after, is_old).await
    }
}

/// The version in `<projection>@<version>#…`.
fn version_of_checkpoint(projection: &str, pk: &str) -> Option<u32> {
    let (version, _) = pk.strip_prefix(projection)?.strip_prefix('@')?.split_once('#')?;
    version.parse().ok()
}
