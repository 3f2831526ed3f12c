//! Translates queued messages into tries of deliveries. A delivery that is to be tried again keeps its message, hidden
//! until then.

#[cfg(test)]
mod tests;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::ErrorName;
use lambda_runtime::LambdaEvent;
use runtime::{Consumer, MessageError};
use std::convert::Infallible;
use webhooks::{Deliverer, Message, Verdict, deliver::DeliverError};

/// A message can be hidden for twelve hours from its receipt; a longer wait takes several.
const MOST_HIDDEN_S: i64 = 39_600;

/// # Errors
/// None: failures are reported per message.
pub async fn handle(
    deliverer: &Deliverer,
    consumer: &Consumer,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    consumer.consume(event, async |message: Message, _: &_| one(deliverer, &message).await).await
}

async fn one(deliverer: &Deliverer, message: &Message) -> Result<(), MessageError> {
    let failed = |DeliverError { name, message }: DeliverError| MessageError::new(name, message);
    match deliverer.handle(message).await.map_err(failed)? {
        Verdict::Done => Ok(()),
        Verdict::Later { wait_ms } => {
            // Rounded up, so that it is due when it comes.
            let seconds = wait_ms.saturating_add(999).div_euclid(1_000).clamp(0, MOST_HIDDEN_S);
            let later = MessageError::new(ErrorName::Transient, "the delivery is to be tried later");
            Err(later.after(u32::try_from(seconds).unwrap_or(0)))
        }
    }
}
