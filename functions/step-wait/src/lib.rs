//! Translates the state machine's call into the wait. The answer that counts goes to the task's token.

#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use runtime::FunctionError;
use saga::{WaitForWord, WaitInput};
use serde_json::{Value, json};

/// # Errors
/// When the token could not be answered.
pub async fn handle(step: &WaitForWord, event: LambdaEvent<WaitInput>) -> Result<Value, FunctionError> {
    step.run(&event.payload).await?;
    Ok(json!({}))
}
