//! Every sample event over stores in memory.

use super::*;
use aws_lambda_events::event::sqs::SqsEvent;
use domain::{CorrelationId, Metadata, TenantId, Timestamp};
use event_store::{Append, EventStore, MemoryStore, NewEvent, StreamKey, Transaction};
use lambda_runtime::{Context, LambdaEvent};
use projections::{MemoryProjections, ReadModels};
use serde_json::{Value, json};
use testkit::{FixedClock, MemoryQueue, sample_events};

const RUN: &str = "recon_1";

fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

async fn append(store: &MemoryStore, expected: u64, events: &[(&str, Value)]) {
    let event = |(event_type, data): &(&str, Value)| NewEvent {
        event_type: (*event_type).to_owned(),
        event_version: 1,
        data: data.clone(),
    };
    let append = Append {
        stream: StreamKey::new(&tenant(), "saga", RUN),
        expected,
        events: events.iter().map(event).collect(),
        commit_id: uuid::Uuid::from_u128(u128::from(expected) + 1),
        set_fence: None,
    };
    let metadata = Metadata {
        tenant_id: tenant(),
        user_id: None,
        timestamp: Timestamp::parse("2026-03-01T12:00:00Z").unwrap(),
        correlation_id: CorrelationId::parse("corr_1").unwrap(),
        causation_id: None,
    };
    store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
}

struct World {
    store: MemoryStore,
    rows: Arc<MemoryProjections>,
    queue: Arc<MemoryQueue>,
}

impl World {
    async fn new() -> Self {
        let store = MemoryStore::new();
        let started = json!({"attempt": 1, "execution_arn": "arn:x", "job_id": "job_1"});
        let failed = json!({
            "attempt": 1, "step": "fetch_stripe_payments", "at": "2026-03-01T12:00:00.000Z",
            "failure": {
                "type": "Settler.ProviderAccessDenied", "message": "401", "step": "fetch_stripe_payments",
                "retryable": false,
            },
        });
        append(&store, 0, &[("SagaStarted", started), ("StepFailed", failed)]).await;
        Self { store, rows: Arc::default(), queue: Arc::default() }
    }

    /// Ids of the messages that were given back.
    async fn handle(&self, case: &str) -> Vec<String> {
        let engine = Engine::of(Arc::new(self.store.clone()), Arc::clone(&self.rows) as _, &[ERROR_HOTSPOTS]);
        let consumer = Consumer::new(Arc::clone(&self.queue) as _, Arc::new(FixedClock::default()));
        let event: SqsEvent = serde_json::from_value(sample_events("proj-hotspots").remove(case).unwrap()).unwrap();
        let response = answer_bells(&engine, &consumer, LambdaEvent::new(event, Context::default())).await.unwrap();
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }
}

#[tokio::test]
async fn every_sample_event_is_read_and_none_comes_back() {
    let world = World::new().await;
    for case in sample_events("proj-hotspots").keys() {
        assert_eq!(world.handle(case).await, Vec::<String>::new(), "{case}");
    }
    let buried = world.queue.done().buried;
    assert_eq!(buried.len(), 1, "what is no bus event is given up at once");
    assert_eq!(buried[0].0, "not json");
}

#[tokio::test]
async fn a_doorbell_fills_the_view() {
    let world = World::new().await;
    world.handle("moved").await;
    let page = world.rows.error_hotspots(&tenant(), &projections::HotspotFilter::default(), 9, None).await.unwrap();
    let spot = &page.items[0];
    assert_eq!((spot.count, spot.step.as_str()), (1, "fetch_stripe_payments"));
    assert_eq!(spot.job_id.as_ref().map(ToString::to_string).as_deref(), Some("job_1"));
}

#[tokio::test]
async fn an_event_that_nobody_knows_brings_the_message_back_until_its_pair_is_parked() {
    let world = World::new().await;
    append(&world.store, 2, &[("NobodyKnows", json!({}))]).await;
    for _ in 1..projections::engine::PARK_AFTER_ATTEMPTS {
        assert_eq!(world.handle("moved-further").await.len(), 1);
    }
    assert_eq!(world.handle("moved-further").await, Vec::<String>::new(), "parked: nothing to come back for");
}
