//! Rebuilding: beside the live version and in it, while events come in, after an upcaster, and after a crash at every
//! step. In the end the rows are always the same.

use crate::{
    backend::Backend,
    dying::Dying,
    for_both,
    given::{DAY_MS, NEW_YEAR_MS, append, append_nonsense, failed, fetched, published, run_stream, started, tenant},
};
use domain::{
    Clock, ReconciliationId, Timestamp,
    reconciliation::{Reconciliation, ReconciliationEvent},
    saga::{Saga, SagaEvent, Step},
};
use event_store::{EventStore, MemoryStore, Upcasters};
use projections::{
    ALL, ERROR_HOTSPOTS, Engine, MemoryProjections, ON_STREAM, ProjectionStore, ReadModels, Registered, TENANT_USAGE,
    engine::PARK_AFTER_ATTEMPTS,
    rebuild::{Phase, RebuildStore, Rebuilder, RequestError, Scope, Stepped, request},
    store::{CheckpointKey, RowKey, Versions},
};
use std::sync::Arc;
use testkit::FixedClock;

for_both!(
    all_of_a_projection_is_rebuilt_beside_the_live_version,
    a_release_that_stores_otherwise_ends_no_rebuild_of_the_one_before,
    one_run_is_folded_anew_in_place,
    a_time_range_is_folded_anew_in_place,
);

pub fn rebuilder(store: &Arc<MemoryStore>, rows: &Arc<dyn RebuildStore>, clock: &Arc<FixedClock>) -> Rebuilder {
    let engine = Engine::new(Arc::clone(store) as _, Arc::new(Upcast(Arc::clone(rows))));
    Rebuilder::new(Arc::clone(store) as _, Arc::clone(rows), Arc::new(engine), Arc::clone(clock) as _, u32::MAX)
}

/// `dyn RebuildStore` as a `ProjectionStore`, for an engine.
struct Upcast(Arc<dyn RebuildStore>);

#[async_trait::async_trait]
impl ProjectionStore for Upcast {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<projections::Checkpoint, projections::Fault> {
        self.0.checkpoint(key).await
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, projections::Fault> {
        self.0.row(key).await
    }

    async fn advance(
        &self,
        advance: &projections::store::Advance,
    ) -> Result<projections::store::Written, projections::Fault> {
        self.0.advance(advance).await
    }

    async fn note(
        &self,
        key: &CheckpointKey,
        from: projections::store::Stand,
        trouble: Option<&projections::store::Trouble>,
    ) -> Result<projections::store::Written, projections::Fault> {
        self.0.note(key, from, trouble).await
    }

    async fn versions(&self, projection: &str) -> Result<Versions, projections::Fault> {
        self.0.versions(projection).await
    }
}

/// Steps to the end; time passes as fast as it is waited for. None when the process died.
pub async fn finish(rebuilder: &Rebuilder, clock: &FixedClock, projection: &Registered) -> Option<u32> {
    for steps in 0.. {
        match rebuilder.step(projection).await.ok()? {
            Stepped::Idle => return Some(steps),
            Stepped::More => {}
            Stepped::Wait(pause) => clock.advance_ms(i64::try_from(pause.as_millis()).unwrap()),
        }
    }
    None
}

/// Every projection beside its live version, to the end.
pub async fn rebuild_all(store: &Arc<MemoryStore>, rows: &Arc<MemoryProjections>) {
    let clock = Arc::new(FixedClock::default());
    let rows: Arc<dyn RebuildStore> = Arc::clone(rows) as _;
    let rebuilder = rebuilder(store, &rows, &clock);
    for projection in &ALL {
        request(&*rows, projection, &Scope::All, None, clock.now()).await.unwrap();
        finish(&rebuilder, &clock, projection).await.unwrap();
        let registration = rows.registration(projection.name).await.unwrap();
        assert_eq!(registration.rebuild.map(|rebuild| rebuild.phase), Some(Phase::Done));
    }
}

fn ledger(fail: bool) -> Vec<SagaEvent> {
    let (attempt, step, at) = (1, Step::PerformMatching, Timestamp::from_millis(NEW_YEAR_MS));
    let mut events = vec![
        SagaEvent::SagaStarted { attempt, execution_arn: "arn".into() },
        SagaEvent::StepStarted { attempt, step, at },
    ];
    if fail {
        let ReconciliationEvent::ReconciliationFailed { failure, .. } = failed(NEW_YEAR_MS) else { unreachable!() };
        events.push(SagaEvent::StepFailed { attempt, failure, step, at });
    }
    events
}

/// Five runs of two tenants on five days, with ledgers; the projections have caught up.
async fn given_runs(rows: &Arc<dyn RebuildStore>) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    for number in 0..5_i64 {
        let owner = tenant(if number % 2 == 0 { "acme" } else { "other" });
        let (id, at_ms) = (format!("recon_{number}"), NEW_YEAR_MS + number * DAY_MS);
        let end = if number == 3 { failed(at_ms + 5_000) } else { published(7, 1, None) };
        append::<Reconciliation>(&*store, &owner, &id, at_ms, &[started("job_1")]).await;
        append::<Reconciliation>(
            &*store,
            &owner,
            &id,
            at_ms + 1_000,
            &[ReconciliationEvent::OrdersFetched(fetched()), end],
        )
        .await;
        append::<Saga>(&*store, &owner, &id, at_ms + 1_000, &ledger(number == 3)).await;
    }
    catch_up(&store, rows).await;
    store
}

