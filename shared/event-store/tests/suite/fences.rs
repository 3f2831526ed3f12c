//! Fences: a value that the head of a stream must hold.

use crate::{
    backend::Backend,
    for_both,
    given::{fenced, one, stream},
};
use event_store::{AppendError, Transaction};
use uuid::Uuid;

for_both!(a_fence_on_another_stream, a_fence_on_the_same_stream, a_fence_stays_until_it_is_set);

fn raising(mut transaction: Transaction, value: &str) -> Transaction {
    transaction.appends[0].set_fence = Some(value.into());
    transaction
}

fn is_fenced(result: Result<event_store::Appended, AppendError>, held: Option<&str>) {
    match result {
        Err(AppendError::Fenced { stream, actual, .. }) => {
            assert_eq!(actual.as_deref(), held);
            assert!(stream.ends_with("#saga"), "{stream}");
        }
        other => panic!("{other:?}"),
    }
}

async fn a_fence_on_another_stream(backend: Backend) {
    let store = &backend.store;
    is_fenced(store.append(fenced(one("r", 0, 1), "saga", "a1")).await, None);
    store.append(one("saga", 0, 1)).await.unwrap();
    is_fenced(store.append(fenced(one("r", 0, 1), "saga", "a1")).await, None);
    store.append(raising(one("saga", 1, 1), "a1")).await.unwrap();
    store.append(fenced(one("r", 0, 1), "saga", "a1")).await.unwrap();
    is_fenced(store.append(fenced(one("r", 1, 1), "saga", "a2")).await, Some("a1"));
    assert_eq!(store.head(&stream("r")).await.unwrap().unwrap().version, 1);
    assert!(
        store.append(fenced(one("r", 0, 1), "saga", "a0")).await.unwrap().repeated,
        "what was written before stays written"
    );
}

async fn a_fence_on_the_same_stream(backend: Backend) {
    let store = &backend.store;
    is_fenced(store.append(fenced(one("saga", 0, 1), "saga", "a1")).await, None);
    store.append(raising(one("saga", 0, 1), "a1")).await.unwrap();
    store.append(fenced(one("saga", 1, 1), "saga", "a1")).await.unwrap();
    is_fenced(store.append(fenced(one("saga", 2, 1), "saga", "a0")).await, Some("a1"));
    let mut late = fenced(one("saga", 1, 1), "saga", "a1");
    late.appends[0].commit_id = Uuid::from_u128(3);
    assert!(
        matches!(store.append(late).await, Err(AppendError::VersionConflict { .. })),
        "the fence holds, the version does not"
    );
    let takeover = raising(fenced(one("saga", 2, 1), "saga", "a1"), "a2");
    store.append(takeover.clone()).await.unwrap();
    assert!(store.append(takeover).await.unwrap().repeated, "a repeated takeover is not fenced off by itself");
    is_fenced(store.append(fenced(one("saga", 3, 1), "saga", "a1")).await, Some("a2"));
}

async fn a_fence_stays_until_it_is_set(backend: Backend) {
    let store = &backend.store;
    store.append(raising(one("saga", 0, 1), "a1")).await.unwrap();
    store.append(one("saga", 1, 1)).await.unwrap();
    assert_eq!(store.head(&stream("saga")).await.unwrap().unwrap().fence.as_deref(), Some("a1"));
}
