//! Translates messages of dead-letter queues into entries of the table.
//!
//! **Invariant:** whatever a message looks like, it is kept. A message is deleted only after its entry was written; while
//! the table does not answer, the queue keeps it, for 14 days.

mod read;
mod sources;
#[cfg(test)]
mod tests;

pub use read::letter;
pub use sources::{Source, Sources};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use domain::{Clock, METRIC};
use lambda_runtime::LambdaEvent;
use resilience::DeadLetters;
use std::convert::Infallible;

/// # Errors
/// None: messages that could not be written are given back one by one.
pub async fn handle(
    letters: &dyn DeadLetters,
    sources: &Sources,
    clock: &dyn Clock,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        let letter = letter(&message, sources, clock.now());
        match letters.write(&letter).await {
            Ok(()) => {
                tracing::warn!(
                    dead_letter_id = letter.id,
                    source = letter.source,
                    error = letter.error_type,
                    retry_count = letter.retry_count,
                    tenant_id = letter.tenant_id.as_ref().map(ToString::to_string),
                    correlation_id = letter.correlation_id,
                    "a dead letter was kept"
                );
                tracing::info!(target: METRIC, name = "DeadLetters", value = 1_u64, unit = "Count", kind = letter.source);
            }
            Err(error) => {
                tracing::error!(dead_letter_id = letter.id, %error, "a dead letter could not be written");
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
    }
    Ok(response)
}