async fn catch_up(store: &Arc<MemoryStore>, rows: &Arc<dyn RebuildStore>) {
    let engine = Engine::new(Arc::clone(store) as _, Arc::new(Upcast(Arc::clone(rows))));
    for change in store.changes() {
        engine.ring(&change.stream, change.version).await.unwrap();
    }
}

fn run_row(owner: &str, number: u32, version: u32) -> RowKey {
    RowKey { table: ON_STREAM[0].table, partition: format!("T#{owner}@{version}"), sort: format!("recon_{number}") }
}

async fn all_of_a_projection_is_rebuilt_beside_the_live_version(backend: Backend) {
    let rows = &backend.rebuilds;
    let store = given_runs(rows).await;
    let clock = Arc::new(FixedClock::default());
    let rebuilder = rebuilder(&store, rows, &clock);
    let summary = &ON_STREAM[0];
    let before = rows.row(&run_row("acme", 0, 1)).await.unwrap().unwrap();
    let usage_days = projections::UsageDays { from: "2026-01-01".into(), to: "2026-01-31".into() };
    let usage = backend.reads.usage(&tenant("acme"), &usage_days, 50, None).await.unwrap();

    for projection in [summary, &TENANT_USAGE, &ERROR_HOTSPOTS] {
        let first = request(&**rows, projection, &Scope::All, Some("key_1"), clock.now()).await.unwrap();
        let again = request(&**rows, projection, &Scope::All, Some("key_2"), clock.now()).await.unwrap();
        assert_eq!((first.resumed, again.resumed), (false, true));
        assert_eq!(again.rebuild.requested_by.as_deref(), Some("key_1"));
        let other = Scope::Range { from: clock.now(), to: clock.now() };
        let refused = request(&**rows, projection, &other, None, clock.now()).await.unwrap_err();
        assert!(matches!(refused, RequestError::Busy { phase: "announcing", .. }), "{refused}");

        // A run that goes on while the rebuild is announced.
        append::<Reconciliation>(&*store, &tenant("acme"), "recon_0", NEW_YEAR_MS + DAY_MS, &[failed(NEW_YEAR_MS + 9)])
            .await;
        assert!(finish(&rebuilder, &clock, projection).await.is_some());
        let registration = rows.registration(projection.name).await.unwrap();
        assert_eq!(registration.versions, Versions { live: 2, building: None });
        let rebuild = registration.rebuild.unwrap();
        assert_eq!((rebuild.phase, rebuild.unfolded_count), (Phase::Done, 0));
        assert_eq!((rebuild.done, rebuild.total), (5, 5));
        assert!(rebuild.finished_at.is_some());
        catch_up(&store, rows).await;
    }
    assert_eq!(rows.row(&run_row("acme", 0, 1)).await.unwrap(), None, "the old version is gone");
    assert_eq!(rows.row(&run_row("other", 1, 1)).await.unwrap(), None);
    let after = rows.row(&run_row("acme", 0, 2)).await.unwrap().unwrap();
    assert_ne!(after, before, "the event that came in between is in it");
    let old =
        CheckpointKey { projection: summary.name.into(), version: 1, stream: run_stream(&tenant("acme"), "recon_0") };
    assert_eq!(rows.checkpoint(&old).await.unwrap().version, 0, "its checkpoints are gone too");
    let now = backend.reads.usage(&tenant("acme"), &usage_days, 50, None).await.unwrap();
    assert_eq!(
        now.items.iter().map(|day| &day.day).collect::<Vec<_>>(),
        usage.items.iter().map(|day| &day.day).collect::<Vec<_>>()
    );
    assert_eq!(now.items[0].failures, 3);
}

