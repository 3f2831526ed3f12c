//! The log alone is enough: at every step of a run, and at every moment of its past, what is folded from its events is
//! what the service shows.

use super::{
    client::{Stack, january},
    ledger::{Ledger, whole_run},
    processes::Function,
};
use domain::{
    Aggregate,
    aggregate::{self, fold},
    reconciliation::Reconciliation,
    saga::{Saga, Step},
};
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, Instant};

const TENANT: usize = 0;
const LIMIT: Duration = Duration::from_secs(60);

async fn events(stack: &Stack, aggregate_type: &str, id: &str) -> Vec<Value> {
    let path = format!("/admin/events/{aggregate_type}/{id}?tenant_id={}", stack.tenant(TENANT));
    stack.all(&path, stack.admin_key()).await
}

fn folded<A: Aggregate>(events: &[Value]) -> Value
where
    A::State: Serialize,
{
    let read = |event: &Value| -> A::Event {
        aggregate::from_parts(event["event_type"].as_str().unwrap(), event["data"].clone()).unwrap()
    };
    serde_json::to_value(fold::<A>(events.iter().map(read))).unwrap()
}

/// The saga in the list, which is its projection, says what the fold of the ledger says, once it has caught up.
async fn is_shown(stack: &Stack, id: &str) {
    let begun = Instant::now();
    loop {
        let ledger = events(stack, Saga::TYPE, id).await;
        let fold = folded::<Saga>(&ledger);
        let sagas = stack.all(&format!("/admin/sagas?tenant_id={}", stack.tenant(TENANT)), stack.admin_key()).await;
        let shown = sagas.into_iter().find(|saga| saga["saga_id"] == id).unwrap_or_default();
        if shown["version"].as_u64() == u64::try_from(ledger.len()).ok() {
            for (name, value) in fold.as_object().unwrap() {
                assert_eq!(shown.get(name).unwrap_or(&Value::Null), value, "`{name}` of {shown}");
            }
            return;
        }
        assert!(begun.elapsed() < LIMIT, "{shown} after {} events", ledger.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every moment of a stream's past, as the service folds it and as it is folded here.
async fn every_moment<A: Aggregate>(stack: &Stack, id: &str)
where
    A::State: Serialize,
{
    let all = events(stack, A::TYPE, id).await;
    assert!(all.len() >= 5, "{all:?}");
    for (index, event) in all.iter().enumerate() {
        let at = event["metadata"]["timestamp"].as_str().unwrap();
        // Events of one moment are seen together.
        if all.get(index + 1).is_some_and(|next| next["metadata"]["timestamp"] == at) {
            continue;
        }
        let path = format!("/admin/events/{}/{id}?tenant_id={}&as_of={at}", A::TYPE, stack.tenant(TENANT));
        let then = stack.get(&path, stack.admin_key()).await;
        assert_eq!(then.status, StatusCode::OK, "{}", then.body);
        assert_eq!(then.body["version"], index + 1, "{at}");
        assert_eq!(then.body["state"], folded::<A>(&all[..=index]), "{} at {at}", A::TYPE);
    }
}

#[tokio::test]
async fn the_fold_of_the_events_is_what_is_shown_at_every_step() {
    let stack = Stack::up();
    let shop = stack.shop(TENANT, "typical", 40, 57).await;
    whole_run(&stack, TENANT, &shop).await;
    let steps =
        [Step::FetchShopifyOrders, Step::PerformMatching, Step::PersistResults, Step::Finish, Step::NotifyWebhooks];
    let functions = steps.map(|step| Function::of_step(&stack, step));
    let mut held: Vec<_> = functions.iter().map(|function| Some(function.freeze())).collect();
    let started = stack.start(TENANT, january(&shop.job_id)).await;
    let id = started.text("reconciliation_id");
    for (index, held) in held.iter_mut().enumerate() {
        // The run stands still in front of this step.
        let before = index.checked_sub(1).map(|before| steps[before]);
        let there = |ledger: &Ledger| {
            !ledger.0.is_empty() && before.is_none_or(|step| ledger.count("StepSucceeded", step) == 1)
        };
        Ledger::until(&stack, TENANT, &id, there).await;
        is_shown(&stack, &id).await;
        drop(held.take());
    }
    Ledger::whole(&stack, TENANT, &id).await;
    is_shown(&stack, &id).await;
    let live = stack.get(&format!("/v1/reconciliations/{id}"), stack.key(TENANT)).await.body;
    let run = folded::<Reconciliation>(&events(&stack, Reconciliation::TYPE, &id).await);
    assert_eq!((&live["status"], &live["attempt"]), (&run["status"], &run["attempt"]), "{run}");
    every_moment::<Reconciliation>(&stack, &id).await;
    every_moment::<Saga>(&stack, &id).await;
}
