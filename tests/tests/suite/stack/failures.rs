//! Providers that answer wrongly: the run fails with a failure that a person understands, nothing is half visible, and
//! the same range can be run again.

use super::client::{Shop, Stack, january};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Puts a fault on one shop's own path or on Stripe, runs, and takes it away. Faults are global to the sandbox, so these
/// tests run one after the other (a nextest group) and never beside others.
async fn run_with_fault(stack: &Stack, shop: &Shop, fault: Value) -> Value {
    stack.control(Method::POST, "faults", Some(fault)).await;
    let started = stack.start(0, january(&shop.job_id)).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
    let summary = stack.ended(0, &started.text("reconciliation_id")).await;
    stack.control(Method::DELETE, "faults", None).await;
    summary
}

#[tokio::test]
async fn a_provider_that_answers_wrongly_fails_the_run_and_shows_nothing() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 71).await;
    for (fault, step, name) in [
        (json!({ "provider": "stripe", "status": 401 }), "fetch_stripe_payments", "Settler.ProviderAccessDenied"),
        (json!({ "provider": "stripe", "malformed": true }), "fetch_stripe_payments", "Settler.ProviderMalformed"),
        (json!({ "provider": "shopify", "status": 403 }), "fetch_shopify_orders", "Settler.ProviderAccessDenied"),
        (json!({ "provider": "shopify", "malformed": true }), "fetch_shopify_orders", "Settler.ProviderMalformed"),
    ] {
        let summary = run_with_fault(&stack, &shop, fault).await;
        let failure = &summary["failure"];
        assert_eq!(
            (summary["status"].as_str(), failure["step"].as_str(), failure["type"].as_str()),
            (Some("failed"), Some(step), Some(name)),
            "{summary}"
        );
        assert!(failure["message"].as_str().is_some_and(|message| message.len() > 10), "{failure}");
        let id = summary["reconciliation_id"].as_str().unwrap();
        for list in ["matches", "suggestions", "unmatched", "excluded", "orders"] {
            assert!(stack.list(0, id, list).await.is_empty(), "{list} of a failed run");
        }
        let events = stack.event_types(0, "reconciliation", id).await;
        assert_eq!(events.last().map(String::as_str), Some("ReconciliationFailed"), "{events:?}");
        let ledger = stack.event_types(0, "saga", id).await;
        assert!(ledger.contains(&"StepFailed".to_owned()) && ledger.contains(&"Compensated".to_owned()), "{ledger:?}");
    }
    let again = stack.reconcile(0, &shop).await;
    assert_eq!(again["status"], "completed", "{again}");
}

#[tokio::test]
async fn a_throttled_provider_is_waited_for() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 72).await;
    let summary =
        run_with_fault(&stack, &shop, json!({ "provider": "stripe", "status": 429, "retry_after_s": 1, "count": 2 }))
            .await;
    assert_eq!(summary["status"], "completed", "{summary}");
}

#[tokio::test]
async fn errors_are_counted_by_run_job_and_step() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 73).await;
    let summary = run_with_fault(&stack, &shop, json!({ "provider": "stripe", "status": 401 })).await;
    let id = summary["reconciliation_id"].as_str().unwrap();
    let begun = std::time::Instant::now();
    let spots = loop {
        let spots = stack.all(&format!("/v1/error-hotspots?reconciliation_id={id}"), stack.key(0)).await;
        if !spots.is_empty() {
            break spots;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "the failure is not counted");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    };
    assert_eq!(spots.len(), 1, "{spots:?}");
    assert_eq!(
        (&spots[0]["error_type"], &spots[0]["step"], &spots[0]["job_id"]),
        (&json!("Settler.ProviderAccessDenied"), &json!("fetch_stripe_payments"), &json!(shop.job_id))
    );
    assert_eq!(stack.all(&format!("/v1/error-hotspots?job_id={}", shop.job_id), stack.key(0)).await, spots);
    let others = stack.all(&format!("/v1/error-hotspots?reconciliation_id={id}"), stack.key(1)).await;
    assert!(others.is_empty(), "another tenant sees nothing");
}
