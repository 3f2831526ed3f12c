//! Translates queued bus events into starts of the saga.

#[cfg(test)]
mod tests;
mod workflow;

pub use workflow::StepFunctions;

use aws_lambda_events::{
    event::eventbridge::EventBridgeEvent,
    event::sqs::{SqsBatchResponse, SqsEvent},
};
use domain::{ErrorName, ReconciliationId, TenantId};
use lambda_runtime::LambdaEvent;
use runtime::{Consumer, MessageError};
use saga::control::StartSaga;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// What the relay says of a new version of an aggregate.
#[derive(Debug, Serialize, Deserialize)]
pub struct Detail {
    pub tenant_id: TenantId,
    pub aggregate_id: ReconciliationId,
}

/// # Errors
/// None: failures are reported per message.
pub async fn handle(
    start: &StartSaga,
    consumer: &Consumer,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    consumer.consume(event, async |event: EventBridgeEvent<Detail>, _: &_| one(start, event.detail).await).await
}

async fn one(start: &StartSaga, detail: Detail) -> Result<(), MessageError> {
    match start.run(&detail.tenant_id, &detail.aggregate_id).await {
        // Another attempt has begun: there is nothing left to do for this message.
        Err(error) if error.name == ErrorName::Superseded => Ok(()),
        other => Ok(other?),
    }
}
