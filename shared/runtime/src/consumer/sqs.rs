//! A queue and its dead-letter queue on SQS.

use crate::{SdkConfig, blobs::port_error};
use async_trait::async_trait;
use aws_sdk_sqs::{Client, error::BuildError, types::MessageAttributeValue};
use domain::ports::PortError;
use resilience::{Attributes, WorkQueue, queue::MAX_DELAY_S};

#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    queue_url: String,
    dead_letter_queue_url: String,
}

impl SqsQueue {
    #[must_use]
    pub fn new(aws: &SdkConfig, queue_url: String, dead_letter_queue_url: String) -> Self {
        Self { client: Client::new(aws), queue_url, dead_letter_queue_url }
    }
}

/// Sends a message with its attributes.
///
/// # Errors
/// [`PortError`]
pub async fn send(client: &Client, queue_url: &str, body: &str, attributes: &Attributes) -> Result<(), PortError> {
    let refused = |cause: BuildError| PortError::Refused(format!("{queue_url}: {cause}"));
    let mut request = client.send_message().queue_url(queue_url).message_body(body);
    for (name, value) in attributes {
        let value =
            MessageAttributeValue::builder().data_type("String").string_value(value).build().map_err(refused)?;
        request = request.message_attributes(name, value);
    }
    request.send().await.map(|_| ()).map_err(|error| port_error(queue_url, &error))
}

#[async_trait]
impl WorkQueue for SqsQueue {
    async fn bury(&self, body: &str, attributes: &Attributes) -> Result<(), PortError> {
        send(&self.client, &self.dead_letter_queue_url, body, attributes).await
    }

    async fn delay(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let seconds = i32::try_from(seconds.min(MAX_DELAY_S)).unwrap_or(i32::MAX);
        let request = self.client.change_message_visibility().queue_url(&self.queue_url);
        let sent = request.receipt_handle(receipt_handle).visibility_timeout(seconds).send().await;
        sent.map(|_| ()).map_err(|error| port_error(&self.queue_url, &error))
    }

    async fn delete(&self, receipt_handle: &str) -> Result<(), PortError> {
        let request = self.client.delete_message().queue_url(&self.queue_url);
        let sent = request.receipt_handle(receipt_handle).send().await;
        sent.map(|_| ()).map_err(|error| port_error(&self.queue_url, &error))
    }
}
