//! The handler over stores in memory: the sample event, repetitions, and what cannot be replayed.

use crate::handler::Handler;
use application::ReplayService;
use domain::{Clock, EndpointId, JobId, ReconciliationId, TenantId, Timestamp};
use event_store::{EventStore, MemoryStore};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FixedClock, SequentialIds, sample_events};
use webhooks::{
    Deliveries, Delivery, DeliveryKey, DeliveryState, Failed, MemoryDeliveries, SentMessages, delivery::Told,
};

struct World {
    deliveries: Arc<MemoryDeliveries>,
    queue: Arc<SentMessages>,
    clock: Arc<FixedClock>,
    handler: Handler,
}

fn delivery() -> Delivery {
    Delivery::new(Told {
        tenant_id: TenantId::parse("acme").unwrap(),
        endpoint_id: EndpointId::parse("we_books").unwrap(),
        job_id: JobId::parse("job_shop").unwrap(),
        reconciliation_id: ReconciliationId::parse("march").unwrap(),
        attempt: 1,
        url: "https://books.example/hook".into(),
        event_type: "reconciliation.completed".into(),
        payload: json!({"type": "reconciliation.completed"}),
        created_at: Timestamp::from_millis(0),
    })
}

/// The sample's delivery was given up.
async fn world() -> World {
    let (store, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(MemoryStore::new()), Arc::default(), Arc::default());
    let (deliveries, queue) = (Arc::new(MemoryDeliveries::default()), Arc::new(SentMessages::default()));
    assert!(deliveries.create(&delivery().given_up(Failed::RetriesExhausted)).await.unwrap());
    let service = ReplayService::new(store.clone(), clock.clone(), ids.clone(), deliveries.clone(), queue.clone());
    let handler = Handler { service, audit: Audit::new(store, clock.clone(), ids) };
    World { deliveries, queue, clock, handler }
}

impl World {
    async fn ask(&self, event: &Value) -> Held {
        hold(event, &self.handler.handle(event.clone()).await.unwrap()).unwrap()
    }
}

fn sample() -> Value {
    sample_events("cmd-replay-delivery").remove("replay").unwrap()
}

fn with_key(key: Option<&str>) -> Value {
    let mut event = sample();
    match key {
        Some(key) => event["headers"]["idempotency-key"] = json!(key),
        None => {
            event["headers"].as_object_mut().unwrap().remove("idempotency-key");
        }
    }
    event
}

#[tokio::test]
async fn a_replay_begins_one_round_per_key() {
    let world = world().await;
    let held = world.ask(&sample()).await;
    assert_eq!((held.status, &held.body["state"], &held.body["round"]), (202, &json!("pending"), &json!(2)));
    assert!(held.body.get("failed").is_none());
    let again = world.ask(&sample()).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body["round"]), ("true", &json!(2)));
    let rounds: Vec<u32> = world.queue.sent().iter().map(|message| message.round).collect();
    assert_eq!(rounds, [2, 2], "a repetition sends the message again, in case it was lost");
    assert_eq!(world.ask(&with_key(Some("another"))).await.body["round"], 3);
    assert_eq!(world.ask(&with_key(None)).await.body["round"], 4);
    let stored = world.deliveries.all();
    assert_eq!((stored.len(), stored[0].state), (1, DeliveryState::Pending));
}

#[tokio::test]
async fn a_delivery_under_way_is_a_conflict_and_a_strange_one_is_none() {
    let world = world().await;
    let key = DeliveryKey::of(&delivery());
    let stored = world.deliveries.get(&key).await.unwrap().unwrap();
    assert!(world.deliveries.replace(&delivery().begun(world.clock.now()), stored.revision).await.unwrap());
    assert_eq!(world.ask(&sample()).await.status, 409);
    world.clock.advance_ms(webhooks::delivery::BUSY_MS);
    assert_eq!(world.ask(&sample()).await.status, 202, "the same key, which did nothing before");
    for (name, value) in [
        ("delivery_id", "not-a-uuid"),
        ("delivery_id", "00000000-0000-0000-0000-000000000000"),
        ("endpoint_id", "we_other"),
        ("endpoint_id", "a b"),
    ] {
        let mut event = with_key(Some("k"));
        event["pathParameters"][name] = json!(value);
        assert_eq!(world.ask(&event).await.status, 404, "{name} {value}");
    }
    let mut foreign = with_key(Some("k"));
    foreign["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
    assert_eq!(world.ask(&foreign).await.status, 404);
    let mut with_body = with_key(Some("k"));
    with_body["body"] = json!("{\"now\": true}");
    assert_eq!(world.ask(&with_body).await.wrong(), [("/now", "unknown_field")]);
    let mut route = sample();
    route["routeKey"] = json!("$default");
    assert_eq!(world.ask(&route).await.status, 404);
}
