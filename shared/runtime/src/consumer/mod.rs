//! The frame around every consumer of a queue: one message at a time, each with its own fate.
//!
//! - Handled: deleted with the batch.
//! - Failed for good, or at its last receipt: sent to the dead-letter queue by ourselves, with its reason, and deleted.
//!   A redrive policy would move it without saying why.
//! - May pass: given back, invisible for its backoff.
//! - Panicked, or killed the process: given back without a word; the redrive policy moves it in the end.
//!
//! **Invariants:** a message is never deleted before it was handled or lies in the dead-letter queue; a message that
//! crashes its consumer takes no other message with it.

mod backoff;
mod delivery;
mod error;
mod sqs;
#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use delivery::Delivery;
pub use error::MessageError;
pub use sqs::{SqsQueue, send};

use crate::{MissingSettings, SdkConfig, Settings, meter::consumed, observe::Context};
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{Clock, ErrorName, Family, consumption::Resource};
use futures::FutureExt;
use lambda_runtime::LambdaEvent;
use resilience::WorkQueue;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tracing::Instrument;

/// `maxReceiveCount` of the template's queues, unless a function's `MAX_RECEIVE_COUNT` says otherwise.
pub const MAX_RECEIVES: u32 = 5;
/// Sent, received, deleted: at most, because batches share the last two.
const REQUESTS_PER_MESSAGE: u64 = 3;
/// Kept free before the function's deadline, for what is to be said about the messages.
const MARGIN_MS: i64 = 2_000;

pub struct Consumer {
    queue: Arc<dyn WorkQueue>,
    clock: Arc<dyn Clock>,
    /// Receipts after which the queue's redrive policy takes a message away.
    pub max_receives: u32,
    pub backoff: Backoff,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("max_receives", &self.max_receives).field("backoff", &self.backoff).finish()
    }
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Handled, or buried.
    Gone,
    GivenBack,
}

impl Consumer {
    #[must_use]
    pub fn new(queue: Arc<dyn WorkQueue>, clock: Arc<dyn Clock>) -> Self {
        Self { queue, clock, max_receives: MAX_RECEIVES, backoff: Backoff::default() }
    }

