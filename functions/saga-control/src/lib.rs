//! Translates queued bus events into control of the saga. Every event is a bell: what it says beside whose saga it is does
//! not matter, because the streams are read. Only the engine's own events say something that no stream does.

#[cfg(test)]
mod tests;

use aws_lambda_events::{
    event::eventbridge::EventBridgeEvent,
    event::sqs::{SqsBatchResponse, SqsEvent},
};
use domain::{ErrorName, ReconciliationId, TenantId};
use lambda_runtime::LambdaEvent;
use runtime::{Consumer, MessageError};
use saga::{
    StepError, StepInput,
    control::{Control, Ended},
};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// What the queue holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// What Step Functions says of an execution that has ended; its input is the text of a [`StepInput`].
    #[serde(rename_all = "camelCase")]
    Ended { execution_arn: String, status: String, input: String },
    /// What the relay says of a new version of an aggregate, and a bell of a wait.
    Moved { tenant_id: TenantId, aggregate_id: ReconciliationId },
}

/// # Errors
/// None: failures are reported per message.
pub async fn handle(
    control: &Control,
    consumer: &Consumer,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    consumer.consume(event, async |event: EventBridgeEvent<Detail>, _: &_| one(control, event.detail).await).await
}

async fn one(control: &Control, detail: Detail) -> Result<(), MessageError> {
    let done = match detail {
        Detail::Moved { tenant_id, aggregate_id } => control.ring(&tenant_id, &aggregate_id).await,
        Detail::Ended { execution_arn, status, input } => match serde_json::from_str::<StepInput>(&input) {
            Ok(run) => control.ended(&Ended { execution_arn, status, run }).await,
            Err(cause) => Err(StepError::new(ErrorName::InvalidInput, format!("input of {execution_arn}: {cause}"))),
        },
    };
    match done {
        // Another attempt has begun: there is nothing left to do for this message.
        Err(error) if error.name == ErrorName::Superseded => Ok(()),
        other => Ok(other?),
    }
}
