//! The outbox on AWS: a row in `webhook_deliveries` for people, a message on the webhook queue for the deliverer.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::PortError;
use saga::{Delivery, Outbox};

#[derive(Debug, Clone)]
pub struct QueueOutbox {
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    table: String,
    queue_url: String,
}

impl QueueOutbox {
    #[must_use]
    pub fn new(aws: &runtime::SdkConfig, table: String, queue_url: String) -> Self {
        Self { dynamodb: runtime::dynamodb(aws), sqs: aws_sdk_sqs::Client::new(aws), table, queue_url }
    }
}

#[async_trait]
impl Outbox for QueueOutbox {
    async fn enqueue(&self, delivery: &Delivery) -> Result<(), PortError> {
        let refused = |cause: String| PortError::Refused(format!("delivery {}: {cause}", delivery.delivery_id));
        let body = serde_json::to_string(delivery).map_err(|cause| refused(cause.to_string()))?;
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let row = self.dynamodb.put_item().table_name(&self.table);
        let row = row.item("pk", text(&format!("T#{}#W#{}", delivery.tenant_id, delivery.endpoint_id)));
        let row = row.item("sk", text(&format!("{}#{}", delivery.created_at, delivery.delivery_id)));
        let row = row
            .item("state", text("queued"))
            .item("event_type", text(&delivery.event_type))
            .item("delivery", text(&body));
        row.send().await.map_err(|error| {
            PortError::Transient(format!(
                "webhook_deliveries: {}",
                aws_sdk_dynamodb::error::DisplayErrorContext(&error)
            ))
        })?;
        let sent = self.sqs.send_message().queue_url(&self.queue_url).message_body(body).send().await;
        sent.map(|_| ()).map_err(|error| {
            PortError::Transient(format!("webhook queue: {}", aws_sdk_sqs::error::DisplayErrorContext(&error)))
        })
    }
}
