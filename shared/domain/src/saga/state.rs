//! What a ledger adds up to: where the attempt stands, and the history of its steps.

use super::{
    events::WaitReason,
    step::{SagaStep, Step, Undo},
};
use crate::{
    failure::{ErrorName, Failure},
    ids::AttemptNumber,
    status::Status,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Running,
    Waiting,
    Succeeded,
    Failed,
    /// The result of an earlier attempt is used again; this attempt did nothing that could be undone.
    Reused,
    Undoing,
    Undone,
    UndoFailed,
    UndoSkipped,
}

impl StepStatus {
    /// What the step did, or may have done, is still there.
    #[must_use]
    pub const fn may_have_left_something(self) -> bool {
        matches!(
            self,
            Self::Running | Self::Waiting | Self::Succeeded | Self::Failed | Self::Undoing | Self::UndoFailed
        )
    }

    /// The next steps can build on it.
    #[must_use]
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Succeeded | Self::Reused)
    }
}

/// Why and until when a step waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    pub reason: WaitReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub since: Timestamp,
}

/// One line of the step history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: SagaStep", deserialize = "S: SagaStep"))]
#[schemars(bound = "S: SagaStep + JsonSchema")]
pub struct StepRunOf<S> {
    pub step: S,
    pub status: StepStatus,
    pub started_at: Timestamp,
    /// Start of the last try.
    pub tried_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How often it was started in this attempt after a failure, the first time included.
    pub tries: u32,
    #[serde(default)]
    pub pages: u64,
    #[serde(default)]
    pub records: u64,
    #[serde(default, rename = "ref", skip_serializing_if = "Value::is_null")]
    pub reference: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Waits that count towards the step's budget, in milliseconds.
    #[serde(default)]
    pub waited_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_failure: Option<Failure>,
    /// Why an operator skipped the undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_skipped: Option<String>,
}

pub type StepRun = StepRunOf<Step>;

/// Somebody asked for the attempt to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// An earlier attempt, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastAttempt {
    pub attempt: AttemptNumber,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Earlier attempts that are kept in the state; the ledger keeps all.
pub const MAX_PAST_ATTEMPTS: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "S: SagaStep", deserialize = "S: SagaStep"))]
#[schemars(bound = "S: SagaStep + JsonSchema")]
pub struct SagaRunOf<S> {
    pub attempt: AttemptNumber,
    /// The execution that is in charge.
    pub execution_arn: String,
    /// How many executions have been in charge of this attempt.
    pub executions: u32,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_step: Option<S>,
    pub steps: Vec<StepRunOf<S>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Asked>,
    /// Why the attempt is undone, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<PastAttempt>,
}

pub type SagaRun = SagaRunOf<Step>;

impl<S: SagaStep> SagaRunOf<S> {
    pub(super) fn new(attempt: AttemptNumber, execution_arn: &str) -> Self {
        Self {
            attempt,
            execution_arn: execution_arn.to_owned(),
            executions: 1,
            status: Status::Running,
            from_step: None,
            steps: Vec::new(),
            cancel: None,
            failure: None,
            ended_at: None,
            past: Vec::new(),
        }
    }

    #[must_use]
    pub fn step(&self, step: S) -> Option<&StepRunOf<S>> {
        self.steps.iter().find(|run| run.step == step)
    }

    /// The step that runs, waits or is being undone, or else the last one that did.
    #[must_use]
    pub fn current(&self) -> Option<S> {
        let busy = |run: &&StepRunOf<S>| {
            matches!(
                run.status,
                StepStatus::Running | StepStatus::Waiting | StepStatus::Undoing | StepStatus::UndoFailed
            )
        };
        self.steps.iter().rev().find(busy).or_else(|| self.steps.last()).map(|run| run.step)
    }

    pub(super) fn step_mut(&mut self, step: S) -> Option<&mut StepRunOf<S>> {
        self.steps.iter_mut().find(|run| run.step == step)
    }

    /// Steps that have to be undone, in this order: newest first. Those whose outcome is unknown are among them, and so
    /// are failed ones, which may have done a part.
    #[must_use]
    pub fn to_undo(&self) -> Vec<S> {
        let left = |run: &&StepRunOf<S>| run.step.undo() == Undo::Event && run.status.may_have_left_something();
        self.steps.iter().rev().filter(left).map(|run| run.step).collect()
    }

    /// The undo that keeps failing, while an operator is awaited.
    #[must_use]
    pub fn stuck_at(&self) -> Option<S> {
        let failed = self.steps.iter().find(|run| run.status == StepStatus::UndoFailed).map(|run| run.step);
        failed.filter(|_| self.status == Status::Stuck)
    }

    /// An operator ended the attempt without undoing it.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.status == Status::Failed && self.failure.as_ref().is_some_and(|failure| failure.name == ErrorName::Killed)
    }

    /// The earliest time at which a wait ends by itself.
    #[must_use]
    pub fn next_retry_at(&self) -> Option<Timestamp> {
        self.steps.iter().filter_map(|run| run.waiting.as_ref()?.until).min()
    }

    /// When the call of the running step is given up.
    #[must_use]
    pub fn timeout_at(&self) -> Option<Timestamp> {
        let running = self.steps.iter().filter(|run| run.status == StepStatus::Running);
        running.map(|run| after_s(run.tried_at, run.step.timeout_s())).min()
    }

    /// When somebody should look after this saga if it has not moved since `last`: the end of its wait, or its last
    /// event, and twice the time that the step may take. None for one that has ended or waits for a person.
    #[must_use]
    pub fn due_at(&self, last: Timestamp) -> Option<Timestamp> {
        if self.status.has_ended() || matches!(self.status, Status::Paused | Status::Stuck) {
            return None;
        }
        let base = self.next_retry_at().map_or(last, |until| until.max(last));
        let longest = |run: &StepRunOf<S>| run.step.timeout_s();
        let busy = self.steps.iter().filter(|run| !run.status.is_done()).map(longest).max();
        let timeout_s = busy.or_else(|| S::all().iter().map(|step| step.timeout_s()).min()).unwrap_or(0);
        Some(after_s(base, timeout_s.saturating_mul(2)))
    }
}

fn after_s(at: Timestamp, seconds: u32) -> Timestamp {
    Timestamp::from_millis(at.millis().saturating_add(i64::from(seconds).saturating_mul(1_000)))
}
