//! Translates the state machine's call into the step.

#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use runtime::FunctionError;
use saga::{MatchRecords, StepInput, StepOutcome};

/// # Errors
/// The step's error under its registered name.
pub async fn handle(step: &MatchRecords, event: LambdaEvent<StepInput>) -> Result<StepOutcome, FunctionError> {
    Ok(step.run(&event.payload).await?)
}
