//! Tokens of waiting tasks in DynamoDB, one per saga: `pk "T#<tenant>#saga#<id>"`, the token, and what it waits for.

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::delete_item::DeleteItemError,
    types::AttributeValue,
};
use domain::{Aggregate, ReconciliationId, TenantId, ports::PortError, saga::Saga};
use event_store::StreamKey;
use saga::{TaskTokens, Waiter};

#[derive(Debug, Clone)]
pub struct DynamoTaskTokens {
    client: Client,
    table: String,
}

impl DynamoTaskTokens {
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

fn key(tenant: &TenantId, id: &ReconciliationId) -> AttributeValue {
    AttributeValue::S(StreamKey::new(tenant, Saga::TYPE, id.as_str()).partition())
}

fn fault<E: ProvideErrorMetadata>(what: &str, error: &SdkError<E>) -> PortError {
    let code = error.code().unwrap_or("no answer");
    match code {
        "AccessDeniedException" | "ResourceNotFoundException" | "ValidationException" => {
            PortError::Refused(format!("{what}: {code}"))
        }
        _ => PortError::Transient(format!("{what}: {code}")),
    }
}

#[async_trait]
impl TaskTokens for DynamoTaskTokens {
    async fn put(&self, tenant: &TenantId, id: &ReconciliationId, waiter: &Waiter) -> Result<(), PortError> {
        let text = serde_json::to_string(waiter).map_err(|cause| PortError::Refused(cause.to_string()))?;
        let put = self.client.put_item().table_name(&self.table).item("pk", key(tenant, id));
        let put = put.item("token", AttributeValue::S(waiter.token.clone())).item("waiter", AttributeValue::S(text));
        put.send().await.map(|_| ()).map_err(|error| fault("a task token could not be stored", &error))
    }

    async fn get(&self, tenant: &TenantId, id: &ReconciliationId) -> Result<Option<Waiter>, PortError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", key(tenant, id)).consistent_read(true);
        let found = get.send().await.map_err(|error| fault("a task token could not be read", &error))?;
        let text = found.item.as_ref().and_then(|item| item.get("waiter")).and_then(|waiter| waiter.as_s().ok());
        text.map(|text| serde_json::from_str(text).map_err(|cause| PortError::Refused(format!("task token: {cause}"))))
            .transpose()
    }

    async fn remove(&self, tenant: &TenantId, id: &ReconciliationId, token: &str) -> Result<(), PortError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", key(tenant, id));
        let delete = delete
            .condition_expression("#token = :token")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":token", AttributeValue::S(token.to_owned()));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(fault("a task token could not be removed", &error)),
        }
    }
}
