//! Damage: each is found and named, its aggregate is parked, and everything else goes on.

use crate::given::{NEW_YEAR_MS, append, append_nonsense, failed, published, run_stream, started, tenant};
use domain::reconciliation::Reconciliation;
use event_store::{EventStore, MemoryStore, StreamKey, Upcasters};
use projections::{
    Checkpoint, Engine, Fault, MemoryProjections, ON_STREAM, Pulled, ReadError, ReadModels, TENANT_USAGE,
    compare::{Standing, compare},
    engine::PARK_AFTER_ATTEMPTS,
    parking::{ParkedPair, ParkedPairs},
    rebuild::RebuildStore,
    store::{CheckpointKey, RowKey},
};
use std::sync::{Arc, Mutex};
use testkit::FixedClock;

/// Dead letters in memory; refuses the first `refuses`.
#[derive(Default)]
struct Letters {
    told: Mutex<Vec<ParkedPair>>,
    refuses: Mutex<u32>,
}

#[async_trait::async_trait]
impl ParkedPairs for Letters {
    async fn parked(&self, pair: &ParkedPair) -> Result<(), Fault> {
        let mut refuses = self.refuses.lock().unwrap();
        if *refuses > 0 {
            *refuses -= 1;
            return Err(Fault::Busy("the queue is busy".into()));
        }
        self.told.lock().unwrap().push(pair.clone());
        Ok(())
    }
}

struct World {
    store: Arc<MemoryStore>,
    rows: Arc<MemoryProjections>,
    letters: Arc<Letters>,
    engine: Engine,
}

impl World {
    /// Two runs, shown.
    async fn new() -> Self {
        let (store, rows) = (Arc::new(MemoryStore::new()), Arc::new(MemoryProjections::new()));
        let letters = Arc::new(Letters::default());
        let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&rows) as _).telling(Arc::clone(&letters) as _);
        let world = Self { store, rows, letters, engine };
        for id in ["recon_1", "recon_2"] {
            let version = append::<Reconciliation>(
                &*world.store,
                &tenant("acme"),
                id,
                NEW_YEAR_MS,
                &[started("job_1"), published(1, 0, None)],
            )
            .await;
            world.engine.ring(&stream(id), version).await.unwrap();
        }
        world
    }

    fn key(&self, projection: &str) -> CheckpointKey {
        CheckpointKey { projection: projection.into(), version: 1, stream: stream("recon_1") }
    }

    /// The other run goes on, and is shown.
    async fn the_rest_goes_on(&self) {
        let version =
            append::<Reconciliation>(&*self.store, &tenant("acme"), "recon_2", NEW_YEAR_MS, &[failed(NEW_YEAR_MS)])
                .await;
        self.engine.ring(&stream("recon_2"), version).await.unwrap();
        let row = self.rows.reconciliation(&tenant("acme"), "recon_2").await.unwrap().unwrap();
        assert_eq!(row.version, version);
    }

    /// The one pair that is not exact.
    async fn only_inexact(&self) -> projections::compare::Inexact {
        let clock = FixedClock::default();
        let as_of = domain::Clock::now(&clock);
        let found = compare(&*self.store, &*self.rows, &projections::ALL, (100, None), as_of).await.unwrap();
        assert_eq!((found.checked, found.exact), (4, 3), "{:?}", found.inexact);
        found.inexact[0].clone()
    }
}

