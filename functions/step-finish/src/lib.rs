//! Translates the state machine's call into the step, and its result back.

#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use runtime::FunctionError;
use saga::{FinishInput, FinishOutcome, FinishRun, StepInput};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Input {
    #[serde(flatten)]
    pub run: StepInput,
    #[serde(flatten)]
    pub how: FinishInput,
}

/// # Errors
/// The step's error under its registered name.
pub async fn handle(step: &FinishRun, event: LambdaEvent<Input>) -> Result<FinishOutcome, FunctionError> {
    Ok(step.run(&event.payload.run, &event.payload.how).await?)
}
