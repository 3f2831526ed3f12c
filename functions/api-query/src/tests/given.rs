//! A run of tenant `acme` with results, as commands, steps and projections would have left it.

use crate::handler::Handler;
use application::{Caller, ConnectionService, JobService, ReconciliationService, StartReconciliation};
use domain::{
    ConnectionId, CorrelationId, DateRange, EndpointId, JobId, Metadata, ReconciliationId, TenantId, Timestamp,
    connection::Adapter,
    job::{JobDefinition, Side},
    matches::MATCHES,
    reconciliation::{self, Published, Reconciliation},
    saga::{Saga, SagaEvent, Step},
    summary::{RunSummary, SideCounts},
};
use event_store::{Append, EventStore, MemoryStore, NewCommit, NewEvent, StreamKey, Transaction, load};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use projections::{Engine, MemoryProjections, MemoryResultPages, ResultList, ResultPages};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{
    FixedClock, MemoryBlobs, MemoryConsumption, MemoryExecutions, MemorySecrets, SequentialIds, sample_events,
};
use uuid::Uuid;
use webhooks::{Deliveries, Delivery, MemoryDeliveries, delivery::Told};

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

pub struct World {
    store: MemoryStore,
    models: Arc<MemoryProjections>,
    pages: Arc<MemoryResultPages>,
    deliveries: Arc<MemoryDeliveries>,
    clock: Arc<FixedClock>,
    ids: Arc<SequentialIds>,
    pub consumption: Arc<MemoryConsumption>,
    pub executions: Arc<MemoryExecutions>,
    handler: Handler,
}

pub fn sample(name: &str) -> Value {
    sample_events("api-query").remove(name).unwrap()
}

fn acme() -> Caller {
    Caller { tenant: TenantId::parse("acme").unwrap(), key_id: "key_acme".into() }
}

fn run_id() -> ReconciliationId {
    ReconciliationId::parse("february").unwrap()
}

fn job_id() -> JobId {
    JobId::parse("job_shop").unwrap()
}

fn found(number: usize) -> Value {
    json!({
        "kind": "pair", "source_ids": [format!("gid://shopify/OrderTransaction/{number}")], "target_ids": [format!("ch_{number}")],
        "order_names": ["#1001"], "amount_minor": 1200, "currency": "EUR", "confidence_bp": 9999, "rule": "strong_id@1",
        "matched_fields": ["strong_id"], "difference": {"fee": 0, "fx": 0, "tip": 0, "rounding": 0, "partial": 0, "unexplained": 0},
    })
}

fn left_over(id: &str) -> Value {
    json!({
        "record_id": id, "side": "source", "class": "missing", "order_name": "#1002", "amount_minor": 900, "currency": "EUR",
        "occurred_at": "2026-02-03T10:00:00.000Z", "reason": "no_counterpart", "explanation": "No payment of 9.00 EUR was found.",
        "candidates": [{"record_id": "ch_9", "score": 120, "why_not": "another amount"}],
    })
}

fn excluded() -> Value {
    json!({
        "record_id": "gid://shopify/OrderTransaction/90", "side": "source", "amount_minor": 100, "currency": "EUR",
        "occurred_at": "2026-02-03T10:00:00.000Z", "reason": "manual_gateway",
    })
}

fn order(name: &str, state: &str) -> Value {
    json!({
        "order_id": format!("gid://shopify/Order/{name}"), "order_name": format!("#{name}"), "currency": "EUR",
        "total_minor": 1200, "received_minor": 0, "refunded_minor": 0, "matched_minor": 0, "state": state,
    })
}

impl World {
    fn empty() -> Self {
        let store = MemoryStore::new();
        let (models, pages) = (Arc::new(MemoryProjections::new()), Arc::new(MemoryResultPages::new()));
        let (clock, ids): (Arc<FixedClock>, Arc<SequentialIds>) = (Arc::default(), Arc::default());
        let deliveries = Arc::new(MemoryDeliveries::default());
        let (consumption, executions): (Arc<MemoryConsumption>, Arc<MemoryExecutions>) =
            (Arc::default(), Arc::default());
        let handler = Handler {
            store: Arc::new(store.clone()),
            models: models.clone(),
            pages: pages.clone(),
            deliveries: deliveries.clone(),
            blobs: Arc::new(MemoryBlobs::default()),
            clock: clock.clone(),
            audit: Audit::new(Arc::new(store.clone()), clock.clone(), ids.clone()),
            consumption: consumption.clone(),
            executions: executions.clone(),
        };
        Self { store, models, pages, deliveries, clock, ids, consumption, executions, handler }
    }

    /// Connections, a job, and the run `february` under way, with matches that nobody may see yet.
    pub async fn running() -> Self {
        let world = Self::empty();
        let events: Arc<dyn EventStore> = Arc::new(world.store.clone());
        let (clock, ids) = (world.clock.clone(), world.ids.clone());
        let connections =
            ConnectionService::new(events.clone(), Arc::new(MemorySecrets::default()), clock.clone(), ids.clone());
        let mut sides = Vec::new();
        for (name, adapter, credentials) in [
            ("shop", Adapter::Shopify, json!({"shop": "acme", "access_token": "shpat_example"})),
            ("payments", Adapter::Stripe, json!({"api_key": "rk_test_example"})),
        ] {
            let connection = ConnectionId::parse(name).unwrap();
            connections.put(&acme(), connection.clone(), adapter, credentials).await.unwrap();
            sides.push(Side { adapter, connection });
        }
        let definition = JobDefinition {
            name: "Shop".into(),
            source: sides[0].clone(),
            target: sides[1].clone(),
            timezone: "Europe/Berlin".into(),
            matching_rules: None,
            webhooks: Vec::new(),
            schedule: None,
        };
        world.jobs().create(&acme(), Some(job_id()), definition, None).await.unwrap();
        let command = StartReconciliation {
            reconciliation_id: Some(run_id()),
            job_id: job_id(),
            date_range: DateRange { start: "2026-02-01".into(), end: "2026-02-28".into() },
            source_adapter: None,
            target_adapter: None,
            correlation_id: None,
        };
        ReconciliationService::new(events, clock, ids).start(&acme(), command, None).await.unwrap();
        world.matches("RecordMatched", 5).await;
        world
    }

