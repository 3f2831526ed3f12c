//! A delayed message to the saga's queue: `saga-control` looks at the saga again when it arrives.

use async_trait::async_trait;
use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use domain::{Aggregate, ReconciliationId, TenantId, Timestamp, ports::PortError, saga::Saga};
use saga::Bell;
use serde_json::json;

/// The longest delay that SQS knows, in seconds. Whoever is woken earlier than it asked for asks again.
const MAX_DELAY_S: i64 = 900;

#[derive(Debug, Clone)]
pub struct QueueBell {
    client: Client,
    queue_url: String,
}

impl QueueBell {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, queue_url: String) -> Self {
        Self { client: Client::new(aws), queue_url }
    }
}

#[async_trait]
impl Bell for QueueBell {
    async fn ring_at(
        &self,
        tenant: &TenantId,
        id: &ReconciliationId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let left_ms = at.millis().saturating_sub(now.millis()).max(0);
        // Rounded up: a bell that rings too early has to be sent again.
        let delay_s = left_ms.saturating_add(999).div_euclid(1_000).min(MAX_DELAY_S);
        // As the bus would write it, so that the queue holds one kind of message.
        let body = json!({
            "version": "0", "id": format!("{tenant}/{id}/{at}"), "source": "settler", "account": "", "time": now.to_string(),
            "region": "", "resources": [], "detail-type": "WaitOver",
            "detail": { "tenant_id": tenant, "aggregate_type": Saga::TYPE, "aggregate_id": id },
        });
        let send = self.client.send_message().queue_url(&self.queue_url).message_body(body.to_string());
        let send = send.delay_seconds(i32::try_from(delay_s).unwrap_or(0));
        send.send()
            .await
            .map(|_| ())
            .map_err(|error| PortError::Transient(format!("a bell: {}", DisplayErrorContext(&error))))
    }
}
