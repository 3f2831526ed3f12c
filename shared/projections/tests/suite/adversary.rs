//! Doorbells in every disorder: reordered across and within aggregates, repeated, dropped, late, split into other
//! batches, and with calls that fail in their middle. In the end, after one sweep over the heads, every view equals the
//! fold of its streams; and at no time does a row show anything but a prefix of its stream.

use crate::{
    dying::Flaky,
    histories::{Commit, commit},
    rebuilding::rebuild_all,
};
use event_store::{Commit as StoredCommit, EventStore, MemoryStore, StreamKey};
use projections::{
    ALL, Engine, MemoryProjections, ProjectionStore, Registered,
    engine::PullError,
    store::{CheckpointKey, RowKey, row_partition_within},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// What happens next. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Happening {
    Commit(Commit),
    /// Doorbells arrive as a batch, in this order, some for the first time and some again; those never chosen are lost.
    Batch(Vec<usize>),
    /// The same, with every doorbell in a process of its own.
    AtOnce(Vec<usize>),
}

fn happening() -> impl Strategy<Value = Happening> {
    let bells = || prop::collection::vec(any::<usize>(), 1..5);
    prop_oneof![
        4 => commit().prop_map(Happening::Commit),
        2 => bells().prop_map(Happening::Batch),
        1 => bells().prop_map(Happening::AtOnce),
    ]
}

struct World {
    store: Arc<MemoryStore>,
    rows: Arc<MemoryProjections>,
    engine: Arc<Engine>,
}

/// What a projection shows of a stream up to an event.
fn fold(projection: &Registered, stream: &StreamKey, commits: &[StoredCommit], upto: u64) -> BTreeMap<RowKey, String> {
    let seen: Vec<StoredCommit> = commits.iter().filter(|commit| commit.to <= upto).cloned().collect();
    assert_eq!(seen.last().map_or(0, |commit| commit.to), upto, "a checkpoint stands between commits");
    let folded = projection.fold(stream, None, &seen);
    assert_eq!(folded.stop, None);
    let rows = folded.shown.unwrap_or_default().rows.into_iter();
    rows.map(|row| {
        let partition = row_partition_within(&stream.tenant, 1, row.within.as_deref());
        (RowKey { table: projection.table, partition, sort: row.sort }, row.text)
    })
    .collect()
}

impl World {
    fn new(one_in: usize) -> Self {
        let (store, rows) = (Arc::new(MemoryStore::new()), Arc::new(MemoryProjections::new()));
        let flaky = Flaky::new(Arc::clone(&rows) as _, one_in);
        let engine = Arc::new(Engine::new(Arc::clone(&store) as _, Arc::new(flaky)));
        Self { store, rows, engine }
    }

    /// A doorbell that fails is one that comes again, or never.
    async fn ring(engine: &Engine, store: &MemoryStore, index: usize) {
        let changes = store.changes();
        if let Some(index) = index.checked_rem(changes.len()) {
            match engine.ring(&changes[index].stream, changes[index].version).await {
                Ok(_) | Err(PullError::Transient { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn happens(&self, happening: Happening) {
        match happening {
            Happening::Commit(commit) => commit.append(&self.store).await,
            Happening::Batch(bells) => {
                for bell in bells {
                    Self::ring(&self.engine, &self.store, bell).await;
                }
            }
            Happening::AtOnce(bells) => {
                let mut rung = tokio::task::JoinSet::new();
                for bell in bells {
                    let (engine, store) = (Arc::clone(&self.engine), Arc::clone(&self.store));
                    rung.spawn(async move { Self::ring(&engine, &store, bell).await });
                }
                while let Some(rang) = rung.join_next().await {
                    rang.unwrap();
                }
            }
        }
    }

    /// Every view is the fold of as much of each stream as its checkpoint says; gives back how many events are missing.
    async fn check(&self) -> u64 {
        let mut missing = 0;
        let (heads, _) = self.store.heads(100, None).await.unwrap();
        for projection in &ALL {
            let mut expected = BTreeMap::new();
            for head in heads.iter().filter(|head| head.stream.aggregate_type == projection.aggregate) {
                let key = CheckpointKey { projection: projection.name.into(), version: 1, stream: head.stream.clone() };
                let seen = self.rows.checkpoint(&key).await.unwrap().version;
                let commits = self.store.load(&head.stream, 0).await.unwrap();
                expected.extend(fold(projection, &head.stream, &commits, seen));
                missing += head.version - seen;
            }
            let rows: BTreeMap<RowKey, String> = self.rows.rows_of(projection.table).into_iter().collect();
            assert_eq!(rows, expected, "{}", projection.name);
        }
        missing
    }

    /// What the sweeper does: compare heads with checkpoints and ring again.
    async fn sweep(&self) {
        let engine = Engine::new(Arc::clone(&self.store) as _, Arc::clone(&self.rows) as _);
        let (heads, _) = self.store.heads(100, None).await.unwrap();
        for head in heads {
            engine.ring(&head.stream, head.version).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_view_equals_the_fold_whatever_the_doorbells_do(
        happenings in prop::collection::vec(happening(), 1..16),
        one_in in prop::sample::select(vec![0_usize, 3, 9]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new(one_in);
            let half = happenings.len() / 2;
            for (index, happening) in happenings.into_iter().enumerate() {
                world.happens(happening).await;
                if index == half {
                    world.check().await;
                }
            }
            world.check().await;
            world.sweep().await;
            assert_eq!(world.check().await, 0, "after a sweep nothing is missing");
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn live_rows_and_rebuilt_rows_are_equal_byte_for_byte(happenings in prop::collection::vec(happening(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new(0);
            for happening in happenings {
                world.happens(happening).await;
            }
            world.sweep().await;
            let live: Vec<_> = ALL.iter().map(|projection| world.rows.rows_of(projection.table)).collect();
            rebuild_all(&world.store, &world.rows).await;
            for (projection, live) in ALL.iter().zip(live) {
                let as_second = |(key, row): (RowKey, String)| {
                    (RowKey { partition: key.partition.replace("@1", "@2"), ..key }, row)
                };
                let live: Vec<_> = live.into_iter().map(as_second).collect();
                assert_eq!(world.rows.rows_of(projection.table), live, "live = rebuilt, byte for byte");
            }
        });
    }
}