async fn a_release_that_stores_otherwise_ends_no_rebuild_of_the_one_before(backend: Backend) {
    let rows = &backend.rebuilds;
    let store = given_runs(rows).await;
    let clock = Arc::new(FixedClock::default());
    let rebuilder = rebuilder(&store, rows, &clock);
    let (before, mut after) = (TENANT_USAGE, TENANT_USAGE);
    after.format = before.format + 1;
    assert_eq!(rows.registration(before.name).await.unwrap().format, before.format);
    request(&**rows, &before, &Scope::All, None, clock.now()).await.unwrap();
    // The release comes while the one before is folding.
    while rows.registration(before.name).await.unwrap().rebuild.unwrap().phase != Phase::Folding {
        match rebuilder.step(&before).await.unwrap() {
            Stepped::Wait(pause) => clock.advance_ms(i64::try_from(pause.as_millis()).unwrap()),
            stepped => assert_eq!(stepped, Stepped::More),
        }
    }
    assert!(finish(&rebuilder, &clock, &after).await.is_some());
    let registration = rows.registration(after.name).await.unwrap();
    assert_eq!(registration.versions, Versions { live: 3, building: None }, "in a version of its own");
    assert_eq!((registration.format, registration.rebuild.unwrap().phase), (after.format, Phase::Done));
    // What is live is of this release: a further one begins beside it.
    request(&**rows, &after, &Scope::All, None, clock.now()).await.unwrap();
    assert!(finish(&rebuilder, &clock, &after).await.is_some());
    assert_eq!(rows.registration(after.name).await.unwrap().versions.live, 4);
}

async fn one_run_is_folded_anew_in_place(backend: Backend) {
    let rows = &backend.rebuilds;
    let store = given_runs(rows).await;
    let clock = Arc::new(FixedClock::default());
    let rebuilder = rebuilder(&store, rows, &clock);
    let id = ReconciliationId::parse("recon_3").unwrap();
    let scope = Scope::Reconciliation { tenant_id: tenant("other"), reconciliation_id: id };
    let before = rows.row(&run_row("other", 3, 1)).await.unwrap();
    for projection in ALL.iter().filter(|projection| projection.aggregate != "job") {
        request(&**rows, projection, &scope, None, clock.now()).await.unwrap();
        assert!(finish(&rebuilder, &clock, projection).await.is_some());
        let registration = rows.registration(projection.name).await.unwrap();
        assert_eq!(registration.versions, Versions::default());
        let stream = event_store::StreamKey::new(&tenant("other"), projection.aggregate, "recon_3");
        let key = CheckpointKey { projection: projection.name.into(), version: 1, stream };
        assert_eq!(rows.checkpoint(&key).await.unwrap().epoch, registration.rebuild.unwrap().number);
    }
    assert_eq!(rows.row(&run_row("other", 3, 1)).await.unwrap(), before);
    let jobs = request(&**rows, &ON_STREAM[2], &scope, None, clock.now()).await.unwrap_err();
    assert!(matches!(jobs, RequestError::OutOfScope(_)));
    let spots = backend.reads.error_hotspots(&tenant("other"), &projections::HotspotFilter::default(), 9, None).await;
    assert_eq!(spots.unwrap().items.len(), 1);
    // After it the live version goes on as before.
    append::<Reconciliation>(&*store, &tenant("other"), "recon_3", NEW_YEAR_MS + DAY_MS, &[failed(NEW_YEAR_MS + 9)])
        .await;
    catch_up(&store, rows).await;
    assert_eq!(backend.reads.reconciliation(&tenant("other"), "recon_3").await.unwrap().unwrap().errors_count, 2);
}

