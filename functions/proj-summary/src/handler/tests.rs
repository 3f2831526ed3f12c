use super::*;
use domain::{
    Aggregate, CorrelationId, Metadata, TenantId, Timestamp,
    saga::{Saga, SagaEvent, Step},
};
use event_store::{EventStore, MemoryStore, NewCommit, Transaction};
use lambda_runtime::Context;
use projections::{MemoryProjections, ProjectionStore, ReadModels};
use std::{fs, path::Path};

const AT: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn events(case: &str) -> Event {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/proj-summary").join(case);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

async fn store_with_a_saga() -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    let events = [
        SagaEvent::SagaStarted { attempt: 1, execution_arn: "arn".into() },
        SagaEvent::StepStarted { attempt: 1, step: Step::FetchShopifyOrders, at: AT },
    ];
    for (expected, event) in (0..).zip(events) {
        let commit_id = uuid::Uuid::from_u128(u128::from(expected));
        let append = NewCommit::of::<Saga>(&tenant(), "recon_1", expected, &[event], commit_id).unwrap();
        let metadata = Metadata {
            tenant_id: tenant(),
            user_id: None,
            timestamp: AT,
            correlation_id: CorrelationId::parse("cor_1").unwrap(),
            causation_id: None,
        };
        store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
    }
    Arc::new(store)
}

/// Fails every checkpoint of one kind of aggregate.
struct BusyFor<'a>(&'a str, MemoryProjections);

#[async_trait::async_trait]
impl ProjectionStore for BusyFor<'static> {
    async fn checkpoint(
        &self,
        key: &projections::store::CheckpointKey,
    ) -> Result<projections::Checkpoint, projections::Fault> {
        if key.stream.aggregate_type == self.0 {
            return Err(projections::Fault::Busy("throttled".into()));
        }
        self.1.checkpoint(key).await
    }

    async fn row(&self, key: &projections::store::RowKey) -> Result<Option<String>, projections::Fault> {
        self.1.row(key).await
    }

    async fn advance(
        &self,
        advance: &projections::store::Advance,
    ) -> Result<projections::store::Written, projections::Fault> {
        self.1.advance(advance).await
    }

    async fn note(
        &self,
        key: &projections::store::CheckpointKey,
        from: projections::store::Stand,
        trouble: Option<&projections::store::Trouble>,
    ) -> Result<projections::store::Written, projections::Fault> {
        self.1.note(key, from, trouble).await
    }

    async fn versions(&self, projection: &str) -> Result<projections::store::Versions, projections::Fault> {
        self.1.versions(projection).await
    }
}

async fn handle(store: Arc<dyn ProjectionStore>, event: Event) -> Result<Vec<String>, FunctionError> {
    let handler = Handler::new(Engine::new(store_with_a_saga().await, store));
    let response = handler.handle(LambdaEvent::new(event, Context::default())).await?;
    Ok(response.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect())
}

#[test]
fn every_sample_event_deserialises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/proj-summary");
    let files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(files.len() >= 5);
    for file in files {
        assert!(!events(&file).records.is_empty(), "{file}");
    }
}

#[test]
fn records_of_one_stream_are_one_doorbell_at_its_highest_version() {
    let rung = doorbells(&events("out-of-order-and-twice.json"));
    let seen: Vec<_> =
        rung.iter().map(|doorbell| (doorbell.stream.aggregate_type.as_str(), doorbell.version)).collect();
    assert_eq!(seen, [("reconciliation", 2), ("saga", 2)]);
    assert_eq!(rung[0].sequence_number.as_deref(), Some("100000000000000000005"));
    assert_eq!(doorbells(&events("removed.json")), []);
    assert_eq!(doorbells(&events("unreadable-head.json")).len(), 1);
}

#[tokio::test]
async fn doorbells_fill_the_read_models_and_strangers_are_passed_by() {
    let rows = Arc::new(MemoryProjections::new());
    assert_eq!(handle(Arc::clone(&rows) as _, events("batch.json")).await.unwrap(), Vec::<String>::new());
    let saga = rows.saga(&tenant(), "recon_1").await.unwrap().unwrap();
    assert_eq!((saga.version, saga.current_step), (2, Some(Step::FetchShopifyOrders)));
    assert_eq!(handle(rows, events("not-projected.json")).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_stays_busy_is_reported_and_fails_the_batch_when_nothing_else_is_in_it() {
    let busy = Arc::new(BusyFor(Saga::TYPE, MemoryProjections::new()));
    assert_eq!(handle(Arc::clone(&busy) as _, events("batch.json")).await.unwrap(), ["100000000000000000003"]);
    let mut alone = events("batch.json");
    alone.records.retain(|record| record.event_id.ends_with('3'));
    let error = handle(busy, alone).await.unwrap_err();
    assert_eq!(error.name, ErrorName::Transient);
}
