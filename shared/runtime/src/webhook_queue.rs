//! The deliverer's queue on SQS.

use crate::blobs::port_error;
use async_trait::async_trait;
use domain::ports::PortError;
use webhooks::{Message, Queue};

#[derive(Debug, Clone)]
pub struct WebhookQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl WebhookQueue {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, url: String) -> Self {
        Self { client: aws_sdk_sqs::Client::new(aws), url }
    }
}

#[async_trait]
impl Queue for WebhookQueue {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let body = serde_json::to_string(message).map_err(|error| PortError::Refused(error.to_string()))?;
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(|_| ()).map_err(|error| port_error("webhook queue", &error))
    }
}
