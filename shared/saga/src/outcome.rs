//! What a step answers to the state machine when it does not page.

use crate::{error::StepError, input::StepInput, ledger::Ledger};
use domain::{
    ErrorName,
    saga::{Step, WaitReason},
};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepOutcome {
    Done,
    /// The run is on hold: wait, then call the step again.
    Wait {
        step: Step,
        reason: WaitReason,
    },
}

/// Turns `on hold` into a wait, which is no error: writes down that the step waits for a person.
///
/// # Errors
/// Every other error of the step.
pub(crate) async fn held<T>(
    ledger: &Ledger,
    input: &StepInput,
    step: Step,
    result: Result<T, StepError>,
) -> Result<Result<T, StepOutcome>, StepError> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(error) if error.name == ErrorName::OnHold => {
            ledger.waits(input, step, WaitReason::Paused, None).await?;
            Ok(Err(StepOutcome::Wait { step, reason: WaitReason::Paused }))
        }
        Err(error) => Err(error),
    }
}

/// [`held`] for a step that has nothing to say.
pub(crate) async fn outcome(
    ledger: &Ledger,
    input: &StepInput,
    step: Step,
    result: Result<(), StepError>,
) -> Result<StepOutcome, StepError> {
    Ok(match held(ledger, input, step, result).await? {
        Ok(()) => StepOutcome::Done,
        Err(wait) => wait,
    })
}
