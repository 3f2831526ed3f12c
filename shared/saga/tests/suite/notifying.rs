//! Webhooks are queued once the run has ended, whichever way.

use crate::world::{CALLS, Call, World, failure};
use domain::{
    ErrorName,
    saga::{Step, StepStatus},
};

#[tokio::test]
async fn endpoints_hear_how_a_run_ended() {
    let completed = World::after(&CALLS).await;
    let failed = World::after(&CALLS[..2]).await;
    failed.finish(&failure("fetch_stripe_payments", "States.Timeout")).await.unwrap();
    failed.call(Call::Notify).await.unwrap();
    let first = |world: &World| world.queue.deliveries.lock().unwrap()[0].clone();
    let (good, bad) = (first(&completed), first(&failed));
    assert_eq!(
        (good.event_type.as_str(), bad.event_type.as_str()),
        ("reconciliation.completed", "reconciliation.failed")
    );
    assert_ne!(good.delivery_id, bad.delivery_id);
    assert_eq!((good.endpoint_id.as_str(), good.url.as_str()), ("books", "https://books.example/hook"));
    let data = &good.payload["data"];
    assert_eq!((&data["reconciliation_id"], &data["status"]), (&"jan".into(), &"completed".into()));
    assert_eq!(data["summary"]["accuracy_bp"], 5_000);
    assert!(data["report_url"].as_str().unwrap().starts_with("https://api.example/v1/reconciliations/jan/report"));
    assert_eq!(bad.payload["data"]["failure"]["type"], "Settler.StepTimedOut");
    assert!(bad.payload["data"]["summary"].is_null() && bad.payload["data"]["report_url"].is_null());
}

#[tokio::test]
async fn nobody_hears_of_a_run_that_goes_on() {
    let world = World::after(&CALLS[..5]).await;
    assert_eq!(world.call(Call::Notify).await.unwrap_err().name, ErrorName::Superseded);
    assert!(world.queue.deliveries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_queue_that_is_busy_is_written_down_and_tried_again() {
    let world = World::after(&CALLS[..6]).await;
    *world.queue.fail_next.lock().unwrap() = true;
    assert_eq!(world.call(Call::Notify).await.unwrap_err().name, ErrorName::Transient);
    assert_eq!(world.ledger_lines().await.last().unwrap(), "StepFailed notify_webhooks");
    world.call(Call::Notify).await.unwrap();
    let saga = world.saga().await;
    let step = saga.step(Step::NotifyWebhooks).unwrap();
    assert_eq!((step.status, step.tries), (StepStatus::Succeeded, 2));
    assert_eq!(step.reference["queued"], 1);
}
