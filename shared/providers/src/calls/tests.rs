//! What the breaker hears of each call, and what it keeps from being sent.

use super::{Calls, RetryPolicy};
use crate::{
    credentials::Credentials,
    provider::{Provider, ProviderError},
    stripe::Stripe,
    testing::{FixedClock, Reply, Server, at, quick, tenant},
};
use async_trait::async_trait;
use domain::time::Window;
use resilience::breaker::{CircuitKey, Guarded, Outcome, Refused};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

const NOW: &str = "2026-02-01T00:00:00Z";

/// Hears everything, and lets a number of calls pass.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Outcome>>,
    passes: Option<usize>,
}

#[async_trait]
impl Guarded for Ear {
    async fn admit(&self) -> Result<(), Refused> {
        if self.passes.is_none_or(|passes| self.heard.lock().unwrap().len() < passes) {
            return Ok(());
        }
        Err(Refused { key: CircuitKey::tenant("stripe", &tenant()), retry_at: at("2026-02-01T00:00:41.500Z") })
    }

    async fn record(&self, outcome: Outcome) {
        self.heard.lock().unwrap().push(outcome);
    }

    async fn finish(&self) {}
}

struct Asked {
    error: Option<ProviderError>,
    heard: Vec<Outcome>,
    requests: usize,
}

/// Asks a server that always answers the same.
async fn ask(reply: Reply, ear: Ear, until: Option<Instant>, policy: RetryPolicy) -> Asked {
    let server = Server::start(move |_, _| reply.clone()).await;
    let ear = Arc::new(ear);
    let calls = Calls { guard: ear.clone(), until, policy, ..Calls::default() };
    let Ok(Credentials::Stripe { api_key }) = Credentials::read("stripe", &json!({"api_key": "rk_test_1"})) else {
        panic!("credentials")
    };
    let clock = Arc::new(FixedClock(at(NOW)));
    let adapter = Stripe::new(tenant(), &server.url, api_key, server.client.clone(), clock, calls);
    let window = Window { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-02T00:00:00Z") };
    let error = adapter.fetch(window, None).await.err();
    let heard = ear.heard.lock().unwrap().clone();
    Asked { error, heard, requests: server.requests().len() }
}

fn empty() -> Reply {
    Reply::json(&json!({"data": [], "has_more": false}))
}

#[tokio::test]
async fn every_try_is_a_call_that_failed() {
    for reply in [Reply::text(503, "busy"), Reply::HangUp] {
        let asked = ask(reply, Ear::default(), None, quick()).await;
        assert_eq!((asked.heard, asked.requests), (vec![Outcome::Failed; 4], 4));
        assert!(matches!(asked.error, Some(ProviderError::Transient { .. })));
    }
}

#[tokio::test]
async fn what_is_answered_well_is_a_success() {
    let asked = ask(empty(), Ear::default(), None, quick()).await;
    assert_eq!((asked.error, asked.heard.len()), (None, asked.requests));
    assert!(asked.heard.iter().all(|outcome| *outcome == Outcome::Succeeded));
}

#[tokio::test]
async fn what_is_refused_says_nothing_about_health() {
    for status in [400, 401, 403, 404, 409] {
        let asked = ask(Reply::text(status, "{}"), Ear::default(), None, quick()).await;
        assert!(asked.heard.iter().all(|outcome| *outcome == Outcome::Answered), "{status}");
    }
    let asked = ask(Reply::text(429, "{}"), Ear::default(), None, quick()).await;
    assert!(asked.heard.iter().all(|outcome| *outcome == Outcome::Answered), "429 without a time");
}

#[tokio::test]
async fn a_time_to_come_back_closes_the_account_until_then() {
    let asked = ask(Reply::text(429, "{}").with("Retry-After", "120"), Ear::default(), None, quick()).await;
    assert_eq!(asked.heard, [Outcome::Throttled { until: at("2026-02-01T00:02:00Z") }]);
    assert!(matches!(asked.error, Some(ProviderError::Throttled { retry_after_s: 120, .. })));
}

#[tokio::test]
async fn nothing_is_sent_while_the_circuit_is_open() {
    let asked = ask(empty(), Ear { passes: Some(0), ..Ear::default() }, None, quick()).await;
    assert_eq!(asked.requests, 0);
    let Some(ProviderError::CircuitOpen { retry_after_s: 42, message }) = asked.error else {
        panic!("{:?}", asked.error)
    };
    assert!(message.contains("stripe.tenant_1"), "{message}");
    let asked = ask(Reply::text(503, "busy"), Ear { passes: Some(2), ..Ear::default() }, None, quick()).await;
    assert_eq!(asked.requests, 2, "it opened in the middle of the retries");
    assert!(matches!(asked.error, Some(ProviderError::CircuitOpen { .. })));
}

#[tokio::test]
async fn nothing_waits_or_runs_beyond_the_invocation() {
    let slow = RetryPolicy { retries: 3, first: Duration::from_secs(3_600), cap: Duration::from_secs(3_600) };
    let until = Some(Instant::now() + Duration::from_secs(20));
    let wanted = Reply::text(503, "busy").with("Retry-After", "19");
    // Nineteen seconds would fit by themselves, but nothing could be asked after them; longer waits end a call anyway.
    let asked = ask(wanted, Ear::default(), until, slow).await;
    assert_eq!(asked.requests, 1);
    let over = Some(Instant::now() + Duration::from_millis(500));
    let asked = ask(empty(), Ear::default(), over, quick()).await;
    assert_eq!((asked.requests, asked.heard.len()), (0, 0));
    assert!(matches!(asked.error, Some(ProviderError::Transient { .. })));
}

#[tokio::test]
async fn a_wait_that_does_not_fit_into_the_invocation_is_not_begun() {
    let until = Some(Instant::now() + Duration::from_secs(3));
    let begun = Instant::now();
    let asked = ask(Reply::text(503, "busy").with("Retry-After", "9"), Ear::default(), until, quick()).await;
    assert_eq!(asked.requests, 1);
    assert!(matches!(asked.error, Some(ProviderError::Throttled { retry_after_s: 9, .. })));
    assert!(begun.elapsed() < Duration::from_secs(9), "it was not waited for");
}
