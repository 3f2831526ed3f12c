//! Lists with filters and cursors, and look-ups for operators.

use crate::{
    backend::Backend,
    decorated::Decorated,
    for_both,
    given::{DAY_MS, NEW_YEAR_MS, append, definition, failed, run_stream, started, tenant},
};
use domain::{
    Aggregate, JobId, TenantId,
    job::{Job, JobEvent},
    reconciliation::{Reconciliation, Status},
    saga::{Saga, SagaEvent, SagaStatus},
};
use event_store::{MemoryStore, StreamKey};
use projections::{Engine, ReadError, ReadModels, ReconciliationFilter, SagaFilter};
use std::sync::Arc;

for_both!(
    lists_page_newest_first_without_loss,
    filters_page_correctly,
    a_page_over_many_reads_loses_nothing,
    a_filter_that_never_hits_ends_pages_early,
    dates_include_both_days,
    cursors_belong_to_their_list,
    deleted_jobs_vanish_from_lists,
    sagas_by_tenant_and_for_operators,
    ids_have_owners,
);

/// `count` runs of a tenant, one a day, every third failed, jobs in turn.
async fn given_runs(backend: &Backend, owner: &TenantId, count: i64) {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    for number in 0..count {
        let id = format!("recon_{number:03}");
        let at_ms = NEW_YEAR_MS + number * DAY_MS;
        let mut events = vec![started(&format!("job_{}", number % 4))];
        if number % 3 == 0 {
            events.push(failed(at_ms));
        }
        let version = append::<Reconciliation>(&*store, owner, &id, at_ms, &events).await;
        engine.ring(&run_stream(owner, &id), version).await.unwrap();
    }
}

/// All pages of a list, which must not be longer than asked.
async fn all(reads: &dyn ReadModels, owner: &TenantId, filter: &ReconciliationFilter, limit: u32) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = reads.list_reconciliations(owner, filter, limit, cursor.as_deref()).await.unwrap();
        assert!(page.items.len() <= usize::try_from(limit).unwrap());
        ids.extend(page.items.into_iter().map(|item| item.reconciliation_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return ids;
        }
    }
}

fn newest_first(numbers: impl DoubleEndedIterator<Item = i32>) -> Vec<String> {
    numbers.rev().map(|number| format!("recon_{number:03}")).collect()
}

async fn lists_page_newest_first_without_loss(backend: Backend) {
    let acme = tenant("acme");
    given_runs(&backend, &acme, 10).await;
    given_runs(&backend, &tenant("other"), 2).await;
    for limit in [1, 3, 5, 10, 50] {
        assert_eq!(
            all(&*backend.reads, &acme, &ReconciliationFilter::default(), limit).await,
            newest_first(0..10),
            "limit {limit}"
        );
    }
    let exact = backend.reads.list_reconciliations(&acme, &ReconciliationFilter::default(), 10, None).await.unwrap();
    assert_eq!(exact.next_cursor, None, "no empty page follows a full one");
    assert_eq!(
        all(&*backend.reads, &tenant("nobody"), &ReconciliationFilter::default(), 5).await,
        Vec::<String>::new()
    );
}

async fn filters_page_correctly(backend: Backend) {
    let acme = tenant("acme");
    given_runs(&backend, &acme, 24).await;
    let failed = ReconciliationFilter { status: Some(Status::Failed), ..ReconciliationFilter::default() };
    let job = ReconciliationFilter { job_id: Some(JobId::parse("job_1").unwrap()), ..ReconciliationFilter::default() };
    let both = ReconciliationFilter { status: Some(Status::Failed), ..job.clone() };
    for limit in [1, 2, 7, 50] {
        assert_eq!(all(&*backend.reads, &acme, &failed, limit).await, newest_first((0..24).step_by(3)));
        assert_eq!(all(&*backend.reads, &acme, &job, limit).await, newest_first((1..24).step_by(4)));
        assert_eq!(all(&*backend.reads, &acme, &both, limit).await, newest_first((9..24).step_by(12)));
    }
}

