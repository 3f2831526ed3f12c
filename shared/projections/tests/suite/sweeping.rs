//! The sweeper and the comparison: what no doorbell said is found and pulled, and completeness is proved.

use crate::{
    backend::Backend,
    for_both,
    given::{DAY_MS, NEW_YEAR_MS, append, append_nonsense, failed, run_stream, started, tenant},
};
use domain::{Timestamp, reconciliation::Reconciliation, time::Window};
use event_store::MemoryStore;
use projections::{
    ALL, Engine,
    compare::{Standing, compare},
    engine::PARK_AFTER_ATTEMPTS,
    sweep::{Swept, sweep},
};
use std::sync::Arc;

for_both!(lost_doorbells_are_rung_again, completeness_is_proved_or_denied);

fn window(from_ms: i64, to_ms: i64) -> Window {
    Window { from: Timestamp::from_millis(from_ms), to: Timestamp::from_millis(to_ms) }
}

async fn lost_doorbells_are_rung_again(backend: Backend) {
    let (store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    for (number, at_ms) in [(1, NEW_YEAR_MS), (2, NEW_YEAR_MS + DAY_MS), (3, NEW_YEAR_MS + DAY_MS)] {
        let id = format!("recon_{number}");
        append::<Reconciliation>(&*store, &acme, &id, at_ms, &[started("job_1")]).await;
        append::<Reconciliation>(&*store, &acme, &id, at_ms + 1, &[failed(at_ms)]).await;
    }
    // One doorbell came through; the day before is not looked at.
    engine.ring(&run_stream(&acme, "recon_3"), 2).await.unwrap();
    let lately = window(NEW_YEAR_MS + DAY_MS, NEW_YEAR_MS + DAY_MS + 1_000);
    let swept = sweep(&*store, &engine, lately).await.unwrap();
    assert_eq!(swept, Swept { streams: 2, healed: 2, parked: 0, failed: 0 });
    assert_eq!(backend.reads.reconciliation(&acme, "recon_2").await.unwrap().unwrap().version, 2);
    assert!(backend.reads.reconciliation(&acme, "recon_1").await.unwrap().is_none());
    let again = sweep(&*store, &engine, lately).await.unwrap();
    assert_eq!(again, Swept { streams: 2, healed: 0, parked: 0, failed: 0 });
}

async fn completeness_is_proved_or_denied(backend: Backend) {
    let (store, acme) = (Arc::new(MemoryStore::new()), tenant("acme"));
    let engine = Engine::new(Arc::clone(&store) as _, Arc::clone(&backend.rows) as _);
    for number in 0..7 {
        let id = format!("recon_{number}");
        let version = append::<Reconciliation>(&*store, &acme, &id, NEW_YEAR_MS, &[started("job_1")]).await;
        engine.ring(&run_stream(&acme, &id), version).await.unwrap();
    }
    let as_of = Timestamp::from_millis(NEW_YEAR_MS);
    let all = async |limit: u32| {
        let (mut checked, mut exact, mut inexact, mut after) = (0, 0, Vec::new(), None);
        loop {
            let page = compare(&*store, &*backend.rows, &ALL, (limit, after), as_of).await.unwrap();
            checked += page.checked;
            exact += page.exact;
            inexact.extend(page.inexact);
            after = page.next;
            if after.is_none() {
                return (checked, exact, inexact);
            }
        }
    };
    for limit in [2, 7, 100] {
        assert_eq!(all(limit).await, (14, 14, Vec::new()));
    }

    append::<Reconciliation>(&*store, &acme, "recon_1", NEW_YEAR_MS, &[failed(NEW_YEAR_MS)]).await;
    append_nonsense(&*store, &run_stream(&acme, "recon_2")).await;
    for attempt in 1..=PARK_AFTER_ATTEMPTS {
        let stopped = engine.ring(&run_stream(&acme, "recon_2"), 2).await.is_err();
        assert_eq!(stopped, attempt < PARK_AFTER_ATTEMPTS);
    }
    let (checked, exact, mut inexact) = all(3).await;
    inexact.sort_by(|one, other| (&one.aggregate_id, one.projection).cmp(&(&other.aggregate_id, other.projection)));
    assert_eq!((checked, exact), (14, 10));
    let found: Vec<_> = inexact.iter().map(|pair| (pair.aggregate_id.as_str(), pair.standing, pair.position)).collect();
    let expected = [
        ("recon_1", Standing::Behind, None),
        ("recon_1", Standing::Behind, None),
        ("recon_2", Standing::Parked, Some(2)),
        ("recon_2", Standing::Parked, Some(2)),
    ];
    assert_eq!(found, expected);
}
