//! Aggregate `reconciliation`: one run of a job over a date range, in one or more attempts.
//!
//! **Invariant:** nothing of an attempt is visible before its ResultsPublished, and nothing after its ResultsWithdrawn.

use crate::{
    aggregate::{Aggregate, Decided, Event},
    failure::{Decline, Failure},
    ids::{AttemptNumber, JobId},
    job::Side,
    summary::RunSummary,
    time::{DateRange, Timestamp},
};
use serde::{Deserialize, Serialize};

/// What was asked for. Two starts with equal requests are the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub job_id: JobId,
    /// Version of the job whose rules, zone, adapters and webhooks hold for every attempt.
    pub job_version: u32,
    pub date_range: DateRange,
    pub timezone: String,
    pub source: Side,
    pub target: Side,
}

/// Staged records of one side: where they are and what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    pub attempt: AttemptNumber,
    /// Records staged, those of the pad around the range included.
    pub count: u64,
    /// Key of the manifest that lists the staged pages.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Hex SHA-256 of the manifest.
    pub digest: String,
    pub fetch_duration_ms: u64,
}

/// The result of an attempt, made visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    pub attempt: AttemptNumber,
    pub summary: RunSummary,
    /// Key of the result in the data bucket.
    #[serde(rename = "ref")]
    pub reference: String,
    pub digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ReconciliationEvent {
    ReconciliationStarted {
        #[serde(flatten)]
        request: Request,
        /// "Now" for rules that depend on it, the same for every attempt.
        as_of: Timestamp,
    },
    OrdersFetched(Fetched),
    PaymentsFetched(Fetched),
    ResultsPublished(Published),
    ResultsWithdrawn {
        attempt: AttemptNumber,
    },
    ReconciliationCompleted {
        attempt: AttemptNumber,
        completed_at: Timestamp,
    },
    ReconciliationFailed {
        attempt: AttemptNumber,
        failure: Failure,
        failed_at: Timestamp,
    },
}

impl Event for ReconciliationEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::ReconciliationStarted { .. } => "ReconciliationStarted",
            Self::OrdersFetched(_) => "OrdersFetched",
            Self::PaymentsFetched(_) => "PaymentsFetched",
            Self::ResultsPublished(_) => "ResultsPublished",
            Self::ResultsWithdrawn { .. } => "ResultsWithdrawn",
            Self::ReconciliationCompleted { .. } => "ReconciliationCompleted",
            Self::ReconciliationFailed { .. } => "ReconciliationFailed",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Running,
    Completed,
    Failed,
}

impl Status {
    pub const ALL: [Self; 3] = [Self::Running, Self::Completed, Self::Failed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub request: Request,
    pub as_of: Timestamp,
    pub attempt: AttemptNumber,
    pub status: Status,
    pub orders: Option<Fetched>,
    pub payments: Option<Fetched>,
    /// Only the visible result; none after a withdrawal.
    pub published: Option<Published>,
    pub ended_at: Option<Timestamp>,
    pub failure: Option<Failure>,
}

#[derive(Debug)]
pub struct Reconciliation;

impl Aggregate for Reconciliation {
    const TYPE: &'static str = "reconciliation";
    type Event = ReconciliationEvent;
    type State = Option<Run>;

