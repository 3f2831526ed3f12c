//! What a ledger says. Events in the past tense; nothing is ever taken back, only undone by another event.

use super::step::{SagaStep, Step};
use crate::{aggregate::Event, failure::Failure, ids::AttemptNumber, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// A provider asked for patience.
    Throttled,
    /// The circuit breaker of a provider is open.
    CircuitOpen,
    /// A provider did not answer for longer than the retries of one call last.
    Unavailable,
    /// Somebody paused the run, or a step failed whose policy is to pause.
    Paused,
    /// Undoing kept failing: an operator has to decide.
    Stuck,
}

impl WaitReason {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::CircuitOpen => "circuit_open",
            Self::Unavailable => "unavailable",
            Self::Paused => "paused",
            Self::Stuck => "stuck",
        }
    }

    /// A person ends this wait. The others end by themselves and count towards the budget of a step.
    #[must_use]
    pub const fn is_for_a_person(self) -> bool {
        matches!(self, Self::Paused | Self::Stuck)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", bound(serialize = "S: SagaStep", deserialize = "S: SagaStep"))]
#[schemars(bound = "S: SagaStep + JsonSchema")]
pub enum SagaEventOf<S> {
    SagaStarted {
        attempt: AttemptNumber,
        execution_arn: String,
    },
    /// A further attempt, by a retry or because the engine lost the one before.
    AttemptStarted {
        attempt: AttemptNumber,
        execution_arn: String,
        from_step: S,
        /// Steps whose result of an earlier attempt is used again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reused: Vec<S>,
        at: Timestamp,
    },
    /// The engine's execution ended without ending the attempt; another one takes over to undo it.
    ExecutionReplaced {
        attempt: AttemptNumber,
        execution_arn: String,
        reason: String,
        at: Timestamp,
    },
    StepStarted {
        attempt: AttemptNumber,
        step: S,
        at: Timestamp,
    },
    StepProgressed {
        attempt: AttemptNumber,
        step: S,
        pages: u64,
        records: u64,
        at: Timestamp,
    },
    StepWaiting {
        attempt: AttemptNumber,
        step: S,
        reason: WaitReason,
        /// None while nobody can know: a person ends this wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        at: Timestamp,
    },
    StepSucceeded {
        attempt: AttemptNumber,
        step: S,
        /// What the step left for the next ones: keys and digests, never records.
        #[serde(rename = "ref")]
        reference: Value,
        at: Timestamp,
    },
    StepFailed {
        attempt: AttemptNumber,
        failure: Failure,
        step: S,
        at: Timestamp,
    },
    CancelRequested {
        attempt: AttemptNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        at: Timestamp,
    },
    Paused {
        attempt: AttemptNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        at: Timestamp,
    },
    Resumed {
        attempt: AttemptNumber,
        at: Timestamp,
    },
    /// The direction changes: these steps are undone, in this order. None failed when somebody cancelled.
    UndoPlanned {
        attempt: AttemptNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        steps: Vec<S>,
        at: Timestamp,
    },
    UndoStarted {
        attempt: AttemptNumber,
        step: S,
        at: Timestamp,
    },
    UndoFinished {
        attempt: AttemptNumber,
        step: S,
        at: Timestamp,
    },
    UndoFailed {
        attempt: AttemptNumber,
        step: S,
        failure: Failure,
        at: Timestamp,
    },
    /// An operator answers for what this step left.
    UndoSkipped {
        attempt: AttemptNumber,
        step: S,
        reason: String,
        at: Timestamp,
    },
    Completed {
        attempt: AttemptNumber,
        at: Timestamp,
    },
    Compensated {
        attempt: AttemptNumber,
        at: Timestamp,
    },
    /// Undoing kept failing. Not an end: an operator resumes, skips or kills.
    Stuck {
        attempt: AttemptNumber,
        step: S,
        failure: Failure,
        at: Timestamp,
    },
    /// An operator ended the attempt without undoing it.
    Killed {
        attempt: AttemptNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        at: Timestamp,
    },
}

/// The ledger of a reconciliation.
pub type SagaEvent = SagaEventOf<Step>;

impl<S: SagaStep> Event for SagaEventOf<S> {
    fn event_type(&self) -> &'static str {
        match self {
            Self::SagaStarted { .. } => "SagaStarted",
            Self::AttemptStarted { .. } => "AttemptStarted",
            Self::ExecutionReplaced { .. } => "ExecutionReplaced",
            Self::StepStarted { .. } => "StepStarted",
            Self::StepProgressed { .. } => "StepProgressed",
            Self::StepWaiting { .. } => "StepWaiting",
            Self::StepSucceeded { .. } => "StepSucceeded",
            Self::StepFailed { .. } => "StepFailed",
            Self::CancelRequested { .. } => "CancelRequested",
            Self::Paused { .. } => "Paused",
            Self::Resumed { .. } => "Resumed",
            Self::UndoPlanned { .. } => "UndoPlanned",
            Self::UndoStarted { .. } => "UndoStarted",
            Self::UndoFinished { .. } => "UndoFinished",
            Self::UndoFailed { .. } => "UndoFailed",
            Self::UndoSkipped { .. } => "UndoSkipped",
            Self::Completed { .. } => "Completed",
            Self::Compensated { .. } => "Compensated",
            Self::Stuck { .. } => "Stuck",
            Self::Killed { .. } => "Killed",
        }
    }
}
