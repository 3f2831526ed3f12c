//! Translates the state machine's call into the undo of one step.

#[cfg(test)]
mod tests;

use domain::saga::Step;
use lambda_runtime::LambdaEvent;
use runtime::FunctionError;
use saga::{Ledger, StepInput, StepOutcome, UndoSteps};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Input {
    #[serde(flatten)]
    pub run: StepInput,
    pub step: Step,
}

/// # Errors
/// The step's error under its registered name.
pub async fn handle(ledger: &Ledger, event: LambdaEvent<Input>) -> Result<StepOutcome, FunctionError> {
    ledger.undo(&event.payload.run, event.payload.step, &UndoSteps).await?;
    Ok(StepOutcome::Done)
}
