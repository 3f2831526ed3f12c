//! Everything a run needs, in memory, with one started run of one job in it.

use crate::{
    accounts::{Account, Both},
    records::{paid, sold},
};
use async_trait::async_trait;
use domain::{
    Aggregate, AttemptNumber, CorrelationId, DateRange, EndpointId, JobId, Metadata, ReconciliationId, TenantId,
    Timestamp,
    connection::Adapter,
    job::{Job, JobDefinition, JobEvent, Side, WebhookEndpoint},
    ports::{PortError, Secrets},
    reconciliation::{self, Reconciliation, Request, Run},
    record,
    saga::{Saga, SagaRun, Step},
};
use event_store::{EventStore, MemoryStore, NewCommit, StreamKey, Transaction, load};
use projections::{MemoryResultPages, Position, ResultList, ResultPages};
use saga::{
    Bell, Delivery, FetchOutcome, FetchRecords, FinishInput, FinishOutcome, FinishRun, Ledger, MatchRecords,
    NotifyWebhooks, Outbox, PersistResults, ReportedFailure, StepError, StepInput, StepOutcome, TaskTokens, Waiter,
    control::{Answer, Control, Execution, Workflow},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use testkit::{Fault, FaultyStore, FixedClock, MemoryBlobs, MemorySecrets, SequentialIds};
use uuid::Uuid;

/// What the state machine calls, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Start,
    FetchOrders,
    FetchPayments,
    Match,
    Persist,
    Finish,
    Notify,
}

pub const CALLS: [Call; 7] =
    [Call::Start, Call::FetchOrders, Call::FetchPayments, Call::Match, Call::Persist, Call::Finish, Call::Notify];

/// The engine with its tokens and its bell: what was asked of them. Starting an execution again is success.
#[derive(Default)]
pub struct Executions {
    pub started: Mutex<Vec<(String, String)>>,
    pub fail_next: Mutex<bool>,
    /// Executions that the engine has lost, by ARN.
    pub lost: Mutex<Vec<String>>,
    pub stopped: Mutex<Vec<String>>,
    pub answers: Mutex<Vec<(String, Answer)>>,
    /// Nobody waits with any token.
    pub deaf: Mutex<bool>,
    pub token: Mutex<Option<Waiter>>,
    pub bells: Mutex<Vec<Timestamp>>,
}

impl Executions {
    pub fn names(&self) -> Vec<String> {
        self.started.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    pub fn lose_all(&self) {
        let arns = self.names().iter().map(|name| self.execution_arn(name)).collect();
        *self.lost.lock().unwrap() = arns;
        *self.deaf.lock().unwrap() = true;
    }
}

#[async_trait]
impl Workflow for Executions {
    fn execution_arn(&self, name: &str) -> String {
        format!("arn:execution:{name}")
    }

    async fn start(&self, name: &str, input: &str) -> Result<(), PortError> {
        if std::mem::take(&mut *self.fail_next.lock().unwrap()) {
            return Err(PortError::Transient("throttled".into()));
        }
        let mut started = self.started.lock().unwrap();
        if started.iter().all(|(other, _)| other != name) {
            started.push((name.to_owned(), input.to_owned()));
        }
        Ok(())
    }

    async fn execution(&self, arn: &str) -> Result<Execution, PortError> {
        let lost = self.lost.lock().unwrap().iter().any(|lost| lost == arn);
        Ok(if lost { Execution::Unknown } else { Execution::Running })
    }

    async fn stop(&self, arn: &str, _: &str) -> Result<(), PortError> {
        self.stopped.lock().unwrap().push(arn.to_owned());
        Ok(())
    }

    async fn answer(&self, token: &str, answer: &Answer) -> Result<bool, PortError> {
        self.answers.lock().unwrap().push((token.to_owned(), answer.clone()));
        Ok(!*self.deaf.lock().unwrap())
    }
}

#[async_trait]
impl TaskTokens for Executions {
    async fn put(&self, _: &TenantId, _: &ReconciliationId, waiter: &Waiter) -> Result<(), PortError> {
        *self.token.lock().unwrap() = Some(waiter.clone());
        Ok(())
    }

    async fn get(&self, _: &TenantId, _: &ReconciliationId) -> Result<Option<Waiter>, PortError> {
        Ok(self.token.lock().unwrap().clone())
    }

