//! Every step may be called again at any time, and may die at any write.

use crate::world::{CALLS, Call, World};
use domain::{
    ErrorName,
    saga::{SagaStatus, StepStatus},
};
use projections::ResultList;
use testkit::{Fault, survives};

/// As often as the state machine tries a step.
const TRIES: usize = 4;

/// Runs all steps as the state machine does: a crash or a transient error is tried again.
async fn drive(world: &World) {
    for call in CALLS {
        let mut last = None;
        for _ in 0..TRIES {
            let process = world.clone();
            match survives(async move { process.call(call).await }).await {
                Some(Ok(())) => {
                    last = None;
                    break;
                }
                Some(Err(error)) if error.name != ErrorName::Transient => panic!("{call:?}: {error}"),
                other => last = Some(other),
            }
        }
        assert!(last.is_none(), "{call:?} did not recover: {last:?}");
    }
}

#[tokio::test]
async fn calling_a_step_twice_writes_nothing_more() {
    let world = World::plain().await;
    for call in CALLS {
        world.call(call).await.unwrap();
        let (written, blobs, asked) = (world.written(), world.blobs.keys(), world.shop.calls().len());
        world.call(call).await.unwrap();
        assert_eq!(world.written(), written, "{call:?}");
        assert_eq!(world.blobs.keys(), blobs, "{call:?}");
        assert_eq!(world.shop.calls().len(), asked, "{call:?} does not fetch again");
    }
    assert_eq!(world.queue.deliveries.lock().unwrap().len(), 1);
    assert_eq!(world.executions.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_step_that_dies_or_finds_the_store_busy_at_any_write_ends_the_same() {
    let clean = World::plain().await;
    drive(&clean).await;
    let total = clean.store.appends();
    assert!(total > 12, "{total}");
    for fault in [Fault::Busy, Fault::VersionConflict, Fault::LostAnswer, Fault::CrashBefore, Fault::CrashAfter] {
        for position in 0..total {
            let world = World::with_fault(position, fault).await;
            drive(&world).await;
            let what = format!("{fault:?} at append {position}");
            assert_eq!(world.run_events().await, clean.run_events().await, "{what}");
            assert_eq!(world.match_events().await, clean.match_events().await, "{what}");
            assert_eq!(world.blobs.keys(), clean.blobs.keys(), "{what}");
            assert_eq!(world.rows(ResultList::Unmatched).await, clean.rows(ResultList::Unmatched).await, "{what}");
            let saga = world.saga().await;
            assert_eq!(saga.status, SagaStatus::Completed, "{what}");
            assert!(saga.steps.iter().all(|run| run.status == StepStatus::Succeeded), "{what}: {saga:?}");
            let lines = world.ledger_lines().await;
            for run in &saga.steps {
                let success = format!("StepSucceeded {}", run.step.as_str());
                assert_eq!(lines.iter().filter(|line| **line == success).count(), 1, "{what}: {success}");
            }
            let mut deliveries: Vec<_> =
                world.queue.deliveries.lock().unwrap().iter().map(|delivery| delivery.delivery_id).collect();
            deliveries.dedup();
            assert_eq!(deliveries.len(), 1, "{what}: one message, however often it was queued");
            assert_eq!(*world.executions.started.lock().unwrap(), *clean.executions.started.lock().unwrap(), "{what}");
        }
    }
}

#[tokio::test]
async fn both_fetches_at_once_leave_the_same_events() {
    let world = World::after(&CALLS[..1]).await;
    let (orders, payments) = tokio::join!(world.call(Call::FetchOrders), world.call(Call::FetchPayments));
    orders.unwrap();
    payments.unwrap();
    for call in &CALLS[3..] {
        world.call(*call).await.unwrap();
    }
    let one_after_the_other = World::after(&CALLS).await;
    let sorted = |mut events: Vec<(String, serde_json::Value)>| {
        events.sort_by(|one, other| one.0.cmp(&other.0));
        events
    };
    assert_eq!(sorted(world.run_events().await), sorted(one_after_the_other.run_events().await));
    assert_eq!(world.match_events().await, one_after_the_other.match_events().await);
}
