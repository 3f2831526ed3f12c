use super::*;
use domain::{Clock, CorrelationId, Metadata, TenantId};
use event_store::{Append, EventStore, MemoryStore, NewEvent, Transaction};
use lambda_runtime::Context;
use projections::{
    MemoryProjections, ProjectionStore, ReadModels,
    rebuild::{Phase, RebuildStore, Scope, request},
    store::{CheckpointKey, Trouble},
};
use std::sync::Mutex;
use testkit::{FixedClock, MemoryQueue, sample_events};

#[derive(Default)]
struct Asked(Mutex<Vec<Work>>);

#[async_trait]
impl Again for Asked {
    async fn again(&self, work: &Work) -> Result<(), MessageError> {
        self.0.lock().unwrap().push(work.clone());
        Ok(())
    }
}

/// A clock that runs with tokio's, which a test lets jump ahead.
struct Running(tokio::time::Instant);

impl Clock for Running {
    fn now(&self) -> domain::Timestamp {
        let passed = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        domain::Timestamp::from_millis(1_772_366_400_000 + passed)
    }
}

struct World {
    rows: Arc<MemoryProjections>,
    asked: Arc<Asked>,
    queue: Arc<MemoryQueue>,
    handler: Handler,
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

impl World {
    async fn new() -> Self {
        let store = MemoryStore::new();
        let side = |adapter: &str| serde_json::json!({"adapter": adapter, "connection": "c"});
        let started = serde_json::json!({
            "job_id": "job_1", "job_version": 1, "date_range": {"start": "2026-02-01", "end": "2026-02-28"},
            "timezone": "UTC", "source": side("shopify"), "target": side("stripe"), "as_of": "2026-03-01T12:00:00.000Z",
        });
        let append = Append {
            stream: StreamKey::new(&acme(), "reconciliation", "recon_1"),
            expected: 0,
            events: vec![NewEvent { event_type: "ReconciliationStarted".into(), event_version: 1, data: started }],
            commit_id: uuid::Uuid::from_u128(1),
            set_fence: None,
        };
        let metadata = Metadata {
            tenant_id: acme(),
            user_id: None,
            timestamp: FixedClock::default().now(),
            correlation_id: CorrelationId::parse("corr_1").unwrap(),
            causation_id: None,
        };
        store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
        let store: Arc<dyn EventStore> = Arc::new(store);
        let rows = Arc::new(MemoryProjections::new());
        let engine = Arc::new(Engine::new(Arc::clone(&store), Arc::clone(&rows) as _));
        let clock = Arc::new(Running(tokio::time::Instant::now()));
        let rebuilder = Rebuilder::new(store, Arc::clone(&rows) as _, Arc::clone(&engine), clock, 100);
        let asked = Arc::new(Asked::default());
        let handler = Handler { engine, rebuilder, again: Arc::clone(&asked) as _ };
        Self { rows, asked, queue: Arc::default(), handler }
    }

    async fn handle(&self, case: &str) {
        let consumer = Consumer::new(Arc::clone(&self.queue) as _, Arc::new(FixedClock::default()));
        let event = serde_json::from_value(sample_events("proj-rebuild").remove(case).unwrap()).unwrap();
        let response = self.handler.handle(&consumer, LambdaEvent::new(event, Context::default())).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_sample_event_is_read() {
    let world = World::new().await;
    for case in sample_events("proj-rebuild").keys() {
        world.handle(case).await;
    }
    let buried = world.queue.done().buried;
    assert_eq!(buried.len(), 1);
    assert!(buried[0].0.contains("no_such_view"));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_goes_on_from_message_to_message_until_it_is_done() {
    let world = World::new().await;
    let summary = named("reconciliation_summary").unwrap();
    request(&*world.rows, &summary, &Scope::All, None, FixedClock::default().now()).await.unwrap();
    let mut messages = 0;
    loop {
        world.handle("go-on").await;
        messages += 1;
        if world.asked.0.lock().unwrap().len() < messages {
            break;
        }
    }
    let registration = world.rows.registration(summary.name).await.unwrap();
    assert_eq!((registration.versions.live, registration.rebuild.unwrap().phase), (2, Phase::Done));
    assert!(world.rows.reconciliation(&acme(), "recon_1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_parked_pair_is_pulled_again() {
    let world = World::new().await;
    let stream = StreamKey::new(&acme(), "reconciliation", "recon_1");
    let key = CheckpointKey { projection: "tenant_usage_view".into(), version: 1, stream };
    let parked = Trouble { error: "an older release".into(), position: 1, attempts: 5, parked: true };
    let stand = world.rows.checkpoint(&key).await.unwrap().stand();
    world.rows.note(&key, stand, Some(&parked)).await.unwrap();
    world.handle("unpark").await;
    let checkpoint = world.rows.checkpoint(&key).await.unwrap();
    assert_eq!((checkpoint.version, checkpoint.trouble), (1, None));
}