    /// The consumer of `QUEUE_URL`, whose dead letters go to `DEAD_LETTER_QUEUE_URL`.
    ///
    /// # Errors
    /// Every missing setting at once; one with a `MAX_RECEIVE_COUNT` that is no count names that.
    pub fn of_settings(aws: &SdkConfig, settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, MissingSettings> {
        let [queue_url, dead_letter_queue_url] = settings.require(["QUEUE_URL", "DEAD_LETTER_QUEUE_URL"])?;
        let queue = SqsQueue::new(aws, queue_url, dead_letter_queue_url);
        let max_receives = match settings.optional("MAX_RECEIVE_COUNT") {
            None => MAX_RECEIVES,
            Some(text) => text
                .parse()
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(|| MissingSettings(vec!["MAX_RECEIVE_COUNT (a count)".to_owned()]))?,
        };
        Ok(Self { max_receives, ..Self::new(Arc::new(queue), clock) })
    }

    /// Hands every message of a batch to `handle`, one after the other, and decides about those that fail.
    ///
    /// # Errors
    /// None: failures are reported per message.
    pub async fn consume<M, H>(&self, event: LambdaEvent<SqsEvent>, handle: H) -> Result<SqsBatchResponse, Infallible>
    where
        M: DeserializeOwned,
        H: AsyncFn(M, &Delivery) -> Result<(), MessageError>,
    {
        let deadline_ms = i64::try_from(event.context.deadline).ok().filter(|deadline| *deadline > 0);
        let mut messages = event.payload.records;
        // One that was here before may be the one that kills the process: it comes last, and what was handled before
        // it is taken out at once, so that it does not come again and again with it until all are dead letters.
        messages.sort_by_key(delivery::receives);
        let one_at_a_time = messages.len() > 1 && messages.iter().any(|message| delivery::receives(message) > 1);
        let mut response = SqsBatchResponse::default();
        for message in &messages {
            let body = serde_json::from_str::<Value>(message.body.as_deref().unwrap_or_default());
            let span = body.as_ref().map_or_else(|_| Context::default(), Context::of).span();
            let fate = self.one(message, body, &handle, deadline_ms).instrument(span).await;
            match fate {
                Fate::GivenBack => {
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = message.message_id.clone().unwrap_or_default();
                    response.batch_item_failures.push(failure);
                }
                Fate::Gone if one_at_a_time => self.take_out(message).await,
                Fate::Gone => {}
            }
        }
        Ok(response)
    }

    async fn one<M, H>(
        &self,
        message: &SqsMessage,
        body: serde_json::Result<Value>,
        handle: &H,
        deadline_ms: Option<i64>,
    ) -> Fate
    where
        M: DeserializeOwned,
        H: AsyncFn(M, &Delivery) -> Result<(), MessageError>,
    {
        consumed(Resource::SqsRequests, REQUESTS_PER_MESSAGE);
        let now = self.clock.now();
        let delivery = Delivery::of(message, now);
        let read = body.and_then(serde_json::from_value).map_err(|cause| MessageError::unreadable(&cause));
        let result = match (read, deadline_ms.map(|deadline| deadline - MARGIN_MS - now.millis())) {
            (Err(error), _) => Err(error),
            (Ok(_), Some(..=0)) => {
                Err(MessageError::new(ErrorName::Transient, "no time was left in this call").after(0))
            }
            (Ok(read), left_ms) => {
                let work = AssertUnwindSafe(handle(read, &delivery)).catch_unwind();
                let ended = match left_ms {
                    None => Ok(work.await),
                    Some(left_ms) => {
                        tokio::time::timeout(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)), work).await
                    }
                };
                match ended {
                    Ok(Ok(result)) => result,
                    Ok(Err(_)) => {
                        tracing::error!(
                            message_id = delivery.message_id,
                            receives = delivery.receives,
                            "a message made its handler panic"
                        );
                        return Fate::GivenBack;
                    }
                    Err(_) => Err(MessageError::new(ErrorName::StepTimedOut, "the message was not handled in time")),
                }
            }
        };
        match result {
            Ok(()) => {
                tracing::info!(message_id = delivery.message_id, receives = delivery.receives, "a message was handled");
                Fate::Gone
            }
            Err(error) => self.settle(message, &delivery, &error).await,
        }
    }

    async fn settle(&self, message: &SqsMessage, delivery: &Delivery, error: &MessageError) -> Fate {
        let last = delivery.receives >= self.max_receives;
        let may_pass = error.name.family() == Family::Transient && !last;
        tracing::warn!(
            message_id = delivery.message_id,
            dead_letter_id = delivery.dead_letter_id,
            receives = delivery.receives,
            error = error.name.as_str(),
            error_message = error.message,
            given_up = !may_pass,
            "a message was not handled"
        );
        if may_pass {
            let seconds = error.retry_after_s.unwrap_or_else(|| self.backoff.after(delivery.receives));
            let receipt = message.receipt_handle.as_deref().unwrap_or_default();
            if let Err(cause) = self.queue.delay(receipt, seconds).await {
                // It comes back when the queue's own visibility timeout ends.
                tracing::warn!(message_id = delivery.message_id, %cause, "a message could not be delayed");
            }
            return Fate::GivenBack;
        }
        let body = message.body.as_deref().unwrap_or_default();
        match self.queue.bury(body, &delivery.attributes(error)).await {
            Ok(()) => Fate::Gone,
            Err(cause) => {
                tracing::error!(message_id = delivery.message_id, %cause, "a dead letter could not be sent");
                Fate::GivenBack
            }
        }
    }

    async fn take_out(&self, message: &SqsMessage) {
        let receipt = message.receipt_handle.as_deref().unwrap_or_default();
        if let Err(cause) = self.queue.delete(receipt).await {
            // It is deleted with the batch, unless the process dies before.
            tracing::warn!(message_id = message.message_id, %cause, "a handled message could not be deleted early");
        }
    }
}