    fn evolve(state: Option<Run>, event: &ReconciliationEvent) -> Option<Run> {
        use ReconciliationEvent as E;
        if let E::ReconciliationStarted { request, as_of } = event {
            return Some(Run {
                request: request.clone(),
                as_of: *as_of,
                attempt: 1,
                status: Status::Running,
                orders: None,
                payments: None,
                published: None,
                ended_at: None,
                failure: None,
            });
        }
        let mut run = state?;
        match event {
            E::ReconciliationStarted { .. } => {}
            E::OrdersFetched(fetched) => run.orders = Some(fetched.clone()),
            E::PaymentsFetched(fetched) => run.payments = Some(fetched.clone()),
            E::ResultsPublished(published) => run.published = Some(published.clone()),
            E::ResultsWithdrawn { .. } => run.published = None,
            E::ReconciliationCompleted { completed_at, .. } => {
                run.status = Status::Completed;
                run.ended_at = Some(*completed_at);
            }
            E::ReconciliationFailed { failure, failed_at, .. } => {
                run.status = Status::Failed;
                run.failure = Some(failure.clone());
                run.ended_at = Some(*failed_at);
            }
        }
        Some(run)
    }
}

/// # Errors
/// A conflict when the id is taken by another request.
pub fn start(state: &Option<Run>, request: &Request, as_of: Timestamp) -> Result<Decided<Reconciliation>, Decline> {
    match state {
        None => Ok(vec![ReconciliationEvent::ReconciliationStarted { request: request.clone(), as_of }]),
        Some(run) if same_request(&run.request, request) => Ok(Vec::new()),
        Some(_) => Err(Decline::conflict("this reconciliation_id is taken by a run with another job or date range")),
    }
}

/// Equal but for the job's version: a job changed between two equal starts does not make them different requests.
fn same_request(left: &Request, right: &Request) -> bool {
    left.job_id == right.job_id && left.date_range == right.date_range
}

/// The run at `attempt`, still running.
fn running(state: &Option<Run>, attempt: AttemptNumber) -> Result<&Run, Decline> {
    let run = state.as_ref().ok_or_else(|| Decline::not_found("no such reconciliation"))?;
    if run.attempt == attempt && run.status == Status::Running {
        Ok(run)
    } else {
        Err(Decline::superseded(format!("the run is {} at attempt {}", run.status.as_str(), run.attempt)))
    }
}

/// # Errors
/// Superseded when the attempt is no longer the running one.
pub fn orders_fetched(state: &Option<Run>, fetched: &Fetched) -> Result<Decided<Reconciliation>, Decline> {
    let run = running(state, fetched.attempt)?;
    let known = run.orders.as_ref().is_some_and(|known| known.attempt == fetched.attempt);
    Ok(if known { Vec::new() } else { vec![ReconciliationEvent::OrdersFetched(fetched.clone())] })
}

/// # Errors
/// As [`orders_fetched`].
pub fn payments_fetched(state: &Option<Run>, fetched: &Fetched) -> Result<Decided<Reconciliation>, Decline> {
    let run = running(state, fetched.attempt)?;
    let known = run.payments.as_ref().is_some_and(|known| known.attempt == fetched.attempt);
    Ok(if known { Vec::new() } else { vec![ReconciliationEvent::PaymentsFetched(fetched.clone())] })
}

/// # Errors
/// As [`orders_fetched`].
pub fn publish(state: &Option<Run>, published: &Published) -> Result<Decided<Reconciliation>, Decline> {
    let run = running(state, published.attempt)?;
    let visible = run.published.as_ref().is_some_and(|visible| visible.attempt == published.attempt);
    Ok(if visible { Vec::new() } else { vec![ReconciliationEvent::ResultsPublished(published.clone())] })
}

/// The point of no return. Completing twice is fine.
///
/// # Errors
/// A conflict when nothing was published; superseded when the run ended otherwise.
pub fn complete(
    state: &Option<Run>,
    attempt: AttemptNumber,
    now: Timestamp,
) -> Result<Decided<Reconciliation>, Decline> {
    if state.as_ref().is_some_and(|run| run.attempt == attempt && run.status == Status::Completed) {
        return Ok(Vec::new());
    }
    let run = running(state, attempt)?;
    if run.published.is_none() {
        return Err(Decline::conflict("nothing was published, so there is nothing to complete"));
    }
    Ok(vec![ReconciliationEvent::ReconciliationCompleted { attempt, completed_at: now }])
}

/// Ends the attempt as failed and hides what it had made visible. Failing twice is fine.
///
/// # Errors
/// Superseded when the attempt is not the running one.
pub fn fail(
    state: &Option<Run>,
    attempt: AttemptNumber,
    failure: &Failure,
    now: Timestamp,
) -> Result<Decided<Reconciliation>, Decline> {
    if state.as_ref().is_some_and(|run| run.attempt == attempt && run.status == Status::Failed) {
        return Ok(Vec::new());
    }
    let run = running(state, attempt)?;
    let mut events = Vec::new();
    if run.published.is_some() {
        events.push(ReconciliationEvent::ResultsWithdrawn { attempt });
    }
    events.push(ReconciliationEvent::ReconciliationFailed { attempt, failure: failure.clone(), failed_at: now });
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::Adapter, failure::ErrorName, fold, ids::ConnectionId};

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn request(end: &str) -> Request {
        let side = |adapter| Side { adapter, connection: ConnectionId::parse("c").unwrap() };
        Request {
            job_id: JobId::parse("job").unwrap(),
            job_version: 1,
            date_range: DateRange { start: "2026-01-01".into(), end: end.into() },
            timezone: "UTC".into(),
            source: side(Adapter::Shopify),
            target: side(Adapter::Stripe),
        }
    }

