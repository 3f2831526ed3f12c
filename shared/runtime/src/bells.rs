//! Projections behind a queue: doorbells come over the bus, and a pair that is parked becomes a dead letter.

use crate::{
    SdkConfig,
    consumer::{Consumer, MessageError, send},
    observe::projection_lag,
};
use async_trait::async_trait;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::Client;
use domain::{Clock, ErrorName, ports::PortError};
use lambda_runtime::LambdaEvent;
use projections::{
    Engine, Fault, PullError,
    bus::{BusEvent, Moved},
    parking::{ParkedPair, ParkedPairs},
};
use resilience::{
    Postmark,
    dead_letter::{Cause, letter_id},
};
use std::{convert::Infallible, sync::Arc};

/// Pulls what the batch's doorbells are about. One that was a dead letter and is sent back unparks its pair.
///
/// # Errors
/// None: failures are reported per message.
pub async fn answer_bells(
    engine: &Engine,
    consumer: &Consumer,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    consumer
        .consume(event, async |event: BusEvent, delivery: &crate::Delivery| {
            if delivery.redriven {
                unpark(engine, &event.detail).await
            } else {
                engine.ring(&event.detail.stream(), event.detail.version).await.map_err(|error| failed(&error))?;
                projection_lag(delivery.first_seen);
                Ok(())
            }
        })
        .await
}

async fn unpark(engine: &Engine, moved: &Moved) -> Result<(), MessageError> {
    let stream = moved.stream();
    for projection in engine.projections().iter().filter(|projection| projection.aggregate == stream.aggregate_type) {
        engine.unpark_live(projection, &stream).await.map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Both kinds come back: what is busy passes, and an event that cannot be applied is counted until its pair is parked.
fn failed(error: &PullError) -> MessageError {
    MessageError::new(ErrorName::Transient, error.to_string())
}

/// Sends parked pairs to a dead-letter queue, with their reason.
#[derive(Clone)]
pub struct ParkedLetters {
    client: Client,
    queue_url: String,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for ParkedLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParkedLetters").field("queue_url", &self.queue_url).finish_non_exhaustive()
    }
}

impl ParkedLetters {
    #[must_use]
    pub fn new(aws: &SdkConfig, queue_url: String, clock: Arc<dyn Clock>) -> Self {
        Self { client: Client::new(aws), queue_url, clock }
    }
}

#[async_trait]
impl ParkedPairs for ParkedLetters {
    async fn parked(&self, pair: &ParkedPair) -> Result<(), Fault> {
        let ParkedPair { pair, trouble } = pair;
        let body = serde_json::to_string(&BusEvent::parked(&pair.stream, trouble.position));
        let body = body.map_err(|cause| Fault::Corrupt(cause.to_string()))?;
        let postmark = Postmark {
            dead_letter_id: letter_id(&pair.projection, &pair.partition()),
            attempts: trouble.attempts,
            first_seen: self.clock.now(),
        };
        let mut attributes = postmark.attributes();
        let cause =
            Cause { error_type: ErrorName::CorruptStream.as_str().to_owned(), error_message: trouble.error.clone() };
        cause.add_to(&mut attributes);
        send(&self.client, &self.queue_url, &body, &attributes).await.map_err(|error| match error {
            PortError::Refused(detail) => Fault::Refused(detail),
            other => Fault::Busy(other.to_string()),
        })
    }
}
