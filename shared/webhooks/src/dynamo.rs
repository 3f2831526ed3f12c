//! Deliveries in DynamoDB.
//!
//! ```text
//! webhook_deliveries   pk "T#<tenant>#W#<endpoint>"  sk "E"                 job
//!                                                    sk "D#<delivery id>"   row (JSON)  rev  created
//!     index by_created  pk, created
//! ```

use crate::{
    delivery::Delivery,
    store::{Deliveries, DeliveryKey, Page, Position, Stored},
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use domain::{EndpointId, JobId, TenantId, ports::PortError};
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

#[derive(Debug, Clone)]
pub struct DynamoDeliveries {
    client: Client,
    table: String,
}

impl DynamoDeliveries {
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn partition(tenant: &TenantId, endpoint: &EndpointId) -> AttributeValue {
    text(format!("T#{tenant}#W#{endpoint}"))
}

fn sort(delivery_id: uuid::Uuid) -> AttributeValue {
    text(format!("D#{delivery_id}"))
}

const ENDPOINT: &str = "E";

/// A request that is wrong stays wrong; the rest (throttling, conflicts, timeouts) may pass.
fn port_error<E: ProvideErrorMetadata>(error: &SdkError<E>) -> PortError {
    let code = error.code().unwrap_or("no answer");
    let message = format!("webhook_deliveries: {code}");
    match code {
        "ValidationException" | "AccessDeniedException" | "ResourceNotFoundException" => PortError::Refused(message),
        _ => PortError::Transient(message),
    }
}

fn damaged(what: &str) -> PortError {
    PortError::Refused(format!("webhook_deliveries: a row's {what} cannot be read"))
}

fn read(item: &Item) -> Result<Stored, PortError> {
    let row = item.get("row").and_then(|row| row.as_s().ok()).ok_or_else(|| damaged("content"))?;
    let delivery = serde_json::from_str(row).map_err(|_| damaged("content"))?;
    let revision = item.get("rev").and_then(|rev| rev.as_n().ok()).and_then(|rev| rev.parse().ok());
    Ok(Stored { delivery, revision: revision.ok_or_else(|| damaged("revision"))? })
}

fn write(delivery: &Delivery, revision: u64) -> Result<Item, PortError> {
    let row = serde_json::to_string(delivery).map_err(|error| PortError::Refused(format!("a delivery: {error}")))?;
    Ok(Item::from([
        ("pk".to_owned(), partition(&delivery.tenant_id, &delivery.endpoint_id)),
        ("sk".to_owned(), sort(delivery.delivery_id)),
        ("row".to_owned(), text(row)),
        ("rev".to_owned(), AttributeValue::N(revision.to_string())),
        ("created".to_owned(), text(created(delivery))),
    ]))
}

/// Newest first is the descending order of this; the id makes it total.
fn created(delivery: &Delivery) -> String {
    format!("{}#{}", delivery.created_at, delivery.delivery_id)
}

#[async_trait]
impl Deliveries for DynamoDeliveries {
    async fn register(&self, tenant: &TenantId, endpoint: &EndpointId, job: &JobId) -> Result<(), PortError> {
        let put = self.client.put_item().table_name(&self.table);
        let put =
            put.item("pk", partition(tenant, endpoint)).item("sk", text(ENDPOINT)).item("job", text(job.as_str()));
        put.send().await.map(|_| ()).map_err(|error| port_error(&error))
    }

    async fn job_of(&self, tenant: &TenantId, endpoint: &EndpointId) -> Result<Option<JobId>, PortError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", partition(tenant, endpoint)).key("sk", text(ENDPOINT));
        let Some(item) = get.send().await.map_err(|error| port_error(&error))?.item else { return Ok(None) };
        let job = item.get("job").and_then(|job| job.as_s().ok()).and_then(|job| JobId::parse(job.as_str()).ok());
        job.map(Some).ok_or_else(|| damaged("job"))
    }

    async fn create(&self, delivery: &Delivery) -> Result<bool, PortError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(write(delivery, 1)?));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(port_error(&error)),
        }
    }

    async fn get(&self, key: &DeliveryKey) -> Result<Option<Stored>, PortError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", partition(&key.tenant, &key.endpoint)).key("sk", sort(key.delivery_id));
        let item = get.send().await.map_err(|error| port_error(&error))?.item;
        item.as_ref().map(read).transpose()
    }

    async fn replace(&self, delivery: &Delivery, revision: u64) -> Result<bool, PortError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(write(delivery, revision + 1)?));
        let put = put.condition_expression("rev = :read");
        match put.expression_attribute_values(":read", AttributeValue::N(revision.to_string())).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(port_error(&error)),
        }
    }

    async fn list(
        &self,
        tenant: &TenantId,
        endpoint: &EndpointId,
        limit: u32,
        after: Option<Position>,
    ) -> Result<Page, PortError> {
        let query = self.client.query().table_name(&self.table).index_name("by_created").scan_index_forward(false);
        let query = query
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", partition(tenant, endpoint))
            // One more than the page shows whether another follows.
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
        let start = after.map(|after| {
            Item::from([
                ("pk".to_owned(), partition(tenant, endpoint)),
                ("sk".to_owned(), sort(after.delivery_id)),
                ("created".to_owned(), text(format!("{}#{}", after.created_at, after.delivery_id))),
            ])
        });
        let answer = query.set_exclusive_start_key(start).send().await.map_err(|error| port_error(&error))?;
        let found = answer.items().iter().map(|item| read(item).map(|stored| stored.delivery));
        let mut deliveries = found.collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = deliveries.len() > limit || answer.last_evaluated_key.is_some();
        deliveries.truncate(limit);
        let next = deliveries
            .last()
            .filter(|_| more)
            .map(|last| Position { created_at: last.created_at.to_string(), delivery_id: last.delivery_id });
        Ok(Page { deliveries, next })
    }
}