    async fn remove(&self, _: &TenantId, _: &ReconciliationId, token: &str) -> Result<(), PortError> {
        let mut kept = self.token.lock().unwrap();
        if kept.as_ref().is_some_and(|waiter| waiter.token == token) {
            *kept = None;
        }
        Ok(())
    }
}

#[async_trait]
impl Bell for Executions {
    async fn ring_at(&self, _: &TenantId, _: &ReconciliationId, at: Timestamp, _: Timestamp) -> Result<(), PortError> {
        self.bells.lock().unwrap().push(at);
        Ok(())
    }
}

#[derive(Default)]
pub struct Queue {
    pub deliveries: Mutex<Vec<Delivery>>,
    pub fail_next: Mutex<bool>,
}

#[async_trait]
impl Outbox for Queue {
    async fn enqueue(&self, delivery: &Delivery) -> Result<(), PortError> {
        if std::mem::take(&mut *self.fail_next.lock().unwrap()) {
            return Err(PortError::Transient("throttled".into()));
        }
        self.deliveries.lock().unwrap().push(delivery.clone());
        Ok(())
    }
}

#[derive(Clone)]
pub struct World {
    /// What is stored, whatever the steps are told.
    pub stored: MemoryStore,
    /// The store as the steps see it.
    pub store: Arc<FaultyStore>,
    pub blobs: Arc<MemoryBlobs>,
    pub secrets: Arc<MemorySecrets>,
    pub shop: Arc<Account>,
    pub stripe: Arc<Account>,
    pub pages: Arc<MemoryResultPages>,
    pub queue: Arc<Queue>,
    pub executions: Arc<Executions>,
    pub clock: Arc<FixedClock>,
    pub ids: Arc<SequentialIds>,
}

pub fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

pub fn id() -> ReconciliationId {
    ReconciliationId::parse("jan").unwrap()
}

pub fn input() -> StepInput {
    StepInput {
        schema: 1,
        tenant_id: tenant(),
        reconciliation_id: id(),
        attempt: 1,
        correlation_id: CorrelationId::parse("cor_1").unwrap(),
    }
}

pub fn failure(step: &str, error: &str) -> FinishInput {
    FinishInput::Failed { failure: ReportedFailure { step: step.into(), error: error.into(), cause: String::new() } }
}

fn side(adapter: Adapter) -> Side {
    Side { adapter, connection: domain::ConnectionId::parse(adapter.as_str()).unwrap() }
}

fn definition(rules: Option<Value>) -> JobDefinition {
    JobDefinition {
        name: "shop".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
        timezone: "UTC".into(),
        matching_rules: rules,
        webhooks: vec![WebhookEndpoint {
            endpoint_id: EndpointId::parse("books").unwrap(),
            url: "https://books.example/hook".into(),
            disabled: None,
        }],
        schedule: None,
    }
}

impl World {
    /// A run whose saga has not begun.
    pub async fn new(rules: Option<Value>, adapt: impl FnOnce(FaultyStore) -> FaultyStore) -> Self {
        let stored = MemoryStore::new();
        let clock = Arc::new(FixedClock::default());
        let world = Self {
            store: Arc::new(adapt(FaultyStore::new(Arc::new(stored.clone()), []))),
            stored,
            blobs: Arc::default(),
            secrets: Arc::default(),
            shop: Account::new(record::Side::Source, sold(), &clock),
            stripe: Account::new(record::Side::Target, paid(), &clock),
            pages: Arc::default(),
            queue: Arc::default(),
            executions: Arc::default(),
            ids: Arc::default(),
            clock,
        };
        for adapter in Adapter::ALL {
            let name = domain::ports::connection_secret(&tenant(), &side(adapter).connection);
            world.secrets.put(&name, &json!({ "token": "secret" }).to_string()).await.unwrap();
        }
        world.write::<Job>("shop", &[JobEvent::JobCreated { definition: definition(rules) }]).await;
        world.started(id().as_str(), "2026-01-01", "2026-01-31").await;
        world
    }

    async fn started(&self, run: &str, start: &str, end: &str) {
        let request = Request {
            job_id: JobId::parse("shop").unwrap(),
            job_version: 1,
            date_range: DateRange { start: start.into(), end: end.into() },
            timezone: "UTC".into(),
            source: side(Adapter::Shopify),
            target: side(Adapter::Stripe),
        };
        let started = reconciliation::start(&None, &request, self.ledger().now()).unwrap();
        self.write::<Reconciliation>(run, &started).await;
    }

    /// Another run of the same job, from its start to its end.
    pub async fn completes(&self, run: &str, (start, end): (&str, &str)) {
        self.started(run, start, end).await;
        let id = ReconciliationId::parse(run).unwrap();
        let input = StepInput { reconciliation_id: id.clone(), ..input() };
        self.control().ring(&tenant(), &id).await.unwrap();
        for step in [Step::FetchShopifyOrders, Step::FetchStripePayments] {
            assert_eq!(self.fetch().run(&input, step, None).await.unwrap(), FetchOutcome::Done);
        }
        let (ledger, blobs, pages) = (self.ledger(), self.blobs.clone(), self.pages.clone());
        done(MatchRecords { ledger: ledger.clone(), blobs: blobs.clone() }.run(&input).await).unwrap();
        done(PersistResults { ledger: ledger.clone(), blobs, pages }.run(&input).await).unwrap();
        FinishRun { ledger }.run(&input, &FinishInput::Completed).await.unwrap();
    }

    pub async fn plain() -> Self {
        Self::new(None, |store| store).await
    }

    /// With a fault at one append of the steps.
    pub async fn with_fault(position: usize, fault: Fault) -> Self {
        let world = Self::plain().await;
        let store = Arc::new(FaultyStore::new(Arc::new(world.stored.clone()), [(position, fault)]));
        Self { store, ..world }
    }

