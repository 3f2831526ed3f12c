//! An event that cannot be applied stops its own pair only, and only after a while.

use crate::{
    backend::Backend,
    for_both,
    given::{NEW_YEAR_MS, append, append_nonsense, published, run_stream, started, tenant},
};
use domain::{EventEnvelope, reconciliation::Reconciliation};
use event_store::{EventStore, MemoryStore};
use projections::{
    ALL, ApplyError, Engine, ON_STREAM, Projection, PullError, Pulled, Registered, SummaryView, Table,
    engine::PARK_AFTER_ATTEMPTS, projection::Row, reconciliation_summary::ReconciliationSummary,
};
use std::sync::Arc;

for_both!(
    the_rest_goes_on_while_a_pair_is_parked,
    unparking_with_a_release_that_understands_the_event,
    damage_counts_and_what_lies_before_it_is_applied,
);

/// The same projection, in a release that passes unknown events by.
struct Tolerant;

impl Projection for Tolerant {
    const NAME: &'static str = ReconciliationSummary::NAME;
    const AGGREGATE: &'static str = ReconciliationSummary::AGGREGATE;
    const TABLE: Table = ReconciliationSummary::TABLE;
    type State = SummaryView;

    fn apply(row: Option<SummaryView>, event: &EventEnvelope) -> Result<SummaryView, ApplyError> {
        match (&*event.event_type, row) {
            ("NobodyKnows", Some(mut row)) => {
                row.version = event.sequence;
                Ok(row)
            }
            (_, row) => ReconciliationSummary::apply(row, event),
        }
    }

    fn rows(id: &str, row: &SummaryView) -> Result<Vec<Row>, serde_json::Error> {
        ReconciliationSummary::rows(id, row)
    }
}

async fn given_nonsense(backend: &Backend) -> (Arc<MemoryStore>, Engine) {
    let (store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    append::<Reconciliation>(&*store, &acme, "recon_1", NEW_YEAR_MS, &[started("job_1")]).await;
    append_nonsense(&*store, &run_stream(&acme, "recon_1")).await;
    let engine = Engine::of(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _, &ON_STREAM);
    (store, engine)
}

async fn park(engine: &Engine) {
    let stream = run_stream(&tenant("acme"), "recon_1");
    for attempt in 1..PARK_AFTER_ATTEMPTS {
        let error = engine.ring(&stream, 2).await.unwrap_err();
        assert!(matches!(error, PullError::Trouble { position: 2, attempts, .. } if attempts == attempt), "{error}");
    }
    let [Pulled::Parked(trouble)] = &engine.ring(&stream, 2).await.unwrap()[..] else {
        unreachable!("parked at the fifth")
    };
    assert_eq!((trouble.position, trouble.attempts, trouble.parked), (2, PARK_AFTER_ATTEMPTS, true));
    assert!(trouble.error.contains("NobodyKnows"), "{}", trouble.error);
}

async fn the_rest_goes_on_while_a_pair_is_parked(backend: Backend) {
    let (store, engine) = given_nonsense(&backend).await;
    let acme = tenant("acme");
    park(&engine).await;
    let row = backend.reads.reconciliation(&acme, "recon_1").await.unwrap().unwrap();
    assert_eq!(row.version, 1, "what lies before the event is shown");

    append::<Reconciliation>(&*store, &acme, "recon_1", NEW_YEAR_MS, &[published(1, 0, None)]).await;
    assert!(matches!(engine.ring(&run_stream(&acme, "recon_1"), 3).await.unwrap()[..], [Pulled::Parked(_)]));
    append::<Reconciliation>(&*store, &acme, "recon_2", NEW_YEAR_MS, &[started("job_1")]).await;
    engine.ring(&run_stream(&acme, "recon_2"), 1).await.unwrap();
    assert!(backend.reads.reconciliation(&acme, "recon_2").await.unwrap().is_some());
}

async fn unparking_with_a_release_that_understands_the_event(backend: Backend) {
    let (store, engine) = given_nonsense(&backend).await;
    let stream = run_stream(&tenant("acme"), "recon_1");
    park(&engine).await;
    let error = engine.unpark(&ALL[0], 1, &stream).await.unwrap_err();
    assert!(matches!(error, PullError::Trouble { attempts: 1, .. }), "{error}");

    let newer = Registered::of::<Tolerant>();
    let engine = Engine::of(store, Arc::clone(&backend.rows) as _, &[newer]);
    assert!(matches!(engine.unpark(&newer, 1, &stream).await.unwrap(), Pulled::UpTo { version: 2, applied: 1, .. }));
    assert_eq!(backend.reads.checkpoint_version(ReconciliationSummary::NAME, &stream).await.unwrap(), 2);
}

async fn damage_counts_and_what_lies_before_it_is_applied(backend: Backend) {
    let (store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let stream = run_stream(&acme, "recon_1");
    append::<Reconciliation>(&*store, &acme, "recon_1", NEW_YEAR_MS, &[started("job_1")]).await;
    for _ in 0..3 {
        append::<Reconciliation>(&*store, &acme, "recon_1", NEW_YEAR_MS, &[published(1, 0, None)]).await;
    }
    assert!(store.lose(&stream, 3));
    let engine = Engine::of(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _, &ON_STREAM);
    let error = engine.ring(&stream, 4).await.unwrap_err();
    assert!(matches!(error, PullError::Trouble { position: 3, attempts: 1, .. }), "{error}");
    assert_eq!(backend.reads.checkpoint_version(ReconciliationSummary::NAME, &stream).await.unwrap(), 2);
    assert!(store.load(&stream, 0).await.is_err());
}
