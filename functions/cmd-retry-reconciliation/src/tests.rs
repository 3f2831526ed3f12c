//! Every sample event over a run in memory; a state in which the command makes no sense; repetitions.

use application::{Caller, Conditions, ReconciliationService};
use domain::{
    ConnectionId, CorrelationId, DateRange, JobId, Metadata, ReconciliationId, TenantId, Timestamp,
    connection::Adapter,
    job::Side,
    reconciliation::{self, Reconciliation, Request},
};
use event_store::{EventStore, MemoryStore, NewCommit, StreamKey, Transaction};
use http_api::{
    audit::Audit,
    held::{Held, hold},
    steering::{Steer, Steering},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FixedClock, MemoryBlobs, SequentialIds, sample_events};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);
const FUNCTION: &str = "cmd-retry-reconciliation";

struct World {
    store: MemoryStore,
    steering: Steering,
    audit: Audit,
}

fn caller() -> Caller {
    Caller { tenant: TenantId::parse("acme").unwrap(), key_id: "key_acme".into() }
}

fn id() -> ReconciliationId {
    ReconciliationId::parse("february").unwrap()
}

/// A run `february` of tenant `acme`, running or as `status` says.
async fn world(status: &str) -> World {
    let store = MemoryStore::new();
    let events: Arc<dyn EventStore> = Arc::new(store.clone());
    let (clock, ids): (Arc<FixedClock>, Arc<SequentialIds>) = (Arc::default(), Arc::default());
    let side = |adapter| Side { adapter, connection: ConnectionId::parse("c").unwrap() };
    let request = Request {
        job_id: JobId::parse("job").unwrap(),
        job_version: 1,
        date_range: DateRange { start: "2026-02-01".into(), end: "2026-02-28".into() },
        timezone: "UTC".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
    };
    let started = reconciliation::start(&None, &request, NOW).unwrap();
    let append =
        NewCommit::of::<Reconciliation>(&caller().tenant, "february", 0, &started, Uuid::from_u128(1)).unwrap();
    let metadata = Metadata {
        tenant_id: caller().tenant,
        user_id: None,
        timestamp: NOW,
        correlation_id: CorrelationId::parse("corr-february").unwrap(),
        causation_id: None,
    };
    events.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
    let service = ReconciliationService::new(events.clone(), clock.clone(), ids.clone());
    let admin = application::AdminService::new(
        events.clone(),
        Arc::new(testkit::MemoryBlobs::default()),
        clock.clone(),
        ids.clone(),
    );
    match status {
        "paused" => drop(service.pause(&caller(), &id(), None, Conditions::default()).await.unwrap()),
        "failed" => drop(admin.kill(&caller(), &id(), None, Conditions::default()).await.unwrap()),
        _ => {}
    }
    let steering = Steering { service, blobs: Some(Arc::new(MemoryBlobs::default())) };
    World { store, steering, audit: Audit::new(events, clock, ids) }
}

impl World {
    async fn ask(&self, event: &Value) -> Held {
        let answer = self.steering.handle(&self.audit, Steer::Retry, event.clone()).await.unwrap();
        hold(event, &answer).unwrap()
    }

    async fn version(&self) -> u64 {
        let stream = StreamKey::new(&caller().tenant, "reconciliation", "february");
        self.store.head(&stream).await.unwrap().unwrap().version
    }
}

fn sample(name: &str) -> Value {
    sample_events(FUNCTION).remove(name).unwrap()
}

#[tokio::test]
async fn every_sample_event_is_answered_as_the_document_says() {
    for (name, event) in sample_events(FUNCTION) {
        let world = world("failed").await;
        let before = world.version().await;
        let held = world.ask(&event).await;
        let refused = name.starts_with("wrong") || name.starts_with("unknown") || name == "from-step";
        if refused {
            assert!([400, 409].contains(&held.status), "{name}: {}", held.body);
            assert_eq!(world.version().await, before, "{name}: nothing changed");
        } else {
            assert_eq!((held.status, &held.body["status"]), (202, &json!("running")), "{name}: {}", held.body);
            assert_eq!(held.body["correlation_id"], "corr-february", "{name}");
            assert_eq!(world.version().await, before + 1, "{name}");
        }
    }
}

#[tokio::test]
async fn given_again_while_it_lasts_it_changes_nothing() {
    let world = world("failed").await;
    let first = world.ask(&sample("plain")).await;
    let version = world.version().await;
    assert_eq!(world.ask(&sample("plain")).await.body, first.body);
    let mut keyed = sample("plain");
    keyed["headers"]["idempotency-key"] = json!("k1");
    assert_eq!(world.ask(&keyed).await.body, first.body);
    let again = world.ask(&keyed).await;
    assert_eq!((again.body, again.headers["idempotent-replayed"].as_str()), (first.body, Some("true")));
    assert_eq!(world.version().await, version);
}

#[tokio::test]
async fn where_it_makes_no_sense_it_is_refused_with_the_state() {
    let world = world("running").await;
    let before = world.version().await;
    let held = world.ask(&sample("plain")).await;
    assert_eq!((held.status, &held.body["code"]), (409, &json!("conflict")));
    assert_eq!(held.body["state"], "running");
    let mut stale = sample("plain");
    stale["headers"]["if-match"] = json!("\"7\"");
    assert!([409, 412].contains(&world.ask(&stale).await.status));
    let mut unknown = sample("plain");
    unknown["pathParameters"]["id"] = json!("march");
    assert_eq!(world.ask(&unknown).await.status, 404);
    assert_eq!(world.version().await, before);
}

#[tokio::test]
async fn inputs_that_are_gone_are_told_with_the_step_that_is_possible() {
    let held = world("failed").await.ask(&sample("from-step")).await;
    assert_eq!((held.status, &held.body["code"]), (409, &json!("staged_data_expired")));
    assert_eq!(held.body["earliest_step"], "fetch_shopify_orders", "{}", held.body);
}