    /// After these calls.
    pub async fn after(calls: &[Call]) -> Self {
        let world = Self::plain().await;
        for call in calls {
            world.call(*call).await.unwrap();
        }
        world
    }

    async fn write<A: Aggregate>(&self, id: &str, events: &[A::Event]) {
        let commit_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{} {id}", A::TYPE).as_bytes());
        let append = NewCommit::of::<A>(&tenant(), id, 0, events, commit_id).unwrap();
        let metadata = Metadata { causation_id: None, ..self.ledger().metadata(&input(), self.ledger().now()) };
        let transaction = Transaction { appends: vec![append], command: None, fence: None, metadata };
        self.stored.append(transaction).await.unwrap();
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.store.clone(), self.clock.clone(), self.ids.clone())
    }

    pub fn control(&self) -> Control {
        Control {
            ledger: self.ledger(),
            workflow: self.executions.clone(),
            tokens: self.executions.clone(),
            bell: self.executions.clone(),
        }
    }

    pub fn fetch(&self) -> FetchRecords {
        let accounts = Both { shop: self.shop.clone(), stripe: self.stripe.clone() };
        FetchRecords {
            ledger: self.ledger(),
            blobs: self.blobs.clone(),
            secrets: self.secrets.clone(),
            accounts: Arc::new(accounts),
            budget_ms: 40_000,
        }
    }

    pub async fn call(&self, call: Call) -> Result<(), StepError> {
        let (ledger, input) = (self.ledger(), input());
        match call {
            Call::Start => self.control().ring(&tenant(), &id()).await,
            Call::FetchOrders => self.fetch_all(Step::FetchShopifyOrders).await,
            Call::FetchPayments => self.fetch_all(Step::FetchStripePayments).await,
            Call::Match => done(MatchRecords { ledger, blobs: self.blobs.clone() }.run(&input).await),
            Call::Persist => {
                done(PersistResults { ledger, blobs: self.blobs.clone(), pages: self.pages.clone() }.run(&input).await)
            }
            Call::Finish => self.finish(&FinishInput::Completed).await.map(|_| ()),
            Call::Notify => {
                NotifyWebhooks { api_url: "https://api.example/".into(), ledger, outbox: self.queue.clone() }
                    .run(&input)
                    .await
            }
        }
    }

    async fn fetch_all(&self, step: Step) -> Result<(), StepError> {
        let outcome = self.fetch().run(&input(), step, None).await?;
        assert_eq!(outcome, FetchOutcome::Done);
        Ok(())
    }

    pub async fn finish(&self, how: &FinishInput) -> Result<FinishOutcome, StepError> {
        FinishRun { ledger: self.ledger() }.run(&input(), how).await
    }

    /// Types and data of a stream's events.
    pub async fn events(&self, aggregate_type: &str, id: &str) -> Vec<(String, Value)> {
        let commits = self.stored.load(&StreamKey::new(&tenant(), aggregate_type, id), 0).await.unwrap();
        commits.into_iter().flat_map(|commit| commit.events).map(|event| (event.event_type, event.data)).collect()
    }

    pub async fn run_events(&self) -> Vec<(String, Value)> {
        self.events(Reconciliation::TYPE, id().as_str()).await
    }

    pub async fn match_events(&self) -> Vec<(String, Value)> {
        self.events("matches", "jan-a1").await
    }

    /// The ledger as lines: event, step.
    pub async fn ledger_lines(&self) -> Vec<String> {
        let events = self.events(Saga::TYPE, id().as_str()).await;
        let line = |(event, data): (String, Value)| format!("{event} {}", data["step"].as_str().unwrap_or_default());
        events.into_iter().map(|event| line(event).trim_end().to_owned()).collect()
    }

    pub async fn run(&self) -> Run {
        load::<Reconciliation>(&self.stored, &tenant(), id().as_str()).await.unwrap().state.unwrap()
    }

    pub async fn saga(&self) -> SagaRun {
        load::<Saga>(&self.stored, &tenant(), id().as_str()).await.unwrap().state.unwrap()
    }

    pub async fn rows(&self, list: ResultList) -> Vec<Value> {
        const ATTEMPT: AttemptNumber = 1;
        self.pages.page(&tenant(), &id(), ATTEMPT, list, 200, Position::default()).await.unwrap().rows
    }

    /// Versions of all streams: two equal answers mean that nothing was written in between.
    pub fn written(&self) -> usize {
        self.stored.changes().len()
    }
}

/// A step that was not put on hold.
fn done(answered: Result<StepOutcome, StepError>) -> Result<(), StepError> {
    answered.map(|outcome| assert_eq!(outcome, StepOutcome::Done))
}

/// How a finished or failed run says that it ended.
pub fn ended(outcome: &FinishOutcome) -> &'static str {
    match outcome {
        FinishOutcome::Ended { status } => status.as_str(),
        FinishOutcome::Held(_) => "held",
    }
}

/// Types of events, without their data.
pub fn types(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(event, _)| event.as_str()).collect()
}
