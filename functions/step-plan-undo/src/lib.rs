//! Translates the state machine's call into the plan, and the plan back.

#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use runtime::FunctionError;
use saga::{Ledger, Plan, PlanInput, StepInput};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Input {
    #[serde(flatten)]
    pub run: StepInput,
    #[serde(flatten)]
    pub how: PlanInput,
}

/// # Errors
/// The step's error under its registered name.
pub async fn handle(ledger: &Ledger, event: LambdaEvent<Input>) -> Result<Plan, FunctionError> {
    Ok(ledger.plan_undo(&event.payload.run, &event.payload.how).await?)
}
