//! The two views that are sums at read: usage by day, errors by run, type and step.

use crate::{
    backend::Backend,
    for_both,
    given::{DAY_MS, NEW_YEAR_MS, append, failed, fetched, published, run_stream, started, tenant},
};
use domain::{
    Aggregate, ErrorName, Failure, JobId, ReconciliationId, Timestamp,
    reconciliation::{Reconciliation, ReconciliationEvent},
    saga::{Saga, SagaEvent, Step},
};
use event_store::{EventStore, MemoryStore, NewCommit, StreamKey, Transaction};
use projections::{Engine, HotspotFilter, ReadError, UsageDays};
use serde_json::json;
use std::sync::Arc;

for_both!(usage_is_the_sum_of_a_days_runs, hotspots_count_by_run_type_and_step, steps_are_joined_at_read);

fn days(from: &str, to: &str) -> UsageDays {
    UsageDays { from: from.into(), to: to.into() }
}

async fn usage_is_the_sum_of_a_days_runs(backend: Backend) {
    let (store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    let completed = |at_ms| ReconciliationEvent::ReconciliationCompleted {
        attempt: 1,
        completed_at: Timestamp::from_millis(at_ms),
    };
    let second = NEW_YEAR_MS + DAY_MS;
    let withdrawn = ReconciliationEvent::ResultsWithdrawn { attempt: 1 };
    let runs = [
        ("acme", "recon_1", NEW_YEAR_MS, vec![published(7, 1, None), completed(NEW_YEAR_MS + 1_500)]),
        ("acme", "recon_2", NEW_YEAR_MS, vec![published(5, 0, None), withdrawn, failed(NEW_YEAR_MS + 2_000)]),
        ("acme", "recon_3", second, vec![published(1, 0, None), completed(second + 10)]),
        ("other", "recon_1", NEW_YEAR_MS, vec![failed(NEW_YEAR_MS + 1)]),
    ];
    for (owner, id, at_ms, rest) in runs {
        let owner = tenant(owner);
        append::<Reconciliation>(&*store, &owner, id, at_ms, &[started("job_1")]).await;
        let mut events =
            vec![ReconciliationEvent::OrdersFetched(fetched()), ReconciliationEvent::PaymentsFetched(fetched())];
        events.extend(rest);
        let version = append::<Reconciliation>(&*store, &owner, id, at_ms + 100, &events).await;
        engine.ring(&run_stream(&owner, id), version).await.unwrap();
    }
    let reads = &backend.reads;
    let page = reads.usage(&acme, &days("2025-12-30", "2026-01-05"), 50, None).await.unwrap();
    let expected = json!([
        {"day": "2026-01-01", "reconciliations": 2, "records": 12, "matches": 7, "successes": 1, "failures": 1,
         "duration_ms": 3_500, "as_of": "2026-01-01T00:00:00.100Z"},
        {"day": "2026-01-02", "reconciliations": 1, "records": 6, "matches": 1, "successes": 1, "failures": 0,
         "duration_ms": 10, "as_of": "2026-01-02T00:00:00.100Z"},
    ]);
    assert_eq!((serde_json::to_value(&page.items).unwrap(), page.next_cursor), (expected, None));

    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = reads.usage(&acme, &days("2025-12-30", "2026-01-05"), 2, cursor.as_deref()).await.unwrap();
        seen.extend(page.items.into_iter().map(|day| day.day));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        let other = reads.usage(&tenant("other"), &days("2025-12-30", "2026-01-05"), 2, cursor.as_deref()).await;
        assert!(matches!(other, Err(ReadError::InvalidCursor)));
    }
    assert_eq!(seen, ["2026-01-01", "2026-01-02"]);
    assert!(reads.usage(&acme, &days("2026-01-03", "2026-01-01"), 9, None).await.unwrap().items.is_empty());
}

/// A ledger that names its job.
async fn begin(store: &MemoryStore, id: &str, job: &str) {
    let acme = tenant("acme");
    let started = SagaEvent::SagaStarted { attempt: 1, execution_arn: "arn".into() };
    let mut append =
        NewCommit::of::<Saga>(&acme, id, 0, &[started], uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, id.as_bytes()))
            .unwrap();
    append.events[0].data["job_id"] = json!(job);
    let metadata = domain::Metadata {
        tenant_id: acme,
        user_id: None,
        timestamp: Timestamp::from_millis(NEW_YEAR_MS),
        correlation_id: domain::CorrelationId::parse("cor_1").unwrap(),
        causation_id: None,
    };
    store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
}