async fn a_page_over_many_reads_loses_nothing(backend: Backend) {
    let acme = tenant("acme");
    given_runs(&backend, &acme, 24).await;
    let slow = Decorated::new(Arc::clone(&backend.rows), 2);
    let failed = ReconciliationFilter { status: Some(Status::Failed), ..ReconciliationFilter::default() };
    for limit in [1, 3, 50] {
        assert_eq!(all(&slow, &acme, &failed, limit).await, newest_first((0..24).step_by(3)));
        assert_eq!(all(&slow, &acme, &ReconciliationFilter::default(), limit).await, newest_first(0..24));
    }
}

async fn a_filter_that_never_hits_ends_pages_early(backend: Backend) {
    let acme = tenant("acme");
    given_runs(&backend, &acme, 30).await;
    let slow = Decorated::new(Arc::clone(&backend.rows), 1);
    let completed = ReconciliationFilter { status: Some(Status::Completed), ..ReconciliationFilter::default() };
    let first = slow.list_reconciliations(&acme, &completed, 10, None).await.unwrap();
    assert!(first.items.is_empty() && first.next_cursor.is_some(), "a bounded read says that it is not done");
    assert_eq!(all(&slow, &acme, &completed, 10).await, Vec::<String>::new());
}

async fn dates_include_both_days(backend: Backend) {
    let acme = tenant("acme");
    given_runs(&backend, &acme, 10).await;
    let between = |from: Option<&str>, to: Option<&str>| ReconciliationFilter {
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        ..ReconciliationFilter::default()
    };
    let reads = &*backend.reads;
    assert_eq!(all(reads, &acme, &between(Some("2026-01-03"), Some("2026-01-05")), 2).await, newest_first(2..5));
    assert_eq!(all(reads, &acme, &between(Some("2026-01-09"), None), 50).await, newest_first(8..10));
    assert_eq!(all(reads, &acme, &between(None, Some("2026-01-01")), 50).await, newest_first(0..1));
    assert_eq!(all(reads, &acme, &between(Some("2026-01-05"), Some("2026-01-03")), 50).await, Vec::<String>::new());
}

async fn cursors_belong_to_their_list(backend: Backend) {
    let (acme, other) = (tenant("acme"), tenant("other"));
    given_runs(&backend, &acme, 5).await;
    given_runs(&backend, &other, 5).await;
    let reads = &*backend.reads;
    let plain = ReconciliationFilter::default();
    let failed = ReconciliationFilter { status: Some(Status::Failed), ..ReconciliationFilter::default() };
    let cursor = reads.list_reconciliations(&acme, &plain, 2, None).await.unwrap().next_cursor.unwrap();
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{cursor}");
    assert!(
        reads.list_reconciliations(&acme, &plain, 4, Some(&cursor)).await.is_ok(),
        "another limit is another page of the same list"
    );

    let refused = |result: Result<_, ReadError>| matches!(result, Err(ReadError::InvalidCursor));
    assert!(refused(reads.list_reconciliations(&other, &plain, 2, Some(&cursor)).await.map(|_| ())));
    assert!(refused(reads.list_reconciliations(&acme, &failed, 2, Some(&cursor)).await.map(|_| ())));
    assert!(refused(reads.list_jobs(&acme, 2, Some(&cursor)).await.map(|_| ())));
    assert!(refused(reads.list_sagas(&SagaFilter::default(), 2, Some(&cursor)).await.map(|_| ())));
    let long = "A".repeat(5_000);
    for broken in ["", "x", "€", "AAAA", "e30", "bnVsbA", &cursor[1..], &long] {
        assert!(refused(reads.list_reconciliations(&acme, &plain, 2, Some(broken)).await.map(|_| ())), "{broken}");
    }
    for index in 0..cursor.len() {
        let mut altered: Vec<char> = cursor.chars().collect();
        altered[index] = if altered[index] == 'B' { 'C' } else { 'B' };
        let altered: String = altered.into_iter().collect();
        assert!(refused(reads.list_reconciliations(&acme, &plain, 2, Some(&altered)).await.map(|_| ())), "{altered}");
    }
}

