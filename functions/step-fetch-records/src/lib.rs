//! Translates the state machine's call into the step, and its result back.

#[cfg(test)]
mod tests;

use domain::saga::Step;
use lambda_runtime::LambdaEvent;
use runtime::FunctionError;
use saga::{FetchOutcome, FetchRecords, StepInput};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Input {
    #[serde(flatten)]
    pub run: StepInput,
    pub step: Step,
    #[serde(default)]
    pub cursor: serde_json::Value,
}

/// # Errors
/// The step's error under its registered name.
pub async fn handle(step: &FetchRecords, event: LambdaEvent<Input>) -> Result<FetchOutcome, FunctionError> {
    let Input { run, step: which, cursor } = event.payload;
    let invalid = |cause| runtime::function_error(domain::ErrorName::InvalidInput, format!("cursor: {cause}"));
    let cursor = serde_json::from_value(cursor).map_err(invalid)?;
    let outcome = step.run(&run, which, cursor).await;
    step.accounts.finish().await;
    Ok(outcome?)
}