fn step_failed(name: ErrorName, step: Step, message: &str) -> SagaEvent {
    let failure = Failure { name, message: message.into(), step: step.as_str().into(), retryable: true };
    SagaEvent::StepFailed { attempt: 1, failure, step, at: Timestamp::from_millis(NEW_YEAR_MS) }
}

async fn hotspots_count_by_run_type_and_step(backend: Backend) {
    let (store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    let (fetch, stripe) = (Step::FetchShopifyOrders, Step::FetchStripePayments);
    for (id, job) in [("recon_1", "job_1"), ("recon_10", "job_1"), ("recon_2", "job_2")] {
        begin(&store, id, job).await;
        let failures = [
            step_failed(ErrorName::ProviderUnavailable, fetch, "503"),
            step_failed(ErrorName::ProviderUnavailable, stripe, "503"),
            step_failed(ErrorName::ProviderUnavailable, fetch, "504"),
            step_failed(ErrorName::ProviderThrottled, fetch, "429"),
        ];
        let stream = StreamKey::new(&acme, Saga::TYPE, id);
        for (failure, minute) in failures.into_iter().zip(1..) {
            let version = append::<Saga>(&*store, &acme, id, NEW_YEAR_MS + minute * 60_000, &[failure]).await;
            engine.ring(&stream, version).await.unwrap();
        }
    }
    let find = async |filter: HotspotFilter, limit: u32| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = backend.reads.error_hotspots(&acme, &filter, limit, cursor.as_deref()).await.unwrap();
            found.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return found;
            }
        }
    };
    let (job, run) = (|id| JobId::parse(id).ok(), |id| ReconciliationId::parse(id).ok());
    let of_run = find(HotspotFilter { reconciliation_id: run("recon_1"), job_id: None }, 2).await;
    let expected = json!({
        "job_id": "job_1", "reconciliation_id": "recon_1", "error_type": "Settler.ProviderUnavailable",
        "step": "fetch_shopify_orders", "count": 2, "first_seen": "2026-01-01T00:01:00.000Z",
        "last_seen": "2026-01-01T00:03:00.000Z", "last_message": "504",
    });
    assert_eq!(of_run.len(), 3, "and none of recon_10: {of_run:?}");
    assert_eq!(serde_json::to_value(&of_run[1]).unwrap(), expected);
    for limit in [1, 2, 50] {
        assert_eq!(find(HotspotFilter { job_id: job("job_1"), reconciliation_id: None }, limit).await.len(), 6);
        assert_eq!(find(HotspotFilter::default(), limit).await.len(), 9);
    }
    let both = HotspotFilter { job_id: job("job_2"), reconciliation_id: run("recon_2") };
    assert_eq!(find(both, 50).await.len(), 3);
    let neither = HotspotFilter { job_id: job("job_2"), reconciliation_id: run("recon_1") };
    assert_eq!(find(neither, 50).await, []);
    let others = backend.reads.error_hotspots(&tenant("other"), &HotspotFilter::default(), 9, None).await.unwrap();
    assert_eq!(others.items, []);
}

async fn steps_are_joined_at_read(backend: Backend) {
    let (store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    begin(&store, "recon_1", "job_1").await;
    let at = Timestamp::from_millis(NEW_YEAR_MS);
    let running = SagaEvent::StepStarted { attempt: 1, step: Step::PersistResults, at };
    let version = append::<Saga>(&*store, &acme, "recon_1", NEW_YEAR_MS, &[running]).await;
    engine.ring(&StreamKey::new(&acme, Saga::TYPE, "recon_1"), version).await.unwrap();
    let steps = backend.reads.current_steps(&acme, &["recon_0", "recon_1"]).await.unwrap();
    assert_eq!(steps, [None, Some(Step::PersistResults)]);
    assert_eq!(backend.reads.current_steps(&acme, &[]).await.unwrap(), []);
}
