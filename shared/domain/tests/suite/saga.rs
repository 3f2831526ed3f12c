use crate::deciding::deciding_again_yields_nothing;
use domain::{
    ErrorName, Failure, Timestamp,
    saga::{self, Saga, Step, WaitReason},
};
use proptest::prelude::*;
use serde_json::json;

#[derive(Debug, Clone)]
enum Command {
    Start,
    StartAttempt(Step),
    ReplaceExecution,
    StepStarted(Step),
    StepProgressed(Step, u64),
    StepWaiting(Step),
    StepSucceeded(Step),
    StepFailed(Step),
    PlanUndo(Step),
    UndoStarted(Step),
    UndoFinished(Step),
    UndoFailed(Step),
    Complete,
    Compensate,
    Kill,
}

const AT: Timestamp = Timestamp::from_millis(1_772_366_400_000);

fn failure(step: Step) -> Failure {
    let name = ErrorName::ProviderUnavailable;
    Failure { name, message: "503".into(), step: step.as_str().into(), retryable: true }
}

#[test]
fn deciding_again_yields_no_events() {
    let step = || prop::sample::select(&Step::ALL[..]);
    let command = prop_oneof![
        2 => prop::sample::select(vec![
            Command::Start,
            Command::ReplaceExecution,
            Command::Complete,
            Command::Compensate,
            Command::Kill,
        ]),
        1 => step().prop_map(Command::StartAttempt),
        3 => step().prop_map(Command::StepStarted),
        1 => (step(), 1_u64..3).prop_map(|(step, pages)| Command::StepProgressed(step, pages)),
        1 => step().prop_map(Command::StepWaiting),
        2 => step().prop_map(Command::StepSucceeded),
        1 => step().prop_map(Command::StepFailed),
        1 => step().prop_map(Command::PlanUndo),
        1 => step().prop_map(Command::UndoStarted),
        1 => step().prop_map(Command::UndoFinished),
        1 => step().prop_map(Command::UndoFailed),
    ];
    let commands = (1_u32..3, command);
    deciding_again_yields_nothing::<Saga, _, _>(commands.boxed(), |state, (attempt, command)| {
        let attempt = *attempt;
        match command {
            Command::Start => saga::start(state, attempt, "arn"),
            Command::StartAttempt(step) => saga::start_attempt(state, attempt, "arn-2", (*step, &[]), AT),
            Command::ReplaceExecution => saga::replace_execution(state, attempt, ("arn", "arn-3"), "FAILED", AT),
            Command::StepStarted(step) => saga::step_started(state, attempt, *step, AT),
            Command::StepProgressed(step, pages) => {
                saga::step_progressed(state, attempt, *step, (*pages, pages * 250), AT)
            }
            Command::StepWaiting(step) => {
                saga::step_waiting(state, attempt, *step, (WaitReason::Throttled, Some(AT)), 60, AT)
            }
            Command::StepSucceeded(step) => saga::step_succeeded(state, attempt, *step, json!("ref"), AT),
            Command::StepFailed(step) => saga::step_failed(state, attempt, *step, &failure(*step), AT),
            Command::PlanUndo(step) => saga::plan_undo(state, attempt, Some(&failure(*step)), AT),
            Command::UndoStarted(step) => saga::undo_started(state, attempt, *step, AT),
            Command::UndoFinished(step) => saga::undo_finished(state, attempt, *step, AT),
            Command::UndoFailed(step) => saga::undo_failed(state, attempt, *step, &failure(*step), AT),
            Command::Complete => saga::complete(state, attempt, AT),
            Command::Compensate => saga::compensate(state, attempt, AT),
            Command::Kill => saga::kill(state, attempt, None, AT),
        }
    });
}
