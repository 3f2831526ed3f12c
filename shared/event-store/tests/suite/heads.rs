//! Heads, made new out of the commits.

use crate::{
    backend::Backend,
    for_both,
    given::{append, one, stream, tenant, transaction},
};
use domain::TenantId;
use event_store::{AppendError, HeadRebuilt, StoreError, StreamKey, Transaction};
use std::collections::BTreeSet;

for_both!(
    a_lost_head_comes_back_whole,
    an_intact_head_is_left_alone,
    commits_that_are_missing_are_not_papered_over,
    every_stream_is_listed_once,
);

fn raising(mut transaction: Transaction, value: &str) -> Transaction {
    transaction.appends[0].set_fence = Some(value.into());
    transaction
}

async fn a_lost_head_comes_back_whole(backend: Backend) {
    let store = &backend.store;
    store.append(raising(one("saga", 0, 2), "a1")).await.unwrap();
    store.append(raising(one("saga", 2, 1), "a2")).await.unwrap();
    store.append(one("saga", 3, 1)).await.unwrap();
    let before = store.head(&stream("saga")).await.unwrap().unwrap();
    backend.lose_head(&stream("saga")).await;
    let Err(StoreError::Corrupt { detail, .. }) = store.verify(&stream("saga")).await else {
        panic!("a missing head was not noticed")
    };
    assert!(detail.contains("rebuild-heads"), "{detail}");
    let Err(AppendError::VersionConflict { .. }) = store.append(one("saga", 0, 1)).await else {
        panic!("a commit was written over")
    };

    let elsewhere = backend.elsewhere();
    let rebuilt = elsewhere.rebuild_head(&stream("saga")).await.unwrap().value;
    assert_eq!(rebuilt, HeadRebuilt::Written { was: None, version: 4 });
    assert_eq!(elsewhere.head(&stream("saga")).await.unwrap(), Some(before), "its fence too");
    elsewhere.append(one("saga", 4, 1)).await.unwrap();
    assert_eq!(store.verify(&stream("saga")).await.unwrap().version, 5);
}

async fn an_intact_head_is_left_alone(backend: Backend) {
    let store = &backend.store;
    store.append(one("r", 0, 3)).await.unwrap();
    let rebuilt = store.rebuild_head(&stream("r")).await.unwrap().value;
    assert_eq!(rebuilt, HeadRebuilt::Intact { version: 3 });
    assert_eq!(store.rebuild_head(&stream("none")).await.unwrap().value, HeadRebuilt::NoStream);
}

async fn commits_that_are_missing_are_not_papered_over(backend: Backend) {
    let store = &backend.store;
    for expected in [0, 2, 4] {
        store.append(one("r", expected, 2)).await.unwrap();
    }
    for lost in [5, 3] {
        backend.lose(&stream("r"), lost).await;
        let Err(StoreError::Corrupt { sequence, .. }) = store.rebuild_head(&stream("r")).await else {
            panic!("a head that is ahead was taken back")
        };
        assert_eq!(sequence, lost);
    }
    assert_eq!(store.head(&stream("r")).await.unwrap().unwrap().version, 6);
}

async fn every_stream_is_listed_once(backend: Backend) {
    let store = &backend.store;
    for number in 0..5_u64 {
        store.append(one(&format!("r{number}"), 0, 1)).await.unwrap();
        store.append(one(&format!("r{number}"), 1, 2)).await.unwrap();
    }
    let globex = TenantId::parse("globex").unwrap();
    let mut theirs = transaction(vec![append("r0", 0, 1)]);
    theirs.metadata.tenant_id = globex.clone();
    theirs.appends[0].stream = StreamKey::new(&globex, "reconciliation", "r0");
    store.append(theirs).await.unwrap();

    let acme: BTreeSet<String> = (0..5).map(|number| stream(&format!("r{number}")).partition()).collect();
    let all = acme.iter().cloned().chain(["T#globex#reconciliation#r0".to_owned()]).collect();
    for (tenant, expected) in [(Some(tenant()), acme), (None, all)] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = store.streams_metered(tenant.as_ref(), 3, after).await.unwrap().value;
            found.extend(page.iter().map(StreamKey::partition));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), expected.len(), "listed twice: {found:?}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}
