//! Every sample event over the store in memory, with a workflow engine that counts.

use crate::handle;
use async_trait::async_trait;
use aws_lambda_events::event::sqs::SqsEvent;
use domain::{
    Aggregate, ConnectionId, CorrelationId, DateRange, JobId, Metadata, ReconciliationId, TenantId, Timestamp,
    connection::Adapter,
    job::Side,
    ports::PortError,
    reconciliation::{self, Reconciliation, Request},
    saga::Saga,
};
use event_store::{EventStore, MemoryStore, NewCommit, StreamKey, Transaction};
use lambda_runtime::{Context, LambdaEvent};
use runtime::Consumer;
use saga::{
    Bell, Ledger, StepInput, TaskTokens, Waiter,
    control::{Answer, Control, Execution, Workflow, execution_name},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use testkit::{FixedClock, MemoryQueue, SequentialIds, sample_events};
use uuid::Uuid;

const RUN: &str = "recon_01jd5q4x7mfz8v3k2n9t6c0h1e";
const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

/// The engine, the tokens and the bell: what was asked of them.
#[derive(Default)]
struct Engine {
    started: Mutex<Vec<(String, String)>>,
    down: bool,
}

#[async_trait]
impl Workflow for Engine {
    fn execution_arn(&self, name: &str) -> String {
        format!("arn:{name}")
    }

    async fn start(&self, name: &str, input: &str) -> Result<(), PortError> {
        if self.down {
            return Err(PortError::Transient("no answer".into()));
        }
        self.started.lock().unwrap().push((name.to_owned(), input.to_owned()));
        Ok(())
    }

    async fn execution(&self, _: &str) -> Result<Execution, PortError> {
        Ok(Execution::Running)
    }

    async fn stop(&self, _: &str, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn answer(&self, _: &str, _: &Answer) -> Result<bool, PortError> {
        Ok(true)
    }
}

#[async_trait]
impl TaskTokens for Engine {
    async fn put(&self, _: &TenantId, _: &ReconciliationId, _: &Waiter) -> Result<(), PortError> {
        Ok(())
    }

    async fn get(&self, _: &TenantId, _: &ReconciliationId) -> Result<Option<Waiter>, PortError> {
        Ok(None)
    }

    async fn remove(&self, _: &TenantId, _: &ReconciliationId, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Bell for Engine {
    async fn ring_at(&self, _: &TenantId, _: &ReconciliationId, _: Timestamp, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }
}

fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn control(store: &MemoryStore, engine: &Arc<Engine>) -> Control {
    let ledger =
        Ledger::new(Arc::new(store.clone()), Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()));
    Control { ledger, workflow: engine.clone(), tokens: engine.clone(), bell: engine.clone() }
}

/// A store in which the run of the samples was started.
async fn with_run() -> MemoryStore {
    let store = MemoryStore::new();
    let side = |adapter| Side { adapter, connection: ConnectionId::parse("c").unwrap() };
    let request = Request {
        job_id: JobId::parse("job").unwrap(),
        job_version: 1,
        date_range: DateRange { start: "2026-02-01".into(), end: "2026-02-28".into() },
        timezone: "UTC".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
    };
    let events = reconciliation::start(&None, &request, NOW).unwrap();
    let append = NewCommit::of::<Reconciliation>(&tenant(), RUN, 0, &events, Uuid::from_u128(1)).unwrap();
    let metadata = Metadata {
        tenant_id: tenant(),
        user_id: None,
        timestamp: NOW,
        correlation_id: CorrelationId::parse("corr").unwrap(),
        causation_id: None,
    };
    store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
    store
}

fn sample(name: &str) -> Value {
    sample_events("saga-control").remove(name).unwrap()
}

/// Ids of the messages that were given back, and the errors of those that became dead letters.
async fn failed(start: &Control, event: &Value) -> (Vec<String>, Vec<String>) {
    let event: SqsEvent = serde_json::from_value(event.clone()).unwrap();
    let queue = Arc::new(MemoryQueue::default());
    let consumer = Consumer::new(queue.clone(), Arc::new(FixedClock::default()));
    let response = handle(start, &consumer, LambdaEvent::new(event, Context::default())).await.unwrap();
    let back = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    (
        back,
        queue.done().buried.into_iter().filter_map(|(_, attributes)| attributes.get("error_type").cloned()).collect(),
    )
}

fn nothing() -> (Vec<String>, Vec<String>) {
    Default::default()
}

#[tokio::test]
async fn every_sample_event_reads() {
    let (store, engine) = (with_run().await, Arc::default());
    let samples = sample_events("saga-control");
    assert_eq!(
        samples.keys().collect::<Vec<_>>(),
        ["cancelled", "execution-aborted", "started", "unreadable", "wait-over"]
    );
    for (name, event) in samples {
        let buried = if name == "unreadable" { vec!["Settler.InvalidInput".to_owned()] } else { Vec::new() };
        assert_eq!(failed(&control(&store, &engine), &event).await, (Vec::new(), buried), "{name}");
    }
}

#[tokio::test]
async fn ringing_twice_names_one_execution_and_writes_one_line() {
    let (store, engine) = (with_run().await, Arc::default());
    let start = control(&store, &engine);
    for _ in 0..2 {
        assert_eq!(failed(&start, &sample("started")).await, nothing());
    }
    let started = engine.started.lock().unwrap().clone();
    assert_eq!(started.len(), 2, "the engine itself refuses the second one");
    assert_eq!(started[0], started[1]);
    let id = ReconciliationId::parse(RUN).unwrap();
    assert_eq!(started[0].0, execution_name(&tenant(), &id, 1));
    let input: StepInput = serde_json::from_str(&started[0].1).unwrap();
    assert_eq!((input.reconciliation_id, input.attempt, input.correlation_id.as_str()), (id, 1, "corr"));
    let head = store.head(&StreamKey::new(&tenant(), Saga::TYPE, RUN)).await.unwrap().unwrap();
    assert_eq!(head.version, 1);
}

#[tokio::test]
async fn a_message_that_nobody_can_handle_is_a_dead_letter_alone() {
    let (store, engine) = (with_run().await, Arc::default());
    let mut event = sample("unreadable");
    let records = event["Records"].as_array_mut().unwrap();
    records.push(sample("started")["Records"][0].clone());
    let mut unknown = records[1].clone();
    unknown["messageId"] = json!("unknown-run");
    unknown["body"] = json!(unknown["body"].as_str().unwrap().replace(RUN, "recon_unknown"));
    records.push(unknown);
    let errors = ["Settler.InvalidInput", "Settler.NotFound"].map(str::to_owned);
    assert_eq!(failed(&control(&store, &engine), &event).await, (Vec::new(), errors.to_vec()));
    assert_eq!(engine.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_asked_again() {
    let store = with_run().await;
    let down = Arc::new(Engine { down: true, ..Engine::default() });
    let event = sample("started");
    let id = event["Records"][0]["messageId"].as_str().unwrap().to_owned();
    assert_eq!(failed(&control(&store, &down), &event).await, (vec![id], Vec::new()));
    let engine = Arc::default();
    assert_eq!(failed(&control(&store, &engine), &event).await, nothing());
    assert_eq!(engine.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_execution_that_was_aborted_is_replaced_by_one_that_undoes() {
    let (store, engine) = (with_run().await, Arc::default());
    let control = control(&store, &engine);
    assert_eq!(failed(&control, &sample("started")).await, nothing());
    let id = ReconciliationId::parse(RUN).unwrap();
    let name = execution_name(&tenant(), &id, 1);
    let mut aborted = sample("execution-aborted");
    let body = aborted["Records"][0]["body"].as_str().unwrap().replace("THE_EXECUTION", &format!("arn:{name}"));
    aborted["Records"][0]["body"] = json!(body);
    for _ in 0..2 {
        assert_eq!(failed(&control, &aborted).await, nothing());
    }
    let started = engine.started.lock().unwrap().clone();
    let names: Vec<&str> = started.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [name.as_str(), format!("{name}-undo").as_str()], "twice the same event is one replacement");
    let input: Value = serde_json::from_str(&started[1].1).unwrap();
    assert_eq!(input["failure"]["error"], "Execution.ABORTED");
}
