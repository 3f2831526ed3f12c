//! Every sample event over stores in memory, with an endpoint that answers as it is told.

use crate::{MOST_HIDDEN_S, handle};
use async_trait::async_trait;
use aws_lambda_events::event::sqs::SqsEvent;
use domain::{
    ConnectionId, CorrelationId, EndpointId, JobId, Metadata, ReconciliationId, TenantId, Timestamp,
    connection::Adapter,
    job::{self, Job, JobDefinition, JobState, Side},
    ports::Secrets,
    webhook::WebhookEndpoint,
};
use event_store::{EventStore, MemoryStore, NewCommit, Transaction};
use lambda_runtime::{Context, LambdaEvent};
use runtime::Consumer;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use testkit::{FixedClock, MemoryQueue, MemorySecrets, SequentialIds, sample_events};
use uuid::Uuid;
use webhooks::{
    Deliverer, Deliveries, Delivery, DeliveryState, EndpointSecret, MemoryDeliveries, Outcome, RetryWaits, Sender,
    delivery::Told, endpoint_secret, sender::Request,
};

#[derive(Default)]
struct Endpoint(Mutex<VecDeque<Outcome>>, Mutex<u32>);

#[async_trait]
impl Sender for Endpoint {
    async fn send(&self, _: &Request, _: Timestamp) -> Outcome {
        *self.1.lock().unwrap() += 1;
        self.0.lock().unwrap().pop_front().unwrap_or(Outcome::Accepted { status: 200 })
    }
}

struct World {
    deliveries: Arc<MemoryDeliveries>,
    endpoint: Arc<Endpoint>,
    clock: Arc<FixedClock>,
    queue: Arc<MemoryQueue>,
    deliverer: Deliverer,
    consumer: Consumer,
}

fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// The delivery of the samples waits for its first try.
async fn world(waits: &str) -> World {
    let store = MemoryStore::new();
    let (deliveries, secrets) = (Arc::new(MemoryDeliveries::default()), Arc::new(MemorySecrets::default()));
    let (endpoint, clock, queue) = (Arc::new(Endpoint::default()), Arc::new(FixedClock::default()), Arc::default());
    let endpoint_id = EndpointId::parse("we_books").unwrap();
    let url = "https://books.example/hook";
    let side = |adapter: Adapter| Side { adapter, connection: ConnectionId::parse(adapter.as_str()).unwrap() };
    let definition = JobDefinition {
        name: "shop".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
        timezone: "UTC".into(),
        matching_rules: None,
        webhooks: vec![WebhookEndpoint { endpoint_id: endpoint_id.clone(), url: url.into(), disabled: None }],
        schedule: None,
    };
    let events = job::create(&JobState::default(), &definition).unwrap();
    let append = NewCommit::of::<Job>(&tenant(), "job_shop", 0, &events, Uuid::from_u128(1)).unwrap();
    let metadata = Metadata {
        tenant_id: tenant(),
        user_id: None,
        timestamp: Timestamp::from_millis(0),
        correlation_id: CorrelationId::parse("corr").unwrap(),
        causation_id: None,
    };
    store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
    let secret = EndpointSecret::new(&[1; 32]).write().unwrap();
    secrets.put(&endpoint_secret(&tenant(), &endpoint_id), &secret).await.unwrap();
    let delivery = Delivery::new(Told {
        tenant_id: tenant(),
        endpoint_id,
        job_id: JobId::parse("job_shop").unwrap(),
        reconciliation_id: ReconciliationId::parse("march").unwrap(),
        attempt: 1,
        url: url.into(),
        event_type: "reconciliation.completed".into(),
        payload: json!({"type": "reconciliation.completed"}),
        created_at: Timestamp::from_millis(0),
    });
    // The samples name it by the id that follows from what it tells.
    assert!(deliveries.create(&delivery).await.unwrap());
    let deliverer = Deliverer {
        store: Arc::new(store),
        deliveries: deliveries.clone(),
        secrets,
        sender: endpoint.clone(),
        clock: clock.clone(),
        ids: Arc::new(SequentialIds::default()),
        waits: RetryWaits::read(waits).unwrap(),
    };
    let queue: Arc<MemoryQueue> = queue;
    let mut consumer = Consumer::new(queue.clone(), clock.clone());
    consumer.max_receives = 20;
    World { deliveries, endpoint, clock, queue, deliverer, consumer }
}

impl World {
    /// Ids of the messages that were given back.
    async fn hand(&self, event: &Value) -> Vec<String> {
        let event: SqsEvent = serde_json::from_value(event.clone()).unwrap();
        let response =
            handle(&self.deliverer, &self.consumer, LambdaEvent::new(event, Context::default())).await.unwrap();
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    fn state(&self) -> DeliveryState {
        self.deliveries.all()[0].state
    }
}

fn sample(name: &str) -> Value {
    sample_events("deliver-webhook").remove(name).unwrap()
}

#[tokio::test]
async fn every_sample_event_is_handled() {
    let samples = sample_events("deliver-webhook");
    assert_eq!(samples.keys().map(String::as_str).collect::<Vec<_>>(), ["queued", "replayed", "unreadable"]);
    for (name, state, buried) in [
        ("queued", DeliveryState::Delivered, 0),
        ("replayed", DeliveryState::Pending, 0),
        ("unreadable", DeliveryState::Pending, 1),
    ] {
        let world = world("").await;
        assert!(world.hand(&samples[name]).await.is_empty(), "{name}");
        assert_eq!((world.state(), world.queue.done().buried.len()), (state, buried), "{name}");
    }
}

#[tokio::test]
async fn a_delivery_that_is_to_be_tried_again_keeps_its_message_out_of_sight_until_then() {
    let world = world("5,50000").await;
    let refused = || Outcome::NotAccepted { status: Some(503), problem: "busy".into(), retry_after_s: Some(7) };
    world.endpoint.0.lock().unwrap().extend([refused(), refused()]);
    let event = sample("queued");
    for hidden_s in [7, u32::try_from(MOST_HIDDEN_S).unwrap()] {
        assert_eq!(world.hand(&event).await.len(), 1, "given back");
        assert_eq!(world.queue.done().delayed.last().map(|(_, seconds)| *seconds), Some(hidden_s));
        world.clock.advance_ms(i64::from(hidden_s) * 1_000);
    }
    // A wait longer than a message can be hidden takes another round, in which nothing is sent.
    assert_eq!(world.hand(&event).await.len(), 1);
    assert_eq!(*world.endpoint.1.lock().unwrap(), 2);
    world.clock.advance_ms(20_400_000);
    assert!(world.hand(&event).await.is_empty());
    assert_eq!((world.state(), *world.endpoint.1.lock().unwrap()), (DeliveryState::Delivered, 3));
}