async fn a_time_range_is_folded_anew_in_place(backend: Backend) {
    let rows = &backend.rebuilds;
    let store = given_runs(rows).await;
    let clock = Arc::new(FixedClock::default());
    let rebuilder = rebuilder(&store, rows, &clock);
    let at = |day: i64| Timestamp::from_millis(NEW_YEAR_MS + day * DAY_MS);
    let scope = Scope::Range { from: at(1), to: at(3) };
    request(&**rows, &TENANT_USAGE, &scope, None, clock.now()).await.unwrap();
    assert!(finish(&rebuilder, &clock, &TENANT_USAGE).await.is_some());
    let rebuild = rows.registration(TENANT_USAGE.name).await.unwrap().rebuild.unwrap();
    assert_eq!((rebuild.phase, rebuild.done, rebuild.total), (Phase::Done, 6, 6), "commits of two days");
    for (number, owner, epoch) in [(0, "acme", 0), (1, "other", 1), (2, "acme", 1), (3, "other", 0), (4, "acme", 0)] {
        let stream = run_stream(&tenant(owner), &format!("recon_{number}"));
        let key = CheckpointKey { projection: TENANT_USAGE.name.into(), version: 1, stream };
        assert_eq!(rows.checkpoint(&key).await.unwrap().epoch, epoch, "recon_{number}");
    }
}

