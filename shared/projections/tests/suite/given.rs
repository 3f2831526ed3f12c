//! Streams to project.

use domain::{
    Aggregate, ConnectionId, CorrelationId, DateRange, ErrorName, EventEnvelope, Failure, JobId, Metadata, TenantId,
    Timestamp,
    connection::Adapter,
    job::{JobDefinition, Side},
    reconciliation::{Fetched, Published, Reconciliation, ReconciliationEvent, Request},
    summary::{RunSummary, SideCounts},
};
use event_store::{EventStore, NewCommit, NewEvent, StreamKey, Transaction};
use uuid::Uuid;

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR_MS: i64 = 1_767_225_600_000;
pub const DAY_MS: i64 = 86_400_000;

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub fn side(adapter: Adapter) -> Side {
    Side { adapter, connection: ConnectionId::parse("c").unwrap() }
}

pub fn definition(name: &str) -> JobDefinition {
    JobDefinition {
        name: name.into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
        timezone: "UTC".into(),
        matching_rules: None,
        webhooks: Vec::new(),
        schedule: None,
    }
}

pub fn started(job: &str) -> ReconciliationEvent {
    let request = Request {
        job_id: JobId::parse(job).unwrap(),
        job_version: 1,
        date_range: DateRange { start: "2026-01-01".into(), end: "2026-01-31".into() },
        timezone: "Europe/Berlin".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
    };
    ReconciliationEvent::ReconciliationStarted { request, as_of: Timestamp::from_millis(NEW_YEAR_MS) }
}

pub fn fetched() -> Fetched {
    Fetched { attempt: 1, count: 3, reference: "staged/x".into(), digest: "d".into(), fetch_duration_ms: 5 }
}

pub fn published(matched: u64, unmatched: u64, accuracy_bp: Option<u32>) -> ReconciliationEvent {
    let summary = RunSummary {
        source: SideCounts { matched, unmatched, ..SideCounts::default() },
        target: SideCounts { matched, suggested: 1, excluded: 2, ..SideCounts::default() },
        accuracy_bp,
        engine_version: "1".into(),
        rule_set_version: "default@1".into(),
        input_digest: "digest".into(),
        ..RunSummary::default()
    };
    ReconciliationEvent::ResultsPublished(Published {
        attempt: 1,
        summary,
        reference: "results/x".into(),
        digest: "d".into(),
    })
}

pub fn failed(at_ms: i64) -> ReconciliationEvent {
    let failure = Failure {
        name: ErrorName::ProviderAccessDenied,
        message: "401".into(),
        step: "fetch_stripe_payments".into(),
        retryable: false,
    };
    ReconciliationEvent::ReconciliationFailed { attempt: 1, failure, failed_at: Timestamp::from_millis(at_ms) }
}

fn metadata(tenant: &TenantId, at_ms: i64) -> Metadata {
    Metadata {
        tenant_id: tenant.clone(),
        user_id: None,
        timestamp: Timestamp::from_millis(at_ms),
        correlation_id: CorrelationId::parse("cor_1").unwrap(),
        causation_id: None,
    }
}

fn commit_id(stream: &StreamKey, expected: u64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}@{expected}", stream.partition()).as_bytes())
}

/// Appends one commit and gives back the stream's new version.
pub async fn append<A: Aggregate>(
    store: &dyn EventStore,
    tenant: &TenantId,
    id: &str,
    at_ms: i64,
    events: &[A::Event],
) -> u64 {
    let stream = StreamKey::new(tenant, A::TYPE, id);
    let expected = store.head(&stream).await.unwrap().map_or(0, |head| head.version);
    let append = NewCommit::of::<A>(tenant, id, expected, events, commit_id(&stream, expected)).unwrap();
    let transaction =
        Transaction { appends: vec![append], command: None, fence: None, metadata: metadata(tenant, at_ms) };
    store.append(transaction).await.unwrap().versions[0]
}

/// Appends an event that no aggregate knows.
pub async fn append_nonsense(store: &dyn EventStore, stream: &StreamKey) -> u64 {
    let expected = store.head(stream).await.unwrap().map_or(0, |head| head.version);
    let nonsense = NewEvent { event_type: "NobodyKnows".into(), event_version: 1, data: serde_json::json!({}) };
    let append = event_store::Append {
        stream: stream.clone(),
        expected,
        events: vec![nonsense],
        commit_id: commit_id(stream, expected),
        set_fence: None,
    };
    let metadata = metadata(&stream.tenant, NEW_YEAR_MS);
    store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap().versions[0]
}

pub fn run_stream(tenant: &TenantId, id: &str) -> StreamKey {
    StreamKey::new(tenant, Reconciliation::TYPE, id)
}

pub async fn events(store: &dyn EventStore, stream: &StreamKey) -> Vec<EventEnvelope> {
    let commits = store.load(stream, 0).await.unwrap();
    commits.into_iter().flat_map(|commit| commit.events).collect()
}
