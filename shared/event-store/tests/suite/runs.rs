//! Long runs in packs: crash in the middle, go on, withdraw.

use crate::{
    backend::Backend,
    capacity::matches,
    for_both,
    given::{fenced, metadata, one, stream, tenant},
};
use event_store::{AppendError, EventStore, NewEvent, RunWritten, StreamKey, append_run, packs};
use serde_json::json;
use std::sync::Arc;
use testkit::{Fault, FaultyStore, survives};

for_both!(
    a_run_is_written_once,
    a_run_goes_on_after_every_kind_of_failure,
    another_run_withdraws_first,
    a_fenced_run_writes_nothing
);

fn run_stream() -> StreamKey {
    StreamKey::new(&tenant(), "matches", "r-a1")
}

fn withdrawn() -> NewEvent {
    NewEvent { event_type: "MatchesWithdrawn".into(), event_version: 1, data: json!({ "reason": "another input" }) }
}

async fn write(store: &dyn EventStore, events: Vec<NewEvent>, digest: &str) -> Result<RunWritten, AppendError> {
    append_run(store, &run_stream(), events, digest, withdrawn(), &metadata(), None).await
}

async fn stored(backend: &Backend) -> Vec<NewEvent> {
    let commits = backend.store.load(&run_stream(), 0).await.unwrap();
    let events = commits.into_iter().flat_map(|commit| commit.events);
    events
        .map(|event| NewEvent { event_type: event.event_type, event_version: event.event_version, data: event.data })
        .collect()
}

async fn a_run_is_written_once(backend: Backend) {
    let events = matches(5000);
    let first = write(backend.store.as_ref(), events.clone(), "d1").await.unwrap();
    assert_eq!((first.version, first.found, first.withdrawn), (5000, 0, false));
    assert!(first.written >= 2, "{first:?}");
    let again = write(backend.elsewhere().as_ref(), events.clone(), "d1").await.unwrap();
    assert_eq!((again.version, again.found, again.written, again.withdrawn), (5000, first.written, 0, false));
    assert!(stored(&backend).await == events);
    let nothing = append_run(backend.store.as_ref(), &stream("none"), Vec::new(), "d1", withdrawn(), &metadata(), None)
        .await
        .unwrap();
    assert_eq!((nothing.version, nothing.written), (0, 0));
}

async fn a_run_goes_on_after_every_kind_of_failure(backend: Backend) {
    let events = matches(2600);
    let total = packs(events.clone(), 64 * 1024).len();
    assert!(total >= 2, "a run of one pack has no middle");
    let mut runs = 0;
    for fault in [Fault::Busy, Fault::LostAnswer, Fault::CrashBefore, Fault::CrashAfter] {
        for position in 0..total {
            runs += 1;
            let run = StreamKey::new(&tenant(), "matches", format!("r-{runs}"));
            let (faulty, input, to) =
                (Arc::new(FaultyStore::new(backend.elsewhere(), [(position, fault)])), events.clone(), run.clone());
            let first =
                survives(
                    async move { append_run(faulty.as_ref(), &to, input, "d", withdrawn(), &metadata(), None).await },
                )
                .await;
            assert!(!matches!(first, Some(Ok(_))), "{fault:?} at {position} did not show");
            let second = append_run(backend.store.as_ref(), &run, events.clone(), "d", withdrawn(), &metadata(), None)
                .await
                .unwrap();
            let survived = position + usize::from(matches!(fault, Fault::LostAnswer | Fault::CrashAfter));
            assert_eq!(
                (second.version, second.found, second.written),
                (2600, survived, total - survived),
                "{fault:?} at {position}"
            );
            assert!(!second.withdrawn);
        }
    }
}

async fn another_run_withdraws_first(backend: Backend) {
    let (old, new) = (matches(300), matches(20));
    write(backend.store.as_ref(), old.clone(), "d1").await.unwrap();
    let second = write(backend.store.as_ref(), new.clone(), "d2").await.unwrap();
    assert_eq!((second.version, second.found, second.written, second.withdrawn), (321, 0, 1, true));
    let again = write(backend.elsewhere().as_ref(), new.clone(), "d2").await.unwrap();
    assert_eq!((again.version, again.found, again.written, again.withdrawn), (321, 1, 0, false));
    let back = write(backend.store.as_ref(), old.clone(), "d1").await.unwrap();
    assert_eq!((back.version, back.withdrawn), (622, true));
    let expected = [old.clone(), vec![withdrawn()], new, vec![withdrawn()], old].concat();
    assert!(stored(&backend).await == expected);
    let commits = backend.store.load(&run_stream(), 0).await.unwrap();
    let ids: std::collections::HashSet<_> =
        commits.iter().flat_map(|commit| &commit.events).map(|event| event.id).collect();
    assert_eq!(ids.len(), 622, "written again, its events are new ones");
    let none = write(backend.store.as_ref(), Vec::new(), "d3").await.unwrap();
    assert_eq!(
        (none.version, none.written, none.withdrawn),
        (623, 0, true),
        "a run that found nothing still withdraws"
    );
}

async fn a_fenced_run_writes_nothing(backend: Backend) {
    let mut saga = one("saga", 0, 1);
    saga.appends[0].set_fence = Some("a2".into());
    backend.store.append(saga).await.unwrap();
    let fence = fenced(one("x", 0, 1), "saga", "a1").fence;
    let late =
        append_run(backend.store.as_ref(), &run_stream(), matches(10), "d", withdrawn(), &metadata(), fence).await;
    assert!(matches!(late, Err(AppendError::Fenced { .. })), "{late:?}");
    assert_eq!(stored(&backend).await, []);
    let fence = fenced(one("x", 0, 1), "saga", "a2").fence;
    append_run(backend.store.as_ref(), &run_stream(), matches(10), "d", withdrawn(), &metadata(), fence).await.unwrap();
    assert_eq!(stored(&backend).await.len(), 10);
}