/// Everything that readers could see, whatever version it lies under.
fn visible(rows: &MemoryProjections) -> Vec<(RowKey, String)> {
    let unversioned = |(key, row): (RowKey, String)| {
        let partition = key.partition.replace("@1", "@n").replace("@2", "@n");
        (RowKey { partition, ..key }, row)
    };
    ALL.iter().flat_map(|projection| rows.rows_of(projection.table)).map(unversioned).collect()
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_call_and_started_again_it_ends_in_the_same_rows() {
    let at = |day: i64| Timestamp::from_millis(NEW_YEAR_MS + day * DAY_MS);
    let one = ReconciliationId::parse("recon_3").unwrap();
    let scopes = [
        Scope::All,
        Scope::Reconciliation { tenant_id: tenant("other"), reconciliation_id: one },
        Scope::Range { from: at(0), to: at(9) },
    ];
    for scope in scopes {
        for projection in [&ON_STREAM[0], &TENANT_USAGE, &ERROR_HOTSPOTS] {
            let mut places = 0;
            for after_its_effect in [false, true] {
                let mut call = usize::MAX;
                loop {
                    let memory = Arc::new(MemoryProjections::new());
                    let rows: Arc<dyn RebuildStore> = Arc::clone(&memory) as _;
                    let store = given_runs(&rows).await;
                    let expected = visible(&memory);
                    let clock = Arc::new(FixedClock::default());
                    request(&*rows, projection, &scope, None, clock.now()).await.unwrap();
                    let dying = Arc::new(Dying::new(Arc::clone(&rows), call, after_its_effect));
                    let mortal: Arc<dyn RebuildStore> = Arc::clone(&dying) as _;
                    let died = finish(&rebuilder(&store, &mortal, &clock), &clock, projection).await.is_none();
                    if call == usize::MAX {
                        assert!(!died);
                        places = dying.calls();
                        call = 0;
                        continue;
                    }
                    assert!(finish(&rebuilder(&store, &rows, &clock), &clock, projection).await.is_some());
                    assert_eq!(visible(&memory), expected, "{scope:?} of {} killed at call {call}", projection.name);
                    let registration = rows.registration(projection.name).await.unwrap();
                    assert_eq!(registration.rebuild.map(|rebuild| rebuild.phase), Some(Phase::Done));
                    assert_eq!(registration.versions.building, None);
                    call += 1;
                    if call > places {
                        break;
                    }
                }
            }
            assert!(places > 5, "{places} places to die at");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rebuilt_rows_are_the_live_ones_also_after_an_upcaster_was_added() {
    let memory = Arc::new(MemoryProjections::new());
    let rows: Arc<dyn RebuildStore> = Arc::clone(&memory) as _;
    let old = given_runs(&rows).await;
    let withdrawn = [ReconciliationEvent::ResultsWithdrawn { attempt: 1 }];
    append::<Reconciliation>(&*old, &tenant("acme"), "recon_0", NEW_YEAR_MS + DAY_MS, &withdrawn).await;
    catch_up(&old, &rows).await;
    // A later release writes ResultsWithdrawn@2, with a reason, and reads the old one as if it had none.
    let with_reason = |mut data: serde_json::Value| {
        data["reason"] = serde_json::Value::Null;
        Ok(data)
    };
    let steps = Upcasters::current().step("ResultsWithdrawn", 1, with_reason).unwrap();
    let new = Arc::new((*old).clone().with_upcasters(steps));
    let commits = new.load(&run_stream(&tenant("acme"), "recon_0"), 0).await.unwrap();
    assert_eq!(commits.last().unwrap().events[0].event_version, 2);
    let live = visible(&memory);
    rebuild_all(&new, &memory).await;
    assert_eq!(visible(&memory), live);
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_that_only_the_new_version_cannot_fold_keeps_the_old_one_live() {
    let memory = Arc::new(MemoryProjections::new());
    let rows: Arc<dyn RebuildStore> = Arc::clone(&memory) as _;
    let store = given_runs(&rows).await;
    let acme = tenant("acme");
    // The live version has read it and never met the event; a rebuild does.
    let stream = run_stream(&acme, "recon_0");
    let version = append_nonsense(&*store, &stream).await;
    let key = CheckpointKey { projection: ON_STREAM[0].name.into(), version: 1, stream: stream.clone() };
    let checkpoint = memory.checkpoint(&key).await.unwrap();
    memory.overwrite_checkpoint(key.clone(), projections::Checkpoint { version, ..checkpoint });

    let clock = Arc::new(FixedClock::default());
    let rebuilder = rebuilder(&store, &rows, &clock);
    request(&*rows, &ON_STREAM[0], &Scope::All, None, clock.now()).await.unwrap();
    assert!(finish(&rebuilder, &clock, &ON_STREAM[0]).await.is_some());
    let registration = rows.registration(ON_STREAM[0].name).await.unwrap();
    assert_eq!(registration.versions, Versions { live: 1, building: Some(2) });
    let rebuild = registration.rebuild.unwrap();
    assert_eq!((rebuild.phase, rebuild.unfolded_count), (Phase::Blocked, 1));
    let named = &rebuild.unfolded[0];
    assert_eq!((named.aggregate_id.as_str(), named.position), ("recon_0", version));
    assert!(named.error.contains("NobodyKnows"), "{}", named.error);

    // Once the live version cannot show it either, there is nothing to lose.
    let parked = projections::store::Trouble {
        error: "NobodyKnows".into(),
        position: version,
        attempts: PARK_AFTER_ATTEMPTS,
        parked: true,
    };
    let stand = memory.checkpoint(&key).await.unwrap().stand();
    memory.note(&key, stand, Some(&parked)).await.unwrap();
    assert!(!request(&*rows, &ON_STREAM[0], &Scope::All, None, clock.now()).await.unwrap().resumed);
    assert!(finish(&rebuilder, &clock, &ON_STREAM[0]).await.is_some());
    let registration = rows.registration(ON_STREAM[0].name).await.unwrap();
    assert_eq!((registration.versions.live, registration.rebuild.unwrap().phase), (2, Phase::Done));
    assert!(memory.reconciliation(&tenant("other"), "recon_1").await.unwrap().is_some());
}