    pub async fn published() -> Self {
        let world = Self::running().await;
        world.publish().await;
        world
    }

    /// Publishes what there is, ends the run, and lets the projections catch up.
    pub async fn publish(&self) {
        let orders = |state, row| (ResultList::Orders(state), vec![row]);
        for (list, rows) in [
            (ResultList::Suggested, vec![found(50), found(51)]),
            (ResultList::Unmatched, vec![left_over("gid://shopify/OrderTransaction/80")]),
            (ResultList::Excluded, vec![excluded()]),
            orders(domain::matches::OrderState::Paid, order("1001", "paid")),
            orders(domain::matches::OrderState::Unpaid, order("1002", "unpaid")),
        ] {
            self.pages.write(&acme().tenant, &run_id(), 1, list, &rows).await.unwrap();
        }
        let side = |matched| SideCounts { matched, suggested: 2, unmatched: 1, excluded: 1 };
        let summary = RunSummary {
            source: side(5),
            target: side(5),
            engine_version: "1".into(),
            rule_set_version: "1".into(),
            input_digest: "d".into(),
            ..RunSummary::default()
        };
        let published = Published { attempt: 1, summary, reference: "results/x".into(), digest: "d".into() };
        for step in 0..2 {
            let run = load::<Reconciliation>(&self.store, &acme().tenant, "february").await.unwrap();
            let events = match step {
                0 => reconciliation::publish(&run.state, &published).unwrap(),
                _ => reconciliation::complete(&run.state, 1, NOW).unwrap(),
            };
            self.append(
                NewCommit::of::<Reconciliation>(&acme().tenant, "february", run.version, &events, self.id()).unwrap(),
            )
            .await;
        }
        let ledger = [
            SagaEvent::SagaStarted { attempt: 1, execution_arn: "arn:x".into() },
            SagaEvent::StepStarted { attempt: 1, step: Step::Finish, at: NOW },
        ];
        self.append(NewCommit::of::<Saga>(&acme().tenant, "february", 0, &ledger, self.id()).unwrap()).await;
        self.project().await;
    }

    /// Appends `count` events of this type to the run's matches.
    pub async fn matches(&self, event_type: &str, count: usize) {
        let stream = StreamKey::new(&acme().tenant, MATCHES, "february-a1");
        let expected = self.store.head(&stream).await.unwrap().map_or(0, |head| head.version);
        let data =
            |number| if event_type == "RecordMatched" { found(number) } else { json!({"reason": "other input"}) };
        let event = |number| NewEvent { event_type: event_type.into(), event_version: 1, data: data(number) };
        let events = (0..count).map(event).collect();
        self.append(Append { stream, expected, events, commit_id: self.id(), set_fence: None }).await;
    }

    /// Endpoint `we_books` of the job, told of a run in each of so many months.
    pub async fn deliveries(&self, months: u32) {
        let endpoint_id = EndpointId::parse("we_books").unwrap();
        self.deliveries.register(&acme().tenant, &endpoint_id, &job_id()).await.unwrap();
        for month in 0..months {
            let told = Told {
                tenant_id: acme().tenant,
                endpoint_id: endpoint_id.clone(),
                job_id: job_id(),
                reconciliation_id: ReconciliationId::parse(format!("month-{month}")).unwrap(),
                attempt: 1,
                url: "https://books.example/hook".into(),
                event_type: "reconciliation.completed".into(),
                payload: json!({"type": "reconciliation.completed"}),
                created_at: Timestamp::from_millis(i64::from(month) * 2_592_000_000),
            };
            self.deliveries.create(&Delivery::new(told)).await.unwrap();
        }
    }

    pub async fn delete_job(&self) {
        self.jobs().delete(&acme(), job_id(), None).await.unwrap();
        self.project().await;
    }

    /// Versions of today's audit trail.
    pub async fn audited(&self) -> u64 {
        let trail = StreamKey::new(&acme().tenant, "audit", NOW.day());
        self.store.head(&trail).await.unwrap().map_or(0, |head| head.version)
    }

    pub async fn ask(&self, event: &Value) -> Held {
        hold(event, &self.handler.handle(event.clone()).await.unwrap()).unwrap()
    }

    fn jobs(&self) -> JobService {
        JobService::new(Arc::new(self.store.clone()), self.clock.clone(), self.ids.clone())
    }

    fn id(&self) -> Uuid {
        Uuid::from_u128(domain::IdSource::next(self.ids.as_ref()))
    }

    async fn append(&self, append: Append) {
        let metadata = Metadata {
            tenant_id: acme().tenant,
            user_id: None,
            timestamp: NOW,
            correlation_id: CorrelationId::parse("corr").unwrap(),
            causation_id: None,
        };
        self.store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
    }

    /// Rings for every stream that has moved.
    async fn project(&self) {
        let engine = Engine::new(Arc::new(self.store.clone()), self.models.clone());
        for change in self.store.changes() {
            engine.ring(&change.stream, change.version).await.unwrap();
        }
    }
}
