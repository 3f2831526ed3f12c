//! Cancel at every step and during a wait, pause and resume. A step is held by stopping its function's processes, so
//! that a command surely comes while the step is at work.

use super::{
    client::{Answer, Shop, Stack, january},
    ledger::{Ledger, succeeded_once, whole_run},
    processes::Function,
};
use domain::saga::Step;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::{Duration, Instant};

const TENANT: usize = 1;
const LIMIT: Duration = Duration::from_secs(60);
/// From the command to the end of undoing, on the local stack.
const CANCELLED_WITHIN: Duration = Duration::from_secs(10);

async fn start(stack: &Stack, shop: &Shop) -> String {
    let started = stack.start(TENANT, january(&shop.job_id)).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
    started.text("reconciliation_id")
}

async fn command(stack: &Stack, id: &str, verb: &str) -> Answer {
    stack.call(Method::POST, &format!("/v1/reconciliations/{id}/{verb}"), stack.key(TENANT), None).await
}

async fn until_status(stack: &Stack, id: &str, status: &str, limit: Duration) -> Value {
    let begun = Instant::now();
    loop {
        let summary = stack.get(&format!("/v1/reconciliations/{id}"), stack.key(TENANT)).await.body;
        if summary["status"] == status {
            return summary;
        }
        assert!(begun.elapsed() < limit, "not {status} after {limit:?}: {summary}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The steps that came before this one have succeeded, so its function has been asked, or is being asked now.
async fn reached(stack: &Stack, id: &str, step: Step) -> Ledger {
    let before = match step {
        Step::FetchShopifyOrders | Step::FetchStripePayments => &[][..],
        Step::PerformMatching => &[Step::FetchShopifyOrders, Step::FetchStripePayments],
        Step::PersistResults => &[Step::PerformMatching],
        Step::Finish => &[Step::PersistResults],
        Step::NotifyWebhooks => &[Step::Finish],
    };
    let ready =
        |ledger: &Ledger| !ledger.0.is_empty() && before.iter().all(|step| ledger.count("StepSucceeded", *step) == 1);
    Ledger::until(stack, TENANT, id, ready).await
}

/// Cancelled in time, undone in this order, and nothing of the run is visible.
async fn is_undone(stack: &Stack, id: &str, undone: &[Step], since: Instant) {
    until_status(stack, id, "cancelled", CANCELLED_WITHIN.saturating_sub(since.elapsed())).await;
    let ledger = Ledger::of(stack, TENANT, id).await;
    assert_eq!(ledger.undone(), undone, "{ledger:?}");
    for list in ["matches", "suggestions", "unmatched", "excluded", "orders"] {
        assert!(stack.list(TENANT, id, list).await.is_empty(), "{list} of a cancelled run");
    }
    let events = stack.event_types(TENANT, "reconciliation", id).await;
    assert_eq!(events.last().map(String::as_str), Some("ReconciliationCancelled"), "{events:?}");
}

#[tokio::test]
async fn cancel_at_every_step_undoes_all_of_it_within_seconds() {
    let stack = Stack::up();
    let shop = stack.shop(TENANT, "typical", 40, 54).await;
    whole_run(&stack, TENANT, &shop).await;
    for (step, undone) in [
        (Step::FetchShopifyOrders, &[][..]),
        (Step::PerformMatching, &[]),
        (Step::PersistResults, &[Step::PerformMatching]),
        (Step::Finish, &[Step::PersistResults, Step::PerformMatching]),
    ] {
        let function = Function::of_step(&stack, step);
        let held = function.freeze();
        let id = start(&stack, &shop).await;
        reached(&stack, &id, step).await;
        let since = Instant::now();
        let cancelled = command(&stack, &id, "cancel").await;
        assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{step:?}: {}", cancelled.body);
        drop(held);
        is_undone(&stack, &id, undone, since).await;
    }

    // Past the point of no return there is nothing left to cancel.
    let function = Function::of_step(&stack, Step::NotifyWebhooks);
    let held = function.freeze();
    let id = start(&stack, &shop).await;
    reached(&stack, &id, Step::NotifyWebhooks).await;
    let refused = command(&stack, &id, "cancel").await;
    assert_eq!((refused.status, &refused.body["state"]), (StatusCode::CONFLICT, &Value::from("completed")));
    drop(held);
    assert_eq!(stack.ended(TENANT, &id).await["status"], "completed");
}

#[tokio::test]
async fn cancel_ends_a_wait() {
    let stack = Stack::up();
    let shop = stack.shop(TENANT, "clean", 10, 55).await;
    let circuit = format!("/admin/circuit-breakers/stripe.{}", stack.tenant(TENANT));
    let forced = stack.call(Method::POST, &format!("{circuit}/open"), stack.admin_key(), None).await;
    assert_eq!(forced.status, StatusCode::OK, "{}", forced.body);
    let id = start(&stack, &shop).await;
    let waits = |ledger: &Ledger| ledger.count("StepWaiting", Step::FetchStripePayments) > 0;
    Ledger::until(&stack, TENANT, &id, waits).await;
    let since = Instant::now();
    let cancelled = command(&stack, &id, "cancel").await;
    let automatic = stack.call(Method::POST, &format!("{circuit}/auto"), stack.admin_key(), None).await;
    assert_eq!((cancelled.status, automatic.status), (StatusCode::ACCEPTED, StatusCode::OK), "{}", cancelled.body);
    is_undone(&stack, &id, &[], since).await;
}

#[tokio::test]
async fn a_paused_run_goes_on_where_it_stood() {
    let stack = Stack::up();
    let shop = stack.shop(TENANT, "typical", 40, 56).await;
    whole_run(&stack, TENANT, &shop).await;
    for step in [Step::FetchShopifyOrders, Step::PerformMatching, Step::PersistResults, Step::Finish] {
        let function = Function::of_step(&stack, step);
        let held = function.freeze();
        let id = start(&stack, &shop).await;
        reached(&stack, &id, step).await;
        let paused = command(&stack, &id, "pause").await;
        assert_eq!(paused.status, StatusCode::ACCEPTED, "{step:?}: {}", paused.body);
        drop(held);
        Ledger::until(&stack, TENANT, &id, |ledger| {
            Step::ALL.iter().any(|step| ledger.count("StepWaiting", *step) > 0)
        })
        .await;
        assert_eq!(until_status(&stack, &id, "paused", LIMIT).await["attempt"], 1);
        let resumed = command(&stack, &id, "resume").await;
        assert_eq!(resumed.status, StatusCode::ACCEPTED, "{step:?}: {}", resumed.body);
        let summary = stack.ended(TENANT, &id).await;
        assert_eq!(
            (summary["status"].as_str(), summary["attempt"].as_u64()),
            (Some("completed"), Some(1)),
            "{summary}"
        );
        succeeded_once(&Ledger::whole(&stack, TENANT, &id).await);
    }
}
