//! Translates the state machine's call into the step.

#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use runtime::FunctionError;
use saga::{NotifyWebhooks, StepInput};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Output {
    pub status: &'static str,
}

/// # Errors
/// The step's error under its registered name.
pub async fn handle(step: &NotifyWebhooks, event: LambdaEvent<StepInput>) -> Result<Output, FunctionError> {
    step.run(&event.payload).await?;
    Ok(Output { status: "done" })
}
