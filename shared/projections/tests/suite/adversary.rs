//! Doorbells in every disorder: reordered, repeated, dropped, late. In the end, after one sweep over the heads, every
//! row equals the fold of its stream; and at no time does a row show anything but a prefix of it.

use crate::decorated::Decorated;
use crate::given::{NEW_YEAR_MS, append, events, failed, fetched, published, run_stream, started, tenant};
use domain::{
    Timestamp,
    reconciliation::{Reconciliation, ReconciliationEvent},
};
use event_store::{EventStore, MemoryStore};
use projections::{
    Engine, MemoryProjections, ReadModels, projection::Projection, reconciliation_summary::ReconciliationSummary,
    summary_of,
};
use proptest::prelude::*;
use std::sync::Arc;

const STREAMS: usize = 3;

/// What happens next. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Happening {
    Commit {
        stream: usize,
        events: Vec<ReconciliationEvent>,
    },
    /// A doorbell of a commit arrives, once more or for the first time; those never chosen are lost.
    Doorbell {
        index: usize,
    },
    /// Two doorbells arrive at the same time, in two processes.
    TwoDoorbells {
        first: usize,
        second: usize,
    },
}

fn event() -> impl Strategy<Value = ReconciliationEvent> {
    prop_oneof![
        Just(ReconciliationEvent::OrdersFetched(fetched())),
        Just(ReconciliationEvent::PaymentsFetched(fetched())),
        (0..50_u64, 0..50_u64, prop::option::of(0..=10_000_u32))
            .prop_map(|(matched, unmatched, accuracy)| published(matched, unmatched, accuracy)),
        Just(ReconciliationEvent::ResultsWithdrawn { attempt: 1 }),
        (0..1_000_i64).prop_map(|ms| ReconciliationEvent::ReconciliationCompleted {
            attempt: 1,
            completed_at: Timestamp::from_millis(NEW_YEAR_MS + ms)
        }),
        (0..1_000_i64).prop_map(|ms| failed(NEW_YEAR_MS + ms)),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0..STREAMS, prop::collection::vec(event(), 1..4)).prop_map(|(stream, events)| Happening::Commit { stream, events }),
        3 => any::<usize>().prop_map(|index| Happening::Doorbell { index }),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(first, second)| Happening::TwoDoorbells { first, second }),
    ]
}

struct World {
    store: Arc<MemoryStore>,
    rows: Arc<MemoryProjections>,
    engine: Engine,
}

impl World {
    fn new() -> Self {
        let (store, rows) = (Arc::new(MemoryStore::new()), Arc::new(MemoryProjections::new()));
        // Two doorbells at the same time really interleave.
        let yielding = Decorated::new(Arc::clone(&rows) as _, u32::MAX);
        let engine = Engine::new(Arc::clone(&store) as _, Arc::new(yielding));
        Self { store, rows, engine }
    }

    async fn commit(&self, stream: usize, mut new: Vec<ReconciliationEvent>) {
        let (tenant, id) = (tenant("acme"), format!("recon_{stream}"));
        let head = self.store.head(&run_stream(&tenant, &id)).await.unwrap();
        if head.is_none() {
            new.insert(0, started("job_1"));
        }
        let at_ms = NEW_YEAR_MS + i64::try_from(self.store.changes().len()).unwrap();
        append::<Reconciliation>(&*self.store, &tenant, &id, at_ms, &new).await;
    }

    async fn ring(&self, index: usize) {
        let changes = self.store.changes();
        if let Some(index) = index.checked_rem(changes.len()) {
            self.engine.ring(&changes[index].stream, changes[index].version).await.unwrap();
        }
    }

    async fn happens(&self, happening: Happening) {
        match happening {
            Happening::Commit { stream, events } => self.commit(stream, events).await,
            Happening::Doorbell { index } => self.ring(index).await,
            Happening::TwoDoorbells { first, second } => {
                tokio::join!(self.ring(first), self.ring(second));
            }
        }
    }

    /// The row of each stream is the fold of as many events as its checkpoint says; gives back how many are missing.
    async fn check(&self) -> usize {
        let mut missing = 0;
        for stream in 0..STREAMS {
            let (tenant, id) = (tenant("acme"), format!("recon_{stream}"));
            let key = run_stream(&tenant, &id);
            let all = events(&*self.store, &key).await;
            let seen = usize::try_from(self.rows.checkpoint_version(ReconciliationSummary::NAME, &key).await.unwrap())
                .unwrap();
            let row = self.rows.reconciliation(&tenant, &id).await.unwrap();
            assert_eq!(row, summary_of(&tenant, &id, &all[..seen]).unwrap());
            missing += all.len() - seen;
        }
        missing
    }

    /// What the sweeper does: compare heads with checkpoints and ring again.
    async fn sweep(&self) {
        let (heads, _) = self.store.heads(100, None).await.unwrap();
        for head in heads {
            self.engine.ring(&head.stream, head.version).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_row_equals_the_fold_of_its_stream_whatever_the_doorbells_do(happenings in prop::collection::vec(happening(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            for happening in happenings {
                world.happens(happening).await;
                world.check().await;
            }
            world.sweep().await;
            assert_eq!(world.check().await, 0, "after a sweep nothing is missing");
        });
    }
}
