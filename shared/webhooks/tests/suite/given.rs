//! A tenant's job with one endpoint, and an endpoint that answers as it is told.

use async_trait::async_trait;
use domain::{
    ConnectionId, CorrelationId, EndpointId, JobId, Metadata, ReconciliationId, TenantId, Timestamp,
    connection::Adapter,
    job::{Job, JobDefinition, JobEvent, Side},
    ports::Secrets,
    webhook::WebhookEndpoint,
};
use event_store::{EventStore, MemoryStore, NewCommit, Transaction, load};
use serde_json::json;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use testkit::{FixedClock, MemorySecrets, SequentialIds};
use uuid::Uuid;
use webhooks::{
    Deliverer, Deliveries, Delivery, EndpointSecret, MemoryDeliveries, Message, Outcome, RetryWaits, Sender,
    delivery::Told, endpoint_secret, sender::Request, store::Stored,
};

pub fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

pub fn endpoint() -> EndpointId {
    EndpointId::parse("we_a").unwrap()
}

pub fn job() -> JobId {
    JobId::parse("job").unwrap()
}

pub fn told(reconciliation: &str, created_at: Timestamp) -> Told {
    Told {
        tenant_id: acme(),
        endpoint_id: endpoint(),
        job_id: job(),
        reconciliation_id: ReconciliationId::parse(reconciliation).unwrap(),
        attempt: 1,
        url: "https://example.com/hook".into(),
        event_type: "reconciliation.completed".into(),
        payload: json!({"type": "reconciliation.completed", "data": {"reconciliation_id": reconciliation}}),
        created_at,
    }
}

pub fn definition(webhooks: Vec<WebhookEndpoint>) -> JobDefinition {
    let side = |adapter: Adapter| Side { adapter, connection: ConnectionId::parse(adapter.as_str()).unwrap() };
    JobDefinition {
        name: "shop".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
        timezone: "UTC".into(),
        matching_rules: None,
        webhooks,
        schedule: None,
    }
}

pub fn refused(status: u16) -> Outcome {
    Outcome::NotAccepted { status: Some(status), problem: format!("answered {status}"), retry_after_s: None }
}

/// Answers in turn, then 204.
#[derive(Debug, Default)]
pub struct Endpoint {
    pub answers: Mutex<VecDeque<Outcome>>,
    pub requests: Mutex<Vec<Request>>,
}

#[async_trait]
impl Sender for Endpoint {
    async fn send(&self, request: &Request, _: Timestamp) -> Outcome {
        self.requests.lock().unwrap().push(request.clone());
        self.answers.lock().unwrap().pop_front().unwrap_or(Outcome::Accepted { status: 204 })
    }
}

pub struct World {
    pub store: MemoryStore,
    pub deliveries: Arc<MemoryDeliveries>,
    pub secrets: Arc<MemorySecrets>,
    pub endpoint: Arc<Endpoint>,
    pub clock: Arc<FixedClock>,
    pub deliverer: Deliverer,
}

impl World {
    pub async fn new() -> Self {
        let (store, deliveries, secrets) =
            (MemoryStore::new(), Arc::new(MemoryDeliveries::default()), Arc::new(MemorySecrets::default()));
        let (endpoint, clock) = (Arc::new(Endpoint::default()), Arc::new(FixedClock::default()));
        let deliverer = Deliverer {
            store: Arc::new(store.clone()),
            deliveries: deliveries.clone(),
            secrets: secrets.clone(),
            sender: endpoint.clone(),
            clock: clock.clone(),
            ids: Arc::new(SequentialIds::default()),
            waits: RetryWaits::default(),
        };
        let world = Self { store, deliveries, secrets, endpoint, clock, deliverer };
        let webhook =
            WebhookEndpoint { endpoint_id: self::endpoint(), url: "https://example.com/hook".into(), disabled: None };
        world.job_event(&JobEvent::JobCreated { definition: definition(vec![webhook]) }).await;
        world.set_secret(&EndpointSecret::new(&[1; 32])).await;
        world
    }

    pub async fn set_secret(&self, secret: &EndpointSecret) {
        self.secrets.put(&endpoint_secret(&acme(), &endpoint()), &secret.write().unwrap()).await.unwrap();
    }

    pub async fn job_event(&self, event: &JobEvent) {
        let version = load::<Job>(&self.store, &acme(), "job").await.unwrap().version;
        let commit_id = Uuid::from_u128(u128::from(version) + 1_000);
        let append = NewCommit::of::<Job>(&acme(), "job", version, std::slice::from_ref(event), commit_id).unwrap();
        let metadata = Metadata {
            tenant_id: acme(),
            user_id: None,
            timestamp: Timestamp::from_millis(0),
            correlation_id: CorrelationId::parse("c").unwrap(),
            causation_id: None,
        };
        self.store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
    }

    /// A delivery that waits for its first try.
    pub async fn pending(&self) -> Message {
        let delivery = Delivery::new(told("jan", Timestamp::from_millis(0)));
        assert!(self.deliveries.create(&delivery).await.unwrap());
        Message::of(&delivery)
    }

    pub async fn stored(&self, message: &Message) -> Stored {
        self.deliveries.get(&message.key()).await.unwrap().unwrap()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.endpoint.requests.lock().unwrap().clone()
    }
}
