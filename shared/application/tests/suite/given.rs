//! What the tests begin with: two connections, one job, and stores that can be told to fail.

#![expect(clippy::unwrap_used, reason = "a test without what it begins with must stop")]

use application::{
    Caller, CommandError, ConnectionService, Idempotency, JobService, ReconciliationService, StartReconciliation,
};
use domain::{
    ConnectionId, DateRange, ErrorName, JobId, ReconciliationId, TenantId,
    connection::Adapter,
    job::{JobDefinition, Side},
};
use event_store::{EventStore, MemoryStore, StreamKey};
use serde_json::json;
use std::sync::Arc;
use testkit::{Fault, FaultyStore, FixedClock, MemorySecrets, SequentialIds};

pub struct World {
    pub memory: MemoryStore,
    /// What the services write to.
    pub store: Arc<FaultyStore>,
    pub clock: Arc<FixedClock>,
    pub ids: Arc<SequentialIds>,
    pub secrets: Arc<MemorySecrets>,
}

pub fn acme() -> Caller {
    Caller { tenant: TenantId::parse("acme").unwrap(), key_id: "key_acme".into() }
}

pub fn other() -> Caller {
    Caller { tenant: TenantId::parse("other").unwrap(), key_id: "key_other".into() }
}

pub fn job_id() -> JobId {
    JobId::parse("job_shop").unwrap()
}

pub fn definition(name: &str) -> JobDefinition {
    let side = |adapter, connection: &str| Side { adapter, connection: ConnectionId::parse(connection).unwrap() };
    JobDefinition {
        name: name.into(),
        source: side(Adapter::Shopify, "shop"),
        target: side(Adapter::Stripe, "payments"),
        timezone: "Europe/Berlin".into(),
        matching_rules: None,
        webhooks: Vec::new(),
        schedule: None,
    }
}

pub fn start(id: Option<&str>) -> StartReconciliation {
    StartReconciliation {
        reconciliation_id: id.map(|id| ReconciliationId::parse(id).unwrap()),
        job_id: job_id(),
        date_range: DateRange { start: "2026-02-01".into(), end: "2026-02-28".into() },
        source_adapter: None,
        target_adapter: None,
        correlation_id: None,
    }
}

pub fn key(key: &str, body: &str) -> Option<Idempotency> {
    Some(Idempotency { key: key.into(), request_hash: body.into() })
}

pub fn stream(aggregate_type: &str, id: &str) -> StreamKey {
    StreamKey::new(&acme().tenant, aggregate_type, id)
}

/// The name under which a command was refused.
pub fn declined<T: std::fmt::Debug>(result: Result<T, CommandError>) -> ErrorName {
    match result {
        Err(CommandError::Declined(decline)) => decline.name,
        unexpected => panic!("not declined: {unexpected:?}"),
    }
}

/// Pointers and codes of the wrong fields.
pub fn wrong_fields<T: std::fmt::Debug>(result: Result<T, CommandError>) -> Vec<(String, &'static str)> {
    match result {
        Err(CommandError::Fields(errors)) => errors.into_iter().map(|error| (error.pointer, error.code)).collect(),
        unexpected => panic!("no wrong fields: {unexpected:?}"),
    }
}

impl World {
    pub fn empty() -> Self {
        let memory = MemoryStore::new();
        Self {
            store: Arc::new(FaultyStore::new(Arc::new(memory.clone()), [])),
            memory,
            clock: Arc::default(),
            ids: Arc::default(),
            secrets: Arc::default(),
        }
    }

    pub async fn with_job() -> Self {
        let world = Self::empty();
        let connections = world.connections();
        let shop = json!({"shop": "acme", "access_token": "shpat_example"});
        let id = |id: &str| ConnectionId::parse(id).unwrap();
        connections.put(&acme(), id("shop"), Adapter::Shopify, shop).await.unwrap();
        let payments = json!({"api_key": "rk_test_example"});
        connections.put(&acme(), id("payments"), Adapter::Stripe, payments).await.unwrap();
        world.jobs().create(&acme(), Some(job_id()), definition("first"), None).await.unwrap();
        world
    }

    /// From here on, appends counted from 0 fail as told.
    pub fn failing(self, faults: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        let store = FaultyStore::new(Arc::new(self.memory.clone()), faults);
        Self { store: Arc::new(store), ..self }
    }

    pub fn reconciliations(&self) -> ReconciliationService {
        ReconciliationService::new(self.store.clone(), self.clock.clone(), self.ids.clone())
    }

    pub fn jobs(&self) -> JobService {
        JobService::new(self.store.clone(), self.clock.clone(), self.ids.clone())
    }

    pub fn connections(&self) -> ConnectionService {
        ConnectionService::new(self.store.clone(), self.secrets.clone(), self.clock.clone(), self.ids.clone())
    }

    pub async fn version(&self, aggregate_type: &str, id: &str) -> u64 {
        self.memory.head(&stream(aggregate_type, id)).await.unwrap().map_or(0, |head| head.version)
    }

    /// Types of the events in a stream.
    pub async fn events(&self, aggregate_type: &str, id: &str) -> Vec<String> {
        let commits = self.memory.load(&stream(aggregate_type, id), 0).await.unwrap();
        commits.into_iter().flat_map(|commit| commit.events).map(|event| event.event_type).collect()
    }

    /// How many streams of a type there are.
    pub fn streams(&self, aggregate_type: &str) -> usize {
        let changes = self.memory.changes();
        changes.iter().filter(|change| change.stream.aggregate_type == aggregate_type && change.version == 1).count()
    }
}
