//! One message is one slice of a rebuild. What is left is asked for by another message, so that no call comes near the
//! limits of a function; where the rebuild stands is in its registration, not in the message.

use async_trait::async_trait;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use domain::ErrorName;
use event_store::StreamKey;
use lambda_runtime::LambdaEvent;
use projections::{
    Engine, Fault, PullError, Registered, named,
    rebuild::{Rebuilder, Work},
};
use runtime::{Consumer, MessageError, SdkConfig};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// Work per message; the function's timeout leaves room for the last step and for saying what is left.
const SLICE: Duration = Duration::from_secs(40);

/// Asks for another slice.
#[async_trait]
pub trait Again: Send + Sync {
    async fn again(&self, work: &Work) -> Result<(), MessageError>;
}

pub struct SqsAgain {
    client: Client,
    queue_url: String,
}

impl SqsAgain {
    pub fn new(aws: &SdkConfig, queue_url: String) -> Self {
        Self { client: Client::new(aws), queue_url }
    }
}

#[async_trait]
impl Again for SqsAgain {
    async fn again(&self, work: &Work) -> Result<(), MessageError> {
        let transient = |cause: String| MessageError::new(ErrorName::Transient, cause);
        let body = serde_json::to_string(work).map_err(|cause| transient(cause.to_string()))?;
        let sent = self.client.send_message().queue_url(&self.queue_url).message_body(body).send().await;
        sent.map(|_| ()).map_err(|error| transient(DisplayErrorContext(&error).to_string()))
    }
}

pub struct Handler {
    pub engine: Arc<Engine>,
    pub rebuilder: Rebuilder,
    pub again: Arc<dyn Again>,
}

fn known(name: &str) -> Result<Registered, MessageError> {
    named(name).ok_or_else(|| MessageError::new(ErrorName::InvalidInput, format!("there is no projection `{name}`")))
}

fn failed(fault: &Fault) -> MessageError {
    let name = match fault {
        Fault::Busy(_) => ErrorName::Transient,
        Fault::Refused(_) => ErrorName::Internal,
        Fault::Corrupt(_) => ErrorName::CorruptStream,
    };
    MessageError::new(name, fault.to_string())
}

impl Handler {
    /// # Errors
    /// None: failures are reported per message.
    pub async fn handle(
        &self,
        consumer: &Consumer,
        event: LambdaEvent<SqsEvent>,
    ) -> Result<SqsBatchResponse, Infallible> {
        consumer.consume(event, async |work: Work, _: &_| self.work(work).await).await
    }

    async fn work(&self, work: Work) -> Result<(), MessageError> {
        match &work {
            Work::Rebuild { projection } => {
                let ended = self.rebuilder.run(&known(projection)?, SLICE).await.map_err(|fault| failed(&fault))?;
                if ended { Ok(()) } else { self.again.again(&work).await }
            }
            Work::Unpark { projection, tenant_id, aggregate_id } => {
                let projection = known(projection)?;
                let stream = StreamKey::new(tenant_id, projection.aggregate, aggregate_id);
                match self.engine.unpark_live(&projection, &stream).await {
                    Ok(pulled) => {
                        tracing::info!(projection = projection.name, stream = %stream.partition(), ?pulled, "unparked");
                        Ok(())
                    }
                    // Still there: counted again, and parked again by the next doorbells.
                    Err(error @ PullError::Trouble { .. }) => {
                        tracing::warn!(%error, "unparked, and stopped again");
                        Ok(())
                    }
                    Err(error) => Err(MessageError::new(ErrorName::Transient, error.to_string())),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
