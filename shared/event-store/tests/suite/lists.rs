//! Lists: by correlation, by time, all heads.

use crate::{
    backend::Backend,
    for_both,
    given::{NOW_MS, append, metadata, one, tenant, transaction},
};
use domain::{CorrelationId, Timestamp, time::Window};
use event_store::{CommitRef, StoreError};
use std::collections::BTreeSet;

for_both!(follows_a_correlation_id, lists_a_time_range, lists_all_heads, foreign_positions_are_refused);

const DAY_MS: i64 = 86_400_000;

async fn follows_a_correlation_id(backend: Backend) {
    let store = &backend.store;
    for (number, minutes) in [(0, 5), (1, 3), (2, 4), (3, 1), (4, 2)] {
        let mut transaction = transaction(vec![append(&format!("r{number}"), 0, 2)]);
        transaction.metadata.timestamp = Timestamp::from_millis(NOW_MS + minutes * 60_000);
        store.append(transaction).await.unwrap();
    }
    let mut other = one("other", 0, 1);
    other.metadata.correlation_id = CorrelationId::parse("cor_2").unwrap();
    store.append(other).await.unwrap();

    let mut found: Vec<CommitRef> = Vec::new();
    let mut after = None;
    loop {
        let (page, next) = store.by_correlation(&tenant(), "cor_1", 2, after).await.unwrap();
        assert!(page.len() <= 2);
        found.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let ids: Vec<&str> = found.iter().map(|commit| commit.stream.aggregate_id.as_str()).collect();
    assert_eq!(ids, ["r3", "r4", "r1", "r2", "r0"]);
    assert_eq!((found[0].from, found[0].to, found[0].kinds.clone()), (1, 2, vec!["Counted@1".to_owned()]));
    assert_eq!(found[0].at, Timestamp::from_millis(NOW_MS + 60_000));
    assert_eq!(store.by_correlation(&tenant(), "cor_3", 2, None).await.unwrap(), (Vec::new(), None));
}

async fn lists_a_time_range(backend: Backend) {
    let store = &backend.store;
    for number in 0..12 {
        let mut transaction = one(&format!("r{number}"), 0, 1);
        transaction.metadata.timestamp = Timestamp::from_millis(NOW_MS + i64::from(number) * DAY_MS / 4);
        store.append(transaction).await.unwrap();
    }
    let window = Window {
        from: Timestamp::from_millis(NOW_MS + DAY_MS / 4),
        to: Timestamp::from_millis(NOW_MS + 10 * DAY_MS / 4),
    };
    let mut found = BTreeSet::new();
    let mut after = None;
    loop {
        let (page, next) = store.feed(window, 2, after).await.unwrap();
        for commit in page {
            assert!(window.contains(commit.at));
            assert!(found.insert(commit.stream.aggregate_id), "listed twice");
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, (1..10).map(|number| format!("r{number}")).collect());
}

async fn lists_all_heads(backend: Backend) {
    let expected: BTreeSet<(String, u64)> = (1..=7).map(|number| (format!("r{number}"), number)).collect();
    for (id, version) in &expected {
        backend.store.append(one(id, 0, *version)).await.unwrap();
    }
    let mut found = BTreeSet::new();
    let mut after = None;
    loop {
        let (page, next) = backend.store.heads(3, after).await.unwrap();
        found.extend(page.into_iter().map(|head| (head.stream.aggregate_id, head.version)));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
}

async fn foreign_positions_are_refused(backend: Backend) {
    let refused = backend.store.by_correlation(&metadata().tenant_id, "cor_1", 1, Some("nonsense".into())).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}