    fn fetched(attempt: AttemptNumber) -> Fetched {
        Fetched { attempt, count: 3, reference: "staged/x".into(), digest: "d".into(), fetch_duration_ms: 5 }
    }

    fn published() -> Published {
        Published { attempt: 1, summary: RunSummary::default(), reference: "results/x".into(), digest: "d".into() }
    }

    fn failure() -> Failure {
        Failure {
            name: ErrorName::ProviderAccessDenied,
            message: "401".into(),
            step: "fetch_stripe_payments".into(),
            retryable: false,
        }
    }

    /// Given these decisions in turn, folds all their events.
    struct Given(Option<Run>);

    impl Given {
        fn nothing() -> Self {
            Self(None)
        }

        fn when(self, decide: impl Fn(&Option<Run>) -> Result<Decided<Reconciliation>, Decline>) -> Self {
            let events = decide(&self.0).unwrap();
            let state = events.iter().fold(self.0, Reconciliation::evolve);
            assert_eq!(decide(&state), Ok(Vec::new()), "deciding again yields no events");
            Self(state)
        }

        fn started() -> Self {
            Self::nothing().when(|state| start(state, &request("2026-01-31"), NOW))
        }
    }

    #[test]
    fn a_run_that_ends_well() {
        let end = Given::started()
            .when(|state| payments_fetched(state, &fetched(1)))
            .when(|state| orders_fetched(state, &fetched(1)))
            .when(|state| publish(state, &published()))
            .when(|state| complete(state, 1, NOW));
        let run = end.0.unwrap();
        assert_eq!((run.status, run.ended_at), (Status::Completed, Some(NOW)));
        assert!(run.published.is_some());
    }

    #[test]
    fn an_id_belongs_to_one_request() {
        let state = Given::started().0;
        let other = start(&state, &request("2026-01-30"), NOW).unwrap_err();
        assert_eq!(other.name, ErrorName::Conflict);
        let newer_job = Request { job_version: 2, ..request("2026-01-31") };
        assert_eq!(start(&state, &newer_job, NOW), Ok(Vec::new()));
    }

    #[test]
    fn failing_hides_what_was_published() {
        let given = Given::started().when(|state| publish(state, &published()));
        let events = fail(&given.0, 1, &failure(), NOW).unwrap();
        assert!(matches!(events.first(), Some(ReconciliationEvent::ResultsWithdrawn { attempt: 1 })));
        let run = given.when(|state| fail(state, 1, &failure(), NOW)).0.unwrap();
        assert_eq!((run.status, run.published), (Status::Failed, None));
    }

    #[test]
    fn an_attempt_that_is_over_takes_nothing_more() {
        let state = Given::started().when(|state| fail(state, 1, &failure(), NOW)).0;
        for late in [orders_fetched(&state, &fetched(1)), publish(&state, &published()), complete(&state, 1, NOW)] {
            assert_eq!(late.unwrap_err().name, ErrorName::Superseded);
        }
        let running = Given::started().0;
        assert_eq!(payments_fetched(&running, &fetched(2)).unwrap_err().name, ErrorName::Superseded);
        assert_eq!(complete(&running, 1, NOW).unwrap_err().name, ErrorName::Conflict);
    }

    #[test]
    fn folding_restores_what_events_say() {
        let events = start(&None, &request("2026-01-31"), NOW).unwrap();
        assert_eq!(fold::<Reconciliation>(events).map(|run| run.attempt), Some(1));
    }
}
