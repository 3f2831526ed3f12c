//! What a run's events add up to.

use super::events::{Fetched, Published, ReconciliationEvent, Request};
use crate::{
    aggregate::{Aggregate, SnapshotFormat},
    decision::{Decision, Decisions},
    failure::Failure,
    ids::AttemptNumber,
    saga::{Asked, Step},
    status::Status,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An undo that keeps failing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StuckUndo {
    pub step: Step,
    pub failure: Failure,
}

/// An undo that an operator skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedUndo {
    pub step: Step,
    pub reason: String,
    pub at: Timestamp,
}

/// The last command that was carried out. Given again while its effect lasts, it changes nothing; where it does not
/// last any more, it is judged anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastCommand {
    Retried(Option<Step>),
    Resumed,
    Skipped(Step),
}

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub request: Request,
    pub as_of: Timestamp,
    pub attempt: AttemptNumber,
    pub status: Status,
    /// Staged by this attempt, or by an earlier one and used again.
    pub orders: Option<Fetched>,
    pub payments: Option<Fetched>,
    /// Only the visible result; none after a withdrawal.
    pub published: Option<Published>,
    pub ended_at: Option<Timestamp>,
    /// Why this attempt is undone or was.
    pub failure: Option<Failure>,
    /// Step that this attempt began with; none for the first attempt.
    pub from_step: Option<Step>,
    /// Steps whose result this attempt uses again.
    pub reused: Vec<Step>,
    pub cancel: Option<Asked>,
    pub paused: Option<Asked>,
    pub stuck: Option<StuckUndo>,
    pub skipped: Vec<SkippedUndo>,
    pub last_command: Option<LastCommand>,
    /// What people decided about the visible result.
    #[serde(default)]
    pub decisions: Decisions,
}

impl Run {
    fn started(request: &Request, as_of: Timestamp) -> Self {
        Self {
            request: request.clone(),
            as_of,
            attempt: 1,
            status: Status::Running,
            orders: None,
            payments: None,
            published: None,
            ended_at: None,
            failure: None,
            from_step: None,
            reused: Vec::new(),
            cancel: None,
            paused: None,
            stuck: None,
            skipped: Vec::new(),
            last_command: None,
            decisions: Decisions::default(),
        }
    }

    fn retried(&mut self, attempt: AttemptNumber, from_step: Step, reused: &[Step]) {
        let keep = |side: &mut Option<Fetched>, step| {
            if !reused.contains(&step) {
                *side = None;
            }
        };
        keep(&mut self.orders, Step::FetchShopifyOrders);
        keep(&mut self.payments, Step::FetchStripePayments);
        let (orders, payments) = (self.orders.take(), self.payments.take());
        *self = Self { attempt, orders, payments, ..Self::started(&self.request, self.as_of) };
        self.from_step = Some(from_step);
        self.reused = reused.to_vec();
        self.last_command = Some(LastCommand::Retried(Some(from_step)));
    }

    fn decided(&mut self, decision: &Decision, apply: fn(&mut Decisions, &Decision)) {
        apply(&mut self.decisions, decision);
        if let Some(published) = &mut self.published {
            published.summary = decision.summary.clone();
        }
    }

    fn end(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.ended_at = Some(at);
        self.paused = None;
        self.stuck = None;
        self.last_command = None;
    }
}

#[derive(Debug)]
pub struct Reconciliation;

impl Aggregate for Reconciliation {
    const TYPE: &'static str = "reconciliation";
    type Event = ReconciliationEvent;
    type State = Option<Run>;
    const SNAPSHOT: Option<SnapshotFormat<Self::State>> = Some(SnapshotFormat::json(4));

    fn evolve(state: Option<Run>, event: &ReconciliationEvent) -> Option<Run> {
        use ReconciliationEvent as E;
        if let E::ReconciliationStarted { request, as_of } = event {
            return Some(Run::started(request, *as_of));
        }
        let mut run = state?;
        match event {
            E::ReconciliationStarted { .. } => {}
            E::OrdersFetched(fetched) => run.orders = Some(fetched.clone()),
            E::PaymentsFetched(fetched) => run.payments = Some(fetched.clone()),
            E::ResultsPublished(published) => run.published = Some(published.clone()),
            E::ResultsWithdrawn { .. } => run.published = None,
            E::ReconciliationRetried { attempt, from_step, reused, .. } => run.retried(*attempt, *from_step, reused),
            E::ReconciliationPaused { reason, at, .. } => {
                run.status = Status::Paused;
                run.paused = Some(Asked { reason: reason.clone(), at: *at });
                run.last_command = None;
            }
            E::ReconciliationResumed { .. } => {
                run.status = if run.status == Status::Stuck { Status::Compensating } else { Status::Running };
                run.paused = None;
                run.stuck = None;
                run.last_command = Some(LastCommand::Resumed);
            }
            E::ReconciliationCancelRequested { reason, at, .. } => {
                run.status = Status::Compensating;
                run.cancel = Some(Asked { reason: reason.clone(), at: *at });
                run.paused = None;
                run.stuck = None;
                run.last_command = None;
            }
            E::CompensationStarted { failure, .. } => {
                run.status = Status::Compensating;
                run.failure = Some(failure.clone());
                run.paused = None;
                run.last_command = None;
            }
            E::CompensationStuck { step, failure, .. } => {
                run.status = Status::Stuck;
                run.stuck = Some(StuckUndo { step: *step, failure: failure.clone() });
                run.last_command = None;
            }
            E::CompensationStepSkipped { step, reason, at, .. } => {
                run.status = Status::Compensating;
                run.stuck = None;
                run.skipped.push(SkippedUndo { step: *step, reason: reason.clone(), at: *at });
                run.last_command = Some(LastCommand::Skipped(*step));
            }
            E::ReconciliationCompleted { completed_at, .. } => run.end(Status::Completed, *completed_at),
            E::ReconciliationFailed { failure, failed_at, .. } => {
                run.failure = Some(failure.clone());
                run.end(Status::Failed, *failed_at);
            }
            E::ReconciliationCancelled { cancelled_at, .. } => run.end(Status::Cancelled, *cancelled_at),
            E::SuggestionConfirmed(decision) => run.decided(decision, Decisions::confirmed),
            E::SuggestionRejected(decision) => run.decided(decision, Decisions::rejected),
            E::MatchMade(decision) => run.decided(decision, Decisions::made),
            E::MatchBroken(decision) => run.decided(decision, Decisions::broken),
            E::ExceptionReviewed(review) => run.decisions.reviewed(review),
        }
        Some(run)
    }
}
