//! Audits of many streams, and every kind of damage: named by aggregate and sequence, with what to do, while the rest
//! goes on.

use crate::{
    backend::Backend,
    for_both,
    given::{append, metadata, one, stream, tenant, transaction},
};
use domain::TenantId;
use event_store::{
    Audit, Audited, EventStore, HeadRebuilt, MemoryStore, NewEvent, StreamKey, audit_stream, audit_streams, pack,
};
use serde_json::json;

for_both!(
    damage_is_named_and_the_rest_goes_on,
    an_audit_keeps_to_its_tenant,
    heads_are_rebuilt_where_they_are_missing,
    a_position_of_something_else_is_refused,
);

async fn all(store: &dyn EventStore, tenant: Option<&TenantId>, audit: Audit) -> Audited {
    let audited = audit_streams(store, tenant, audit, None).await.unwrap();
    assert_eq!(audited.next, None);
    audited
}

fn places(audited: &Audited) -> Vec<(&str, u64)> {
    let mut places: Vec<_> =
        audited.damaged.iter().map(|damage| (damage.aggregate_id.as_str(), damage.sequence)).collect();
    places.sort_unstable();
    places
}

async fn damage_is_named_and_the_rest_goes_on(backend: Backend) {
    let store = &backend.store;
    for id in ["altered", "beheaded", "emptied", "intact", "shortened", "torn", "truncated"] {
        for expected in [0, 2, 4] {
            store.append(one(id, expected, 2)).await.unwrap();
        }
    }
    let (_, body) = pack::encode(&[NewEvent { event_type: "Counted".into(), event_version: 1, data: json!({}) }]);
    backend.overwrite(&stream("altered"), 3, 1, br#"[["Counted",1,{"number":3}],["Counted",1,{"number":40}]]"#).await;
    backend.lose(&stream("beheaded"), 1).await;
    for from in [1, 3, 5] {
        backend.lose(&stream("emptied"), from).await;
    }
    backend.lose(&stream("shortened"), 5).await;
    backend.lose(&stream("torn"), 3).await;
    backend.overwrite(&stream("truncated"), 5, 1, &body[..body.len() - 1]).await;

    let audited = all(store.as_ref(), None, Audit::Verify).await;
    let expected = [("altered", 3), ("beheaded", 1), ("emptied", 1), ("shortened", 5), ("torn", 3), ("truncated", 5)];
    assert_eq!(places(&audited), expected);
    assert_eq!((audited.commits, audited.events), (3, 6), "what is intact is counted");
    for damage in &audited.damaged {
        assert!(damage.detail.to_lowercase().contains("restore"), "says what to do: {}", damage.detail);
        assert_eq!(damage.tenant_id, tenant());
    }
}

async fn an_audit_keeps_to_its_tenant(backend: Backend) {
    let store = &backend.store;
    store.append(one("r", 0, 2)).await.unwrap();
    let globex = TenantId::parse("globex").unwrap();
    let theirs = StreamKey::new(&globex, "reconciliation", "r");
    let mut other = transaction(vec![append("r", 0, 3)]);
    other.metadata.tenant_id = globex.clone();
    other.appends[0].stream = theirs.clone();
    store.append(other).await.unwrap();
    backend.lose_head(&theirs).await;

    let ours = all(store.as_ref(), Some(&tenant()), Audit::Verify).await;
    assert_eq!((ours.streams, ours.events, ours.damaged.len()), (1, 2, 0));
    let their = all(store.as_ref(), Some(&globex), Audit::Verify).await;
    assert_eq!(their.damaged[0].tenant_id, globex);
    assert_eq!(all(store.as_ref(), None, Audit::Verify).await.streams, 2);
}

async fn heads_are_rebuilt_where_they_are_missing(backend: Backend) {
    let store = &backend.store;
    for id in ["a", "b"] {
        store.append(one(id, 0, 3)).await.unwrap();
    }
    backend.lose_head(&stream("b")).await;
    assert_eq!(places(&all(store.as_ref(), None, Audit::Verify).await), [("b", 1)]);
    let rebuilt = all(store.as_ref(), None, Audit::RebuildHeads).await;
    assert_eq!(rebuilt.rebuilt, [(stream("b"), HeadRebuilt::Written { was: None, version: 3 })]);
    assert_eq!(all(store.as_ref(), None, Audit::Verify).await.damaged, []);
}

async fn a_position_of_something_else_is_refused(backend: Backend) {
    let audited = audit_streams(backend.store.as_ref(), None, Audit::Verify, Some("nonsense")).await;
    assert!(audited.is_err());
}

/// With the catalogue of events at hand, as in production.
#[tokio::test]
async fn an_unknown_event_or_aggregate_is_found_by_an_audit() {
    let store = MemoryStore::new();
    let job = StreamKey::new(&tenant(), "job", "j");
    let write = async |stream: &StreamKey, event_type: &str| {
        let mut append = append("j", 0, 1);
        append.stream = stream.clone();
        append.events =
            vec![NewEvent { event_type: event_type.into(), event_version: 1, data: json!({ "anything": 1 }) }];
        let mut transaction = transaction(vec![append]);
        transaction.metadata = metadata();
        store.append(transaction).await.unwrap();
    };
    write(&job, "JobRenamed").await;
    write(&StreamKey::new(&tenant(), "invoice", "i"), "InvoiceSent").await;
    let audited = all(&store, None, Audit::Verify).await;
    let details: Vec<&str> = audited.damaged.iter().map(|damage| damage.detail.as_str()).collect();
    assert_eq!(places(&audited), [("i", 1), ("j", 1)]);
    assert!(details.iter().any(|detail| detail.contains("aggregates of type `invoice`")), "{details:?}");
    assert!(details.iter().any(|detail| detail.contains("JobRenamed") && detail.contains("release")), "{details:?}");
    let loaded = event_store::load::<domain::job::Job>(&store, &tenant(), "j").await.unwrap_err().to_string();
    assert!(loaded.contains("#job#j") && loaded.contains("sequence 1") && loaded.contains("JobRenamed@1"), "{loaded}");
    assert_eq!(audit_stream(&store, &job, Audit::Verify).await.unwrap().damaged.len(), 1);
}

/// An audit goes on where its last part ended.
#[tokio::test]
async fn a_long_audit_comes_in_parts() {
    let store = MemoryStore::new();
    for number in 0..700_u64 {
        let mut counted = one(&format!("r{number}"), 0, 1);
        counted.appends[0].stream.aggregate_type = "audit".into();
        counted.appends[0].events = vec![NewEvent {
            event_type: "AdminAccessed".into(),
            event_version: 1,
            data: json!({ "route": "r", "key_id": "k" }),
        }];
        store.append(counted).await.unwrap();
    }
    let first = audit_streams(&store, None, Audit::Verify, None).await.unwrap();
    assert!(first.next.is_some() && first.streams < 700);
    let second = audit_streams(&store, None, Audit::Verify, first.next.as_deref()).await.unwrap();
    assert_eq!((first.streams + second.streams, second.next), (700, None));
    assert_eq!((first.damaged.len(), second.damaged.len()), (0, 0));
}
