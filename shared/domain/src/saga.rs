//! Aggregate `saga`: the ledger of one reconciliation's workflow. Step Functions runs it; this knows what happened.

use crate::{
    aggregate::{Aggregate, Decided, Event},
    failure::{Decline, Failure},
    ids::AttemptNumber,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Steps of the Shopify-Stripe reconciliation, in order. Both fetches run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    FetchShopifyOrders,
    FetchStripePayments,
    PerformMatching,
    PersistResults,
    Finish,
    NotifyWebhooks,
}

impl Step {
    pub const ALL: [Self; 6] = [
        Self::FetchShopifyOrders,
        Self::FetchStripePayments,
        Self::PerformMatching,
        Self::PersistResults,
        Self::Finish,
        Self::NotifyWebhooks,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FetchShopifyOrders => "fetch_shopify_orders",
            Self::FetchStripePayments => "fetch_stripe_payments",
            Self::PerformMatching => "perform_matching",
            Self::PersistResults => "persist_results",
            Self::Finish => "finish",
            Self::NotifyWebhooks => "notify_webhooks",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum SagaEvent {
    SagaStarted {
        attempt: AttemptNumber,
        execution_arn: String,
    },
    StepStarted {
        attempt: AttemptNumber,
        step: Step,
        at: Timestamp,
    },
    StepProgressed {
        attempt: AttemptNumber,
        step: Step,
        pages: u64,
        records: u64,
        at: Timestamp,
    },
    StepSucceeded {
        attempt: AttemptNumber,
        step: Step,
        /// What the step left for the next ones: keys and digests, never records.
        #[serde(rename = "ref")]
        reference: Value,
        at: Timestamp,
    },
    StepFailed {
        attempt: AttemptNumber,
        failure: Failure,
        step: Step,
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
}

impl Event for SagaEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::SagaStarted { .. } => "SagaStarted",
            Self::StepStarted { .. } => "StepStarted",
            Self::StepProgressed { .. } => "StepProgressed",
            Self::StepSucceeded { .. } => "StepSucceeded",
            Self::StepFailed { .. } => "StepFailed",
            Self::Completed { .. } => "Completed",
            Self::Compensated { .. } => "Compensated",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Running,
    Succeeded,
    Failed,
}

/// One line of the step history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    pub step: Step,
    pub status: StepStatus,
    pub started_at: Timestamp,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SagaStatus {
    Running,
    Completed,
    /// Undone after a failure.
    Failed,
}

impl SagaStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaRun {
    pub attempt: AttemptNumber,
    pub execution_arn: String,
    pub status: SagaStatus,
    pub steps: Vec<StepRun>,
}

impl SagaRun {
    #[must_use]
    pub fn step(&self, step: Step) -> Option<&StepRun> {
        self.steps.iter().find(|run| run.step == step)
    }

    /// The step that runs, or the last one that ran.
    #[must_use]
    pub fn current(&self) -> Option<Step> {
        let running = self.steps.iter().find(|run| run.status == StepStatus::Running);
        running.or_else(|| self.steps.last()).map(|run| run.step)
    }

    fn step_mut(&mut self, step: Step) -> Option<&mut StepRun> {
        self.steps.iter_mut().find(|run| run.step == step)
    }
}

#[derive(Debug)]
pub struct Saga;

impl Aggregate for Saga {
    const TYPE: &'static str = "saga";
    type Event = SagaEvent;
    type State = Option<SagaRun>;

    fn evolve(state: Option<SagaRun>, event: &SagaEvent) -> Option<SagaRun> {
        use SagaEvent as E;
        if let E::SagaStarted { attempt, execution_arn } = event {
            return Some(SagaRun {
                attempt: *attempt,
                execution_arn: execution_arn.clone(),
                status: SagaStatus::Running,
                steps: Vec::new(),
            });
        }
        let mut saga = state?;
        match event {
            E::SagaStarted { .. } => {}
            E::StepStarted { step, at, .. } => match saga.step_mut(*step) {
                Some(run) => {
                    run.status = StepStatus::Running;
                    run.ended_at = None;
                    run.tries += 1;
                }
                None => saga.steps.push(StepRun {
                    step: *step,
                    status: StepStatus::Running,
                    started_at: *at,
                    ended_at: None,
                    tries: 1,
                    pages: 0,
                    records: 0,
                    reference: Value::Null,
                    failure: None,
                }),
            },
            E::StepProgressed { step, pages, records, .. } => {
                if let Some(run) = saga.step_mut(*step) {
                    run.pages = *pages;
                    run.records = *records;
                }
            }
            E::StepSucceeded { step, reference, at, .. } => {
                if let Some(run) = saga.step_mut(*step) {
                    run.status = StepStatus::Succeeded;
                    run.ended_at = Some(*at);
                    run.reference = reference.clone();
                    run.failure = None;
                }
            }
            E::StepFailed { step, failure, at, .. } => {
                if let Some(run) = saga.step_mut(*step) {
                    run.status = StepStatus::Failed;
                    run.ended_at = Some(*at);
                    run.failure = Some(failure.clone());
                }
            }
            E::Completed { .. } => saga.status = SagaStatus::Completed,
            E::Compensated { .. } => saga.status = SagaStatus::Failed,
        }
        Some(saga)
    }
}

/// The fence of an attempt that goes forward: every append of a step checks it.
#[must_use]
pub fn forward_fence(attempt: AttemptNumber) -> String {
    format!("a{attempt}:forward")
}

/// The fence of an attempt that has ended: no forward step of it may write any more.
#[must_use]
pub fn ended_fence(attempt: AttemptNumber) -> String {
    format!("a{attempt}:ended")
}

/// # Errors
/// Superseded when a later attempt has begun.
pub fn start(state: &Option<SagaRun>, attempt: AttemptNumber, execution_arn: &str) -> Result<Decided<Saga>, Decline> {
    match state {
        Some(saga) if saga.attempt > attempt => Err(Decline::superseded(format!("attempt {} has begun", saga.attempt))),
        Some(saga) if saga.attempt == attempt => Ok(Vec::new()),
        _ => Ok(vec![SagaEvent::SagaStarted { attempt, execution_arn: execution_arn.to_owned() }]),
    }
}

fn at_attempt(state: &Option<SagaRun>, attempt: AttemptNumber) -> Result<&SagaRun, Decline> {
    let saga = state.as_ref().ok_or_else(|| Decline::not_found("no such saga"))?;
    if saga.attempt == attempt {
        Ok(saga)
    } else {
        Err(Decline::superseded(format!("attempt {} has begun", saga.attempt)))
    }
}

/// # Errors
/// Superseded when the ledger is at another attempt.
pub fn step_started(
    state: &Option<SagaRun>,
    attempt: AttemptNumber,
    step: Step,
    at: Timestamp,
) -> Result<Decided<Saga>, Decline> {
    let saga = at_attempt(state, attempt)?;
    let begun = saga.step(step).is_some_and(|run| run.status != StepStatus::Failed);
    Ok(if begun { Vec::new() } else { vec![SagaEvent::StepStarted { attempt, step, at }] })
}

/// # Errors
/// Superseded when the ledger is at another attempt.
pub fn step_progressed(
    state: &Option<SagaRun>,
    attempt: AttemptNumber,
    step: Step,
    (pages, records): (u64, u64),
    at: Timestamp,
) -> Result<Decided<Saga>, Decline> {
    let saga = at_attempt(state, attempt)?;
    let known = saga.step(step).is_some_and(|run| (run.pages, run.records) == (pages, records));
    Ok(if known { Vec::new() } else { vec![SagaEvent::StepProgressed { attempt, step, pages, records, at }] })
}

/// # Errors
/// Superseded when the ledger is at another attempt.
pub fn step_succeeded(
    state: &Option<SagaRun>,
    attempt: AttemptNumber,
    step: Step,
    reference: Value,
    at: Timestamp,
) -> Result<Decided<Saga>, Decline> {
    let saga = at_attempt(state, attempt)?;
    let done = saga.step(step).is_some_and(|run| run.status == StepStatus::Succeeded);
    Ok(if done { Vec::new() } else { vec![SagaEvent::StepSucceeded { attempt, step, reference, at }] })
}

/// A step that has succeeded cannot fail any more: then only the answer to its success was lost.
///
/// # Errors
/// Superseded when the ledger is at another attempt.
pub fn step_failed(
    state: &Option<SagaRun>,
    attempt: AttemptNumber,
    step: Step,
    failure: &Failure,
    at: Timestamp,
) -> Result<Decided<Saga>, Decline> {
    let saga = at_attempt(state, attempt)?;
    let known = saga.step(step).is_some_and(|run| match run.status {
        StepStatus::Running => false,
        StepStatus::Succeeded => true,
        StepStatus::Failed => run.failure.as_ref() == Some(failure),
    });
    Ok(if known { Vec::new() } else { vec![SagaEvent::StepFailed { attempt, failure: failure.clone(), step, at }] })
}

/// # Errors
/// Superseded when the ledger is at another attempt or the attempt was undone.
pub fn complete(state: &Option<SagaRun>, attempt: AttemptNumber, at: Timestamp) -> Result<Decided<Saga>, Decline> {
    match at_attempt(state, attempt)?.status {
        SagaStatus::Running => Ok(vec![SagaEvent::Completed { attempt, at }]),
        SagaStatus::Completed => Ok(Vec::new()),
        SagaStatus::Failed => Err(Decline::superseded("the attempt was undone")),
    }
}

/// # Errors
/// Superseded when the ledger is at another attempt or the attempt has completed.
pub fn compensate(state: &Option<SagaRun>, attempt: AttemptNumber, at: Timestamp) -> Result<Decided<Saga>, Decline> {
    match at_attempt(state, attempt)?.status {
        SagaStatus::Running => Ok(vec![SagaEvent::Compensated { attempt, at }]),
        SagaStatus::Failed => Ok(Vec::new()),
        SagaStatus::Completed => Err(Decline::superseded("the attempt has completed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ErrorName;

    const AT: Timestamp = Timestamp::from_millis(1_000);

    fn when(
        state: Option<SagaRun>,
        decide: impl Fn(&Option<SagaRun>) -> Result<Decided<Saga>, Decline>,
    ) -> Option<SagaRun> {
        let events = decide(&state).unwrap();
        let state = events.iter().fold(state, Saga::evolve);
        assert_eq!(decide(&state), Ok(Vec::new()), "deciding again yields no events");
        state
    }

    fn failure() -> Failure {
        Failure {
            name: ErrorName::ProviderUnavailable,
            message: "503".into(),
            step: "fetch_shopify_orders".into(),
            retryable: true,
        }
    }

    #[test]
    fn the_ledger_tells_each_step_with_its_tries() {
        let step = Step::FetchShopifyOrders;
        let state = when(None, |state| start(state, 1, "arn"));
        let state = when(state, |state| step_started(state, 1, step, AT));
        let state = when(state, |state| step_failed(state, 1, step, &failure(), AT));
        let state = when(state, |state| step_started(state, 1, step, AT));
        let state = when(state, |state| step_progressed(state, 1, step, (2, 500), AT));
        let state = when(state, |state| step_succeeded(state, 1, step, Value::from("ref"), AT));
        assert_eq!(step_failed(&state, 1, step, &failure(), AT), Ok(Vec::new()), "success stands");
        let state = when(state, |state| complete(state, 1, AT));
        let saga = state.clone().unwrap();
        assert_eq!(saga.status, SagaStatus::Completed);
        let run = saga.step(step).unwrap();
        assert_eq!((run.tries, run.records, run.status), (2, 500, StepStatus::Succeeded));
        assert!(compensate(&state, 1, AT).is_err());
    }

    #[test]
    fn another_attempt_supersedes() {
        let state = when(None, |state| start(state, 2, "arn"));
        assert_eq!(start(&state, 1, "arn").unwrap_err().name, ErrorName::Superseded);
        assert_eq!(step_started(&state, 1, Step::Finish, AT).unwrap_err().name, ErrorName::Superseded);
        let undone = when(state, |state| compensate(state, 2, AT));
        assert!(complete(&undone, 2, AT).is_err());
    }
}
