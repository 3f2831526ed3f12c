//! Snapshots: what they save, and that nothing depends on them.

use crate::{
    backend::Dynamo,
    given::{metadata, tenant, transaction},
};
use domain::{Aggregate, Event, aggregate::SnapshotFormat};
use event_store::{
    DynamoSnapshots, EventStore, Loaded, MemorySnapshots, MemoryStore, NewCommit, SNAPSHOT_EVERY, StreamKey, Units,
    load, load_as_of,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum CounterEvent {
    Counted { number: u64 },
}

impl Event for CounterEvent {
    fn event_type(&self) -> &'static str {
        "Counted"
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    sum: u64,
    count: u64,
}

/// Folds under the version `V`.
struct Counter<const V: u32>;

impl<const V: u32> Aggregate for Counter<V> {
    const TYPE: &'static str = "counter";
    type Event = CounterEvent;
    type State = Sum;
    const SNAPSHOT: Option<SnapshotFormat<Sum>> = Some(SnapshotFormat::json(V));

    fn evolve(state: Sum, event: &CounterEvent) -> Sum {
        let CounterEvent::Counted { number } = event;
        Sum { sum: state.sum + number * u64::from(V), count: state.count + 1 }
    }
}

async fn count(store: &dyn EventStore, id: &str, from: u64, commits: u64, events_each: u64) {
    for commit in 0..commits {
        let expected = from + commit * events_each;
        let events: Vec<CounterEvent> =
            (expected + 1..=expected + events_each).map(|number| CounterEvent::Counted { number }).collect();
        let id_of_commit = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{id} {expected}").as_bytes());
        let append = NewCommit::of::<Counter<1>>(&tenant(), id, expected, &events, id_of_commit).unwrap();
        store.append(transaction(vec![append])).await.unwrap();
    }
}

fn sum(count: u64) -> Sum {
    Sum { sum: count * (count + 1) / 2, count }
}

async fn loaded<const V: u32>(store: &dyn EventStore, id: &str) -> Loaded<Sum> {
    load::<Counter<V>>(store, &tenant(), id).await.unwrap()
}

#[tokio::test]
async fn loading_ten_thousand_events_with_a_snapshot_reads_three_items_and_the_tail() {
    let dynamo = Dynamo::start().await;
    let snapshots = || Arc::new(DynamoSnapshots::new(dynamo.client.clone(), dynamo.snapshots.clone()));
    let store = dynamo.store().with_snapshots(snapshots());
    count(&store, "c", 0, 100, 100).await;

    let reading = async || {
        let before = dynamo.interference.items_read();
        let loaded = loaded::<1>(&dynamo.store().with_snapshots(snapshots()), "c").await;
        (loaded, dynamo.interference.items_read() - before)
    };
    let (first, whole) = reading().await;
    assert_eq!((first.state.clone(), first.version), (sum(10_000), 10_000));
    assert!(whole >= 100, "without a snapshot every commit is read");
    assert!(first.units.write_milli > 0, "the snapshot was due and is paid for");

    let (second, items) = reading().await;
    assert_eq!(second.state, sum(10_000));
    assert!(items <= 3, "{items} items read");
    assert!(second.units.read_milli * 2 < first.units.read_milli, "{:?} after {:?}", second.units, first.units);
    assert_eq!((second.as_of, &second.origin), (Some(metadata().timestamp), &Some(metadata())));

    count(&store, "c", 10_000, 7, 1).await;
    let (third, items) = reading().await;
    assert_eq!((third.state, third.version), (sum(10_007), 10_007));
    assert!(items <= 3 + 7, "{items} items read");
    assert_eq!(third.units.write_milli, 0, "seven events are not worth a snapshot");
}

/// The number of items read does not grow with the age of an aggregate.
#[tokio::test]
async fn what_a_load_reads_does_not_grow_with_age() {
    let dynamo = Dynamo::start().await;
    let snapshots = Arc::new(DynamoSnapshots::new(dynamo.client.clone(), dynamo.snapshots.clone()));
    let store = dynamo.store().with_snapshots(snapshots);
    let mut most = 0;
    for hundred in 0..10 {
        count(&store, "c", hundred * 100, 50, 2).await;
        loaded::<1>(&store, "c").await;
        let before = dynamo.interference.items_read();
        assert_eq!(loaded::<1>(&store, "c").await.state, sum((hundred + 1) * 100));
        most = most.max(dynamo.interference.items_read() - before);
    }
    assert!(most <= 3, "{most} items read");
}

fn world() -> (MemoryStore, MemorySnapshots) {
    let snapshots = MemorySnapshots::default();
    (MemoryStore::new().with_snapshots(snapshots.clone()), snapshots)
}

#[tokio::test]
async fn a_snapshot_is_written_every_hundred_events() {
    let (store, snapshots) = world();
    count(&store, "c", 0, SNAPSHOT_EVERY - 1, 1).await;
    loaded::<1>(&store, "c").await;
    assert_eq!(snapshots.kept(), []);
    count(&store, "c", SNAPSHOT_EVERY - 1, 1, 1).await;
    loaded::<1>(&store, "c").await;
    let place = (StreamKey::new(&tenant(), "counter", "c").partition(), "counter@1".to_owned());
    assert_eq!(snapshots.kept(), [place]);
}

#[tokio::test]
async fn a_corrupt_snapshot_is_ignored_and_written_again() {
    let (store, snapshots) = world();
    count(&store, "c", 0, 150, 1).await;
    loaded::<1>(&store, "c").await;
    let damages: [fn(&mut Vec<u8>); 4] =
        [|body| body.clear(), |body| body.truncate(40), |body| *body.last_mut().unwrap() ^= 1, |body| body[0] ^= 1];
    for damage in damages {
        snapshots.change(damage);
        assert_eq!(loaded::<1>(&store, "c").await.state, sum(150));
        snapshots.change(|body| assert!(body.len() > 40, "it is written again"));
        assert_eq!(loaded::<1>(&store, "c").await.state, sum(150));
    }
}

#[tokio::test]
async fn a_fold_of_another_version_has_its_own_snapshots() {
    let (store, snapshots) = world();
    count(&store, "c", 0, 120, 1).await;
    loaded::<1>(&store, "c").await;
    assert_eq!(loaded::<2>(&store, "c").await.state.sum, 2 * sum(120).sum, "nothing of the old fold is believed");
    assert_eq!(snapshots.kept().len(), 2);
}

/// A snapshot of a history that was since restored from a backup, or of another stream.
#[tokio::test]
async fn a_snapshot_of_another_history_is_ignored_and_written_again() {
    let (old, snapshots) = world();
    count(&old, "c", 0, 130, 1).await;
    loaded::<1>(&old, "c").await;
    // Restored to before its end.
    let store = MemoryStore::new().with_snapshots(snapshots.clone());
    count(&store, "c", 0, 60, 1).await;
    assert_eq!(loaded::<1>(&store, "c").await.state, sum(60));
    // And gone on in another way: the same version, other commits.
    count(&store, "c", 60, 1, 70).await;
    assert_eq!(loaded::<1>(&store, "c").await.state, sum(130));
    assert_eq!(loaded::<1>(&old, "c").await.state, sum(130));
}

#[tokio::test]
async fn time_travel_does_not_look_at_snapshots() {
    let (store, _) = world();
    count(&store, "c", 0, 120, 1).await;
    loaded::<1>(&store, "c").await;
    let before = domain::Timestamp::from_millis(metadata().timestamp.millis() - 1);
    let then = load_as_of::<Counter<1>>(&store, &tenant(), "c", Some(before)).await.unwrap();
    assert_eq!((then.state, then.version), (Sum::default(), 0));
    assert_eq!(then.units, Units::default());
}

/// The table is gone, or may not be read: nothing but a line in the log.
#[tokio::test]
async fn without_its_table_everything_loads() {
    let dynamo = Dynamo::start().await;
    let nowhere = Arc::new(DynamoSnapshots::new(dynamo.client.clone(), "nowhere".into()));
    let store = dynamo.store().with_snapshots(nowhere);
    count(&store, "c", 0, 12, 10).await;
    assert_eq!(loaded::<1>(&store, "c").await.state, sum(120));
}
