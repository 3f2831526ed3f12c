//! One delivery: what is told to whom, its tries, and what becomes of it. Pure: a state and what happened give the
//! next state.

use crate::{retry::RetryWaits, sender::Outcome};
use domain::{AttemptNumber, EndpointId, JobId, ReconciliationId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// How long a try may be under way before another one may begin, in milliseconds: longer than the function that makes
/// it can live.
pub const BUSY_MS: i64 = 40_000;
/// Tries that are kept; older ones are dropped, their number is not.
pub const MAX_LOGGED: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried, for the first time or again.
    Pending,
    Delivered,
    /// Given up; a replay tries it again.
    Failed,
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failed {
    RetriesExhausted,
    /// The endpoint answered 410, which also disables it.
    EndpointGone,
    EndpointDisabled,
    /// The job, or the endpoint in it, is no more.
    EndpointRemoved,
}

/// One try, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub duration_ms: u64,
    /// The answer's status; none when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// `webhook-id`: `UUIDv5(reconciliation, attempt, event type, endpoint)`, so telling the same again is this one.
    pub delivery_id: Uuid,
    pub tenant_id: TenantId,
    pub endpoint_id: EndpointId,
    pub job_id: JobId,
    pub reconciliation_id: ReconciliationId,
    pub attempt: AttemptNumber,
    pub url: String,
    pub event_type: String,
    pub payload: Value,
    pub created_at: Timestamp,
    pub state: DeliveryState,
    /// 1, and one more with each replay. Messages of an earlier round are stale.
    pub round: u32,
    /// Tries of this round.
    pub tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// A try is under way until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// The latest tries, oldest first.
    pub attempts: Vec<Attempt>,
}

/// What a delivery tells, from which its id follows.
#[derive(Debug, Clone)]
pub struct Told {
    pub tenant_id: TenantId,
    pub endpoint_id: EndpointId,
    pub job_id: JobId,
    pub reconciliation_id: ReconciliationId,
    pub attempt: AttemptNumber,
    pub url: String,
    pub event_type: String,
    pub payload: Value,
    pub created_at: Timestamp,
}

/// What a message that has come means for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Now,
    /// In so many milliseconds.
    Later(i64),
    /// The message is stale, or its delivery has ended.
    Never,
}