async fn deleted_jobs_vanish_from_lists(backend: Backend) {
    let acme = tenant("acme");
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    for number in 0..6 {
        let id = format!("job_{number}");
        let mut events = vec![JobEvent::JobCreated { definition: definition(&id) }];
        if number % 2 == 1 {
            events.push(JobEvent::JobDeleted {});
        }
        let version = append::<Job>(&*store, &acme, &id, NEW_YEAR_MS, &events).await;
        engine.ring(&StreamKey::new(&acme, Job::TYPE, &id), version).await.unwrap();
    }
    let first = backend.reads.list_jobs(&acme, 2, None).await.unwrap();
    let second = backend.reads.list_jobs(&acme, 2, first.next_cursor.as_deref()).await.unwrap();
    let ids: Vec<_> = first.items.iter().chain(&second.items).map(|job| job.job_id.as_str()).collect();
    assert_eq!((ids, second.next_cursor), (vec!["job_0", "job_2", "job_4"], None));
    assert!(backend.reads.job(&acme, "job_0").await.unwrap().is_some());
    assert!(backend.reads.job(&acme, "job_1").await.unwrap().is_none());
}

async fn sagas_by_tenant_and_for_operators(backend: Backend) {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    for (owner, number) in [("acme", 0), ("acme", 1), ("acme", 2), ("other", 3)] {
        let (owner, id, at) = (tenant(owner), format!("recon_{number}"), domain::Timestamp::from_millis(NEW_YEAR_MS));
        let mut events = vec![SagaEvent::SagaStarted { attempt: 1, execution_arn: "arn".into() }];
        if number % 2 == 0 {
            events.push(SagaEvent::Completed { attempt: 1, at });
        }
        let version = append::<Saga>(&*store, &owner, &id, NEW_YEAR_MS + number * DAY_MS, &events).await;
        engine.ring(&StreamKey::new(&owner, Saga::TYPE, &id), version).await.unwrap();
    }
    let ids = async |filter: SagaFilter, limit: u32| {
        let mut ids = Vec::new();
        let mut cursor = None;
        loop {
            let page = backend.reads.list_sagas(&filter, limit, cursor.as_deref()).await.unwrap();
            ids.extend(page.items.into_iter().map(|saga| saga.saga_id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return ids;
            }
        }
    };
    let acme = Some(tenant("acme"));
    assert_eq!(ids(SagaFilter { tenant: acme.clone(), status: None }, 2).await, ["recon_2", "recon_1", "recon_0"]);
    assert_eq!(ids(SagaFilter { tenant: acme, status: Some(SagaStatus::Running) }, 2).await, ["recon_1"]);
    for limit in [1, 3, 50] {
        let mut everywhere = ids(SagaFilter::default(), limit).await;
        everywhere.sort();
        assert_eq!(everywhere, ["recon_0", "recon_1", "recon_2", "recon_3"]);
        let mut running = ids(SagaFilter { tenant: None, status: Some(SagaStatus::Running) }, limit).await;
        running.sort();
        assert_eq!(running, ["recon_1", "recon_3"]);
    }
    let saga = backend.reads.saga(&tenant("other"), "recon_3").await.unwrap().unwrap();
    assert_eq!((saga.saga_type.as_str(), saga.version), ("reconciliation", 1));
    assert_eq!(backend.reads.saga(&tenant("acme"), "recon_3").await.unwrap(), None, "another tenant's saga is none");
    assert_eq!(backend.reads.saga_owners("recon_3").await.unwrap(), [tenant("other")]);
}

async fn ids_have_owners(backend: Backend) {
    given_runs(&backend, &tenant("other"), 2).await;
    given_runs(&backend, &tenant("acme"), 1).await;
    assert_eq!(backend.reads.reconciliation_owners("recon_000").await.unwrap(), [tenant("acme"), tenant("other")]);
    assert_eq!(backend.reads.reconciliation_owners("recon_001").await.unwrap(), [tenant("other")]);
    assert_eq!(backend.reads.reconciliation_owners("recon_002").await.unwrap(), []);
    assert_eq!(backend.reads.reconciliation(&tenant("acme"), "recon_001").await.unwrap(), None);
}