fn stream(id: &str) -> StreamKey {
    run_stream(&tenant("acme"), id)
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_ahead_of_its_head_is_named_and_parked_at_once() {
    let world = World::new().await;
    let summary = world.key(ON_STREAM[0].name);
    world.rows.overwrite_checkpoint(summary.clone(), Checkpoint { version: 9, ..Checkpoint::default() });
    let found = world.only_inexact().await;
    assert_eq!((found.standing, found.checkpoint, found.head), (Standing::Ahead, 9, 2));

    let version =
        append::<Reconciliation>(&*world.store, &tenant("acme"), "recon_1", NEW_YEAR_MS, &[failed(NEW_YEAR_MS)]).await;
    let pulled = world.engine.ring(&stream("recon_1"), version).await.unwrap();
    let [Pulled::Parked(trouble), Pulled::UpTo { version: 3, .. }] = &pulled[..] else { panic!("{pulled:?}") };
    assert!(trouble.error.contains("stands at 9, ahead of its head at 3"), "{}", trouble.error);
    let told = world.letters.told.lock().unwrap().clone();
    assert_eq!(told.iter().map(|told| &told.pair).collect::<Vec<_>>(), [&summary]);
    assert_eq!(world.only_inexact().await.standing, Standing::Parked);
    world.the_rest_goes_on().await;

    // The operator folds it anew.
    let rows: Arc<dyn RebuildStore> = Arc::clone(&world.rows) as _;
    let refolded = world.engine.refold(&ON_STREAM[0], 1, &stream("recon_1"), 1).await.unwrap();
    assert!(matches!(refolded, Pulled::UpTo { version: 3, applied: 3, .. }), "{refolded:?}");
    assert_eq!(rows.checkpoint(&summary).await.unwrap().trouble, None);
    assert_eq!(world.rows.reconciliation(&tenant("acme"), "recon_1").await.unwrap().unwrap().errors_count, 1);
}

#[tokio::test]
async fn a_row_of_another_tenant_is_named_not_shown_and_parked_at_once() {
    let world = World::new().await;
    let place = RowKey { table: ON_STREAM[0].table, partition: "T#acme@1".into(), sort: "recon_1".into() };
    let row = world.rows.rows_of(place.table)[0].1.replace("\"tenant_id\":\"acme\"", "\"tenant_id\":\"other\"");
    world.rows.overwrite_row(place, &row);
    let read = world.rows.reconciliation(&tenant("acme"), "recon_1").await.unwrap_err();
    assert!(matches!(&read, ReadError::Store(Fault::Corrupt(detail)) if detail.contains("belongs to other")), "{read}");
    let filter = projections::ReconciliationFilter::default();
    let list = world.rows.list_reconciliations(&tenant("acme"), &filter, 9, None).await;
    assert!(list.is_err(), "a list does not show it either");

    append::<Reconciliation>(&*world.store, &tenant("acme"), "recon_1", NEW_YEAR_MS, &[failed(NEW_YEAR_MS)]).await;
    let pulled = world.engine.ring(&stream("recon_1"), 3).await.unwrap();
    let [Pulled::Parked(trouble), Pulled::UpTo { .. }] = &pulled[..] else { panic!("{pulled:?}") };
    assert!(trouble.error.contains("belongs to tenant other"), "{}", trouble.error);
    assert!(trouble.error.contains("settler projections rebuild --reconciliation recon_1"), "{}", trouble.error);
    world.the_rest_goes_on().await;

    world.engine.refold(&ON_STREAM[0], 1, &stream("recon_1"), 1).await.unwrap();
    assert!(world.rows.reconciliation(&tenant("acme"), "recon_1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_state_that_does_not_decode_is_named_and_parked_at_once() {
    let world = World::new().await;
    let key = world.key(TENANT_USAGE.name);
    let checkpoint = Checkpoint { version: 2, state: Some("{\"day\":".into()), ..Checkpoint::default() };
    world.rows.overwrite_checkpoint(key, checkpoint);
    append::<Reconciliation>(&*world.store, &tenant("acme"), "recon_1", NEW_YEAR_MS, &[failed(NEW_YEAR_MS)]).await;
    let pulled = world.engine.ring(&stream("recon_1"), 3).await.unwrap();
    let [Pulled::UpTo { .. }, Pulled::Parked(trouble)] = &pulled[..] else { panic!("{pulled:?}") };
    assert!(trouble.error.contains("does not decode"), "{}", trouble.error);
    world.the_rest_goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_event_is_told_before_it_parks_and_told_again_when_telling_failed() {
    let world = World::new().await;
    append_nonsense(&*world.store, &stream("recon_1")).await;
    *world.letters.refuses.lock().unwrap() = 2;
    let mut rings = 0;
    while world.engine.ring(&stream("recon_1"), 3).await.is_err() {
        rings += 1;
    }
    // Both projections of a run count their own attempts; each was refused once.
    assert_eq!(rings, PARK_AFTER_ATTEMPTS, "four attempts, one of which could not be told");
    let told = world.letters.told.lock().unwrap().clone();
    let names: Vec<_> = told.iter().map(|told| (told.pair.projection.as_str(), told.trouble.position)).collect();
    assert_eq!(names, [(ON_STREAM[0].name, 3), (TENANT_USAGE.name, 3)]);
    assert!(told[0].trouble.error.contains("NobodyKnows"));
    world.the_rest_goes_on().await;
}

#[tokio::test]
async fn an_unknown_version_of_an_event_is_named() {
    let world = World::new().await;
    let newer = Upcasters::current().step("ReconciliationFailed", 1, Ok).unwrap();
    let later = (*world.store).clone().with_upcasters(newer);
    let at_version = |event_version| event_store::NewEvent {
        event_type: "ReconciliationFailed".into(),
        event_version,
        data: domain::aggregate::data_of(&failed(NEW_YEAR_MS)).unwrap(),
    };
    let append = event_store::Append {
        stream: stream("recon_1"),
        expected: 2,
        events: vec![at_version(2)],
        commit_id: uuid::Uuid::from_u128(7),
        set_fence: None,
    };
    let metadata = domain::Metadata {
        tenant_id: tenant("acme"),
        user_id: None,
        timestamp: domain::Timestamp::from_millis(NEW_YEAR_MS),
        correlation_id: domain::CorrelationId::parse("cor_1").unwrap(),
        causation_id: None,
    };
    let transaction = event_store::Transaction { appends: vec![append], command: None, fence: None, metadata };
    later.append(transaction).await.unwrap();
    let error = world.engine.ring(&stream("recon_1"), 3).await.unwrap_err().to_string();
    assert!(error.contains("ReconciliationFailed@2 is unknown, today's version is 1"), "{error}");
    world.the_rest_goes_on().await;
}
