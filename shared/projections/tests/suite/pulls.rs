//! Pulling: what one doorbell does, two pulls at once, and two versions side by side.

use crate::{
    backend::Backend,
    for_both,
    given::{DAY_MS, NEW_YEAR_MS, append, definition, events, fetched, published, run_stream, started, tenant},
};
use domain::{
    job::{Job, JobEvent},
    reconciliation::{Reconciliation, ReconciliationEvent},
};
use event_store::{MemoryStore, Units};
use projections::{
    ALL, Engine, Fault, ON_STREAM, ProjectionStore, Pulled, Table,
    projection::{Keys, Projection},
    reconciliation_summary::ReconciliationSummary,
    store::{Advance, Checkpoint, CheckpointKey, RowKey, RowPut, Stand, Trouble, Versions, Written},
    summary_of,
};
use std::sync::Arc;
use tokio::sync::Barrier;

for_both!(
    a_doorbell_brings_the_row_up_to_date_once,
    an_advance_needs_its_checkpoint,
    pulls_at_once_apply_each_event_once,
    a_building_version_is_fed_beside_the_live_one,
);

async fn a_doorbell_brings_the_row_up_to_date_once(backend: Backend) {
    let (events_store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let engine = Engine::of(Arc::clone(&events_store) as _, Arc::clone(&backend.rows) as _, &ON_STREAM);
    let stream = run_stream(&acme, "recon_1");
    append::<Reconciliation>(&*events_store, &acme, "recon_1", NEW_YEAR_MS, &[started("job_1")]).await;
    let version = append::<Reconciliation>(
        &*events_store,
        &acme,
        "recon_1",
        NEW_YEAR_MS,
        &[published(1, 0, None), ReconciliationEvent::ResultsWithdrawn { attempt: 1 }],
    )
    .await;
    let pulled = engine.ring(&stream, version).await.unwrap();
    assert!(matches!(pulled[..], [Pulled::UpTo { version: 3, applied: 3, .. }]), "{pulled:?}");
    for late in [version, 1] {
        let again = engine.ring(&stream, late).await.unwrap();
        assert_eq!(again, [Pulled::UpTo { version: 3, applied: 0, units: Units::default() }]);
    }
    let row = backend.reads.reconciliation(&acme, "recon_1").await.unwrap();
    assert_eq!(row, summary_of(&acme, "recon_1", &events(&*events_store, &stream).await).unwrap());
    assert_eq!(backend.reads.checkpoint_version("reconciliation_summary", &stream).await.unwrap(), 3);

    append::<Job>(
        &*events_store,
        &acme,
        "job_1",
        NEW_YEAR_MS + DAY_MS,
        &[JobEvent::JobCreated { definition: definition("d") }],
    )
    .await;
    engine.ring(&event_store::StreamKey::new(&acme, "job", "job_1"), 1).await.unwrap();
    assert!(backend.reads.job(&acme, "job_1").await.unwrap().is_some());
    assert_eq!(engine.ring(&event_store::StreamKey::new(&acme, "matches", "recon_1-a1"), 9).await.unwrap(), []);
}

async fn an_advance_needs_its_checkpoint(backend: Backend) {
    let key = CheckpointKey { projection: "p".into(), version: 1, stream: run_stream(&tenant("acme"), "recon_1") };
    let row_key = RowKey { table: Table::ReconciliationSummary, partition: "T#acme@1".into(), sort: "recon_1".into() };
    let at = |version: u64| Stand { version, epoch: 0 };
    let advance = |from: u64, to: u64, row: &str| Advance {
        checkpoint: key.clone(),
        from: at(from),
        to: at(to),
        as_of: domain::Timestamp::from_millis(NEW_YEAR_MS),
        state: None,
        puts: vec![RowPut {
            key: row_key.clone(),
            row: row.into(),
            keys: Keys {
                started: Some("s".into()),
                id: Some("i".into()),
                attributes: vec![("status", "x".into())],
                ..Keys::default()
            },
        }],
        removes: Vec::new(),
    };
    let stood = |version: u64, trouble: Option<Trouble>| Checkpoint { version, trouble, ..Checkpoint::default() };
    let rows = &backend.rows;
    assert_eq!(rows.checkpoint(&key).await.unwrap(), Checkpoint::default());
    assert_eq!(rows.advance(&advance(1, 2, "early")).await.unwrap(), Written::Lost);
    assert_eq!(rows.row(&row_key).await.unwrap(), None);

    let trouble = Trouble { error: "broken".into(), position: 1, attempts: 2, parked: false };
    assert!(matches!(rows.note(&key, at(0), Some(&trouble)).await.unwrap(), Written::Done(_)));
    assert_eq!(rows.checkpoint(&key).await.unwrap(), stood(0, Some(trouble.clone())));

    assert!(matches!(rows.advance(&advance(0, 2, "first")).await.unwrap(), Written::Done(_)));
    assert_eq!(rows.advance(&advance(0, 1, "late")).await.unwrap(), Written::Lost);
    assert_eq!(rows.note(&key, at(0), Some(&trouble)).await.unwrap(), Written::Lost);
    assert_eq!(rows.checkpoint(&key).await.unwrap(), stood(2, None));
    assert_eq!(rows.row(&row_key).await.unwrap().as_deref(), Some("first"));

    assert!(matches!(rows.note(&key, at(2), Some(&trouble)).await.unwrap(), Written::Done(_)));
    assert!(matches!(rows.note(&key, at(2), None).await.unwrap(), Written::Done(_)));
    assert_eq!(rows.checkpoint(&key).await.unwrap(), stood(2, None));
}

/// Holds every pull back after its first look at the checkpoint until all have looked.
struct Together {
    rows: Arc<dyn projections::read::Rows>,
    looked: Barrier,
    first: std::sync::atomic::AtomicUsize,
    pulls: usize,
}

#[async_trait::async_trait]
impl ProjectionStore for Together {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
        let checkpoint = self.rows.checkpoint(key).await?;
        if self.first.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < self.pulls {
            self.looked.wait().await;
        }
        Ok(checkpoint)
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault> {
        self.rows.row(key).await
    }

    async fn advance(&self, advance: &Advance) -> Result<Written, Fault> {
        self.rows.advance(advance).await
    }

    async fn note(&self, key: &CheckpointKey, from: Stand, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        self.rows.note(key, from, trouble).await
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        self.rows.versions(projection).await
    }
}

async fn pulls_at_once_apply_each_event_once(backend: Backend) {
    const PULLS: usize = 4;
    let (events_store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let stream = run_stream(&acme, "recon_1");
    append::<Reconciliation>(&*events_store, &acme, "recon_1", NEW_YEAR_MS, &[started("job_1")]).await;
    Engine::of(Arc::clone(&events_store) as _, Arc::clone(&backend.rows) as _, &ON_STREAM)
        .ring(&stream, 1)
        .await
        .unwrap();
    append::<Reconciliation>(&*events_store, &acme, "recon_1", NEW_YEAR_MS, &[crate::given::failed(NEW_YEAR_MS)]).await;

    let store =
        Together { rows: Arc::clone(&backend.rows), looked: Barrier::new(PULLS), first: 0.into(), pulls: PULLS };
    let engine = Arc::new(Engine::of(Arc::clone(&events_store) as _, Arc::new(store), &ON_STREAM));
    let pulls: Vec<_> = (0..PULLS)
        .map(|_| {
            let (engine, stream) = (Arc::clone(&engine), stream.clone());
            tokio::spawn(async move { engine.ring(&stream, 2).await.unwrap() })
        })
        .collect();
    let mut applied_in_all = 0;
    for pull in pulls {
        let [Pulled::UpTo { version: 2, applied, .. }] = pull.await.unwrap()[..] else {
            unreachable!("all end at version 2")
        };
        applied_in_all += applied;
    }
    assert_eq!(applied_in_all, 1, "one pull wins, the others read again");
    let row = backend.reads.reconciliation(&acme, "recon_1").await.unwrap().unwrap();
    assert_eq!(row.errors_count, 1);
}

async fn a_building_version_is_fed_beside_the_live_one(backend: Backend) {
    backend.set_versions(ReconciliationSummary::NAME, Versions { live: 2, building: Some(3) }).await;
    let (events_store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let engine = Engine::of(Arc::clone(&events_store) as _, Arc::clone(&backend.rows) as _, &ON_STREAM);
    let stream = run_stream(&acme, "recon_1");
    let version = append::<Reconciliation>(
        &*events_store,
        &acme,
        "recon_1",
        NEW_YEAR_MS,
        &[started("job_1"), ReconciliationEvent::OrdersFetched(fetched())],
    )
    .await;
    assert_eq!(engine.ring(&stream, version).await.unwrap().len(), 2);
    assert_eq!(backend.reads.reconciliation(&acme, "recon_1").await.unwrap().map(|row| row.version), Some(2));

    let row = |version: u32| RowKey {
        table: Table::ReconciliationSummary,
        partition: format!("T#acme@{version}"),
        sort: "recon_1".into(),
    };
    let (live, building) = (backend.rows.row(&row(2)).await.unwrap(), backend.rows.row(&row(3)).await.unwrap());
    assert!(live.is_some());
    assert_eq!(live, building, "byte for byte");
    assert_eq!(backend.rows.row(&row(1)).await.unwrap(), None);
    assert_eq!(backend.reads.reconciliation_owners("recon_1").await.unwrap(), std::slice::from_ref(&acme));
    let page = backend
        .reads
        .list_reconciliations(&acme, &projections::ReconciliationFilter::default(), 10, None)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
    let rebuilt = engine.pull(&ALL[0], 1, &stream, None).await.unwrap();
    assert!(matches!(rebuilt, Pulled::UpTo { version: 2, applied: 2, .. }), "{rebuilt:?}");
    assert_eq!(backend.rows.row(&row(1)).await.unwrap(), live);
}