impl Delivery {
    #[must_use]
    pub fn new(told: Told) -> Self {
        let Told { tenant_id, endpoint_id, job_id, reconciliation_id, attempt, url, event_type, payload, created_at } =
            told;
        let identity = format!("{tenant_id}/{reconciliation_id}/{attempt}/{event_type}/{endpoint_id}");
        Self {
            delivery_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, identity.as_bytes()),
            tenant_id,
            endpoint_id,
            job_id,
            reconciliation_id,
            attempt,
            url,
            event_type,
            payload,
            created_at,
            state: DeliveryState::Pending,
            round: 1,
            tries: 0,
            next_attempt_at: None,
            busy_until: None,
            failed: None,
            attempts: Vec::new(),
        }
    }

    #[must_use]
    pub fn due(&self, round: u32, now: Timestamp) -> Due {
        if self.state != DeliveryState::Pending || self.round != round {
            return Due::Never;
        }
        let latest = self.busy_until.into_iter().chain(self.next_attempt_at).max();
        match latest.map(|at| at.millis() - now.millis()) {
            Some(wait_ms) if wait_ms > 0 => Due::Later(wait_ms),
            _ => Due::Now,
        }
    }

    /// A try begins.
    #[must_use]
    pub fn begun(mut self, now: Timestamp) -> Self {
        self.busy_until = Some(Timestamp::from_millis(now.millis() + BUSY_MS));
        self
    }

    /// A try has ended.
    #[must_use]
    pub fn tried(
        mut self,
        outcome: &Outcome,
        attempt: Attempt,
        waits: &RetryWaits,
        random: u128,
        now: Timestamp,
    ) -> Self {
        self.busy_until = None;
        self.next_attempt_at = None;
        self.tries += 1;
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(MAX_LOGGED);
        self.attempts.drain(..surplus);
        match outcome {
            Outcome::Accepted { .. } => self.state = DeliveryState::Delivered,
            Outcome::Gone => return self.given_up(Failed::EndpointGone),
            Outcome::NotAccepted { retry_after_s, .. } => {
                self.next_attempt_at = waits.next(self.tries, *retry_after_s, random, now);
                if self.next_attempt_at.is_none() {
                    return self.given_up(Failed::RetriesExhausted);
                }
            }
        }
        self
    }

    #[must_use]
    pub fn given_up(mut self, why: Failed) -> Self {
        self.busy_until = None;
        self.next_attempt_at = None;
        self.state = DeliveryState::Failed;
        self.failed = Some(why);
        self
    }

    /// A new round, from the first try; none while a try is under way.
    #[must_use]
    pub fn replayed(mut self, now: Timestamp) -> Option<Self> {
        if self.busy_until.is_some_and(|until| now < until) {
            return None;
        }
        self.state = DeliveryState::Pending;
        self.round += 1;
        self.tries = 0;
        self.next_attempt_at = None;
        self.busy_until = None;
        self.failed = None;
        Some(self)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

    pub(crate) fn told(url: &str) -> Told {
        Told {
            tenant_id: TenantId::parse("acme").unwrap(),
            endpoint_id: EndpointId::parse("we_a").unwrap(),
            job_id: JobId::parse("job").unwrap(),
            reconciliation_id: ReconciliationId::parse("jan").unwrap(),
            attempt: 1,
            url: url.into(),
            event_type: "reconciliation.completed".into(),
            payload: json!({"type": "reconciliation.completed"}),
            created_at: NOW,
        }
    }

    fn attempt() -> Attempt {
        Attempt { at: NOW, duration_ms: 1, status: None, problem: None }
    }

    fn refused(retry_after_s: Option<u32>) -> Outcome {
        Outcome::NotAccepted { status: Some(503), problem: "busy".into(), retry_after_s }
    }

    #[test]
    fn the_same_told_again_is_the_same_delivery() {
        let one = Delivery::new(told("https://a"));
        assert_eq!(
            one.delivery_id,
            Delivery::new(Told { created_at: Timestamp::from_millis(0), ..told("https://b") }).delivery_id
        );
        for other in [
            Told { attempt: 2, ..told("https://a") },
            Told { event_type: "reconciliation.failed".into(), ..told("https://a") },
            Told { endpoint_id: EndpointId::parse("we_b").unwrap(), ..told("https://a") },
            Told { tenant_id: TenantId::parse("other").unwrap(), ..told("https://a") },
        ] {
            assert_ne!(one.delivery_id, Delivery::new(other).delivery_id);
        }
    }

    #[test]
    fn a_delivery_is_tried_until_it_is_accepted_or_its_tries_are_used() {
        let waits = RetryWaits::read("10,20").unwrap();
        let mut delivery = Delivery::new(told("https://a"));
        assert_eq!(delivery.due(1, NOW), Due::Now);
        delivery = delivery.begun(NOW);
        assert_eq!(delivery.due(1, NOW), Due::Later(BUSY_MS), "a second message of the same delivery waits");
        delivery = delivery.tried(&refused(None), attempt(), &waits, 0, NOW);
        assert_eq!(delivery.due(1, NOW), Due::Later(10_000));
        let later = Timestamp::from_millis(NOW.millis() + 10_000);
        assert_eq!(delivery.due(1, later), Due::Now);
        delivery = delivery.tried(&refused(Some(60)), attempt(), &waits, 0, later);
        assert_eq!(delivery.due(1, later), Due::Later(60_000));
        let accepted = delivery.clone().tried(&Outcome::Accepted { status: 204 }, attempt(), &waits, 0, later);
        assert_eq!((accepted.state, accepted.tries, accepted.due(1, later)), (DeliveryState::Delivered, 3, Due::Never));
        let given_up = delivery.tried(&refused(None), attempt(), &waits, 0, later);
        assert_eq!((given_up.state, given_up.failed), (DeliveryState::Failed, Some(Failed::RetriesExhausted)));
        let again = given_up.replayed(later).unwrap();
        assert_eq!((again.round, again.tries, again.attempts.len(), again.failed), (2, 0, 3, None));
        assert_eq!((again.due(1, later), again.due(2, later)), (Due::Never, Due::Now));
        assert_eq!(again.begun(later).replayed(later), None);
    }

    #[test]
    fn the_log_is_bounded() {
        let waits = RetryWaits::read("1").unwrap();
        let mut delivery = Delivery::new(told("https://a"));
        for status in 0..100 {
            delivery.tries = 0;
            delivery = delivery.tried(&refused(None), Attempt { status: Some(status), ..attempt() }, &waits, 0, NOW);
        }
        assert_eq!((delivery.attempts.len(), delivery.attempts[MAX_LOGGED - 1].status), (MAX_LOGGED, Some(99)));
    }
}
