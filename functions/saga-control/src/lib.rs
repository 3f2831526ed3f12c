//! Translates queued bus events into starts of the saga. A message that fails is given back alone; the rest is done.

#[cfg(test)]
mod tests;
mod workflow;

pub use workflow::StepFunctions;

use aws_lambda_events::{
    event::eventbridge::EventBridgeEvent,
    event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage},
};
use domain::{ErrorName, ReconciliationId, TenantId};
use lambda_runtime::{Error, LambdaEvent};
use saga::{StepError, control::StartSaga};
use serde::{Deserialize, Serialize};

/// What the relay says of a new version of an aggregate.
#[derive(Debug, Serialize, Deserialize)]
pub struct Detail {
    pub tenant_id: TenantId,
    pub aggregate_id: ReconciliationId,
}

/// # Errors
/// None: failures are reported per message.
pub async fn handle(start: &StartSaga, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        if let Err(error) = one(start, &message).await {
            tracing::error!(error = error.name.as_str(), message = %error, "a message was not handled");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    Ok(response)
}

async fn one(start: &StartSaga, message: &SqsMessage) -> Result<(), StepError> {
    let body = message.body.as_deref().unwrap_or_default();
    let event: EventBridgeEvent<Detail> = serde_json::from_str(body)
        .map_err(|cause| StepError::new(ErrorName::InvalidInput, format!("not a bus event: {cause}")))?;
    let detail = event.detail;
    match start.run(&detail.tenant_id, &detail.aggregate_id).await {
        // Another attempt has begun: there is nothing left to do for this message.
        Err(error) if error.name == ErrorName::Superseded => Ok(()),
        other => other,
    }
}
