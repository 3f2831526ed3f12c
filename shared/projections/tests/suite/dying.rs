//! A store whose process dies at a call: before the call does anything, or after it has done it. From then on nothing
//! answers any more, as for a process that was killed.

use event_store::Units;
use projections::{
    Fault, ProjectionStore, Table,
    rebuild::{RebuildStore, Registration, Removed},
    store::{Advance, Checkpoint, CheckpointKey, RowKey, Stand, Trouble, Versions, Written},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

pub struct Dying {
    store: Arc<dyn RebuildStore>,
    /// Calls that are still answered.
    left: AtomicUsize,
    calls: AtomicUsize,
    /// The last call still has its effect, only its answer is lost.
    after_its_effect: bool,
}

enum Fate {
    Live,
    LoseAnswer,
    Dead,
}

impl Dying {
    pub fn new(store: Arc<dyn RebuildStore>, calls: usize, after_its_effect: bool) -> Self {
        Self { store, left: AtomicUsize::new(calls), calls: AtomicUsize::new(0), after_its_effect }
    }

    /// Calls so far: a run that never dies tells a test at how many places it can.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn fate(&self) -> Fate {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        match (left.unwrap_or(0), self.after_its_effect) {
            (0, _) => Fate::Dead,
            (1, true) => Fate::LoseAnswer,
            _ => Fate::Live,
        }
    }
}

fn dead<T>() -> Result<T, Fault> {
    Err(Fault::Busy("the process is dead".into()))
}

macro_rules! fated {
    ($self:ident, $call:expr) => {
        match $self.fate() {
            Fate::Live => $call.await,
            Fate::LoseAnswer => {
                $call.await?;
                dead()
            }
            Fate::Dead => dead(),
        }
    };
}

#[async_trait::async_trait]
impl ProjectionStore for Dying {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
        fated!(self, self.store.checkpoint(key))
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault> {
        fated!(self, self.store.row(key))
    }

    async fn advance(&self, advance: &Advance) -> Result<Written, Fault> {
        fated!(self, self.store.advance(advance))
    }

    async fn note(&self, key: &CheckpointKey, from: Stand, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        fated!(self, self.store.note(key, from, trouble))
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        fated!(self, self.store.versions(projection))
    }
}

#[async_trait::async_trait]
impl RebuildStore for Dying {
    async fn registration(&self, projection: &str) -> Result<Registration, Fault> {
        fated!(self, self.store.registration(projection))
    }

    async fn register(&self, projection: &str, registration: &Registration) -> Result<bool, Fault> {
        fated!(self, self.store.register(projection, registration))
    }

    async fn remove_rows(&self, table: Table, live: u32, after: Option<String>) -> Result<Removed, Fault> {
        fated!(self, self.store.remove_rows(table, live, after))
    }

    async fn remove_checkpoints(&self, projection: &str, live: u32, after: Option<String>) -> Result<Removed, Fault> {
        fated!(self, self.store.remove_checkpoints(projection, live, after))
    }
}

/// Fails some calls and recovers: what a throttled table does to a batch of doorbells.
pub struct Flaky {
    store: Arc<dyn ProjectionStore>,
    seed: AtomicUsize,
    /// One call in so many fails; 0 for none.
    one_in: usize,
}

impl Flaky {
    pub fn new(store: Arc<dyn ProjectionStore>, one_in: usize) -> Self {
        Self { store, seed: AtomicUsize::new(7), one_in }
    }

    async fn turn(&self) -> Result<(), Fault> {
        let next = |seed: usize| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let seed = self.seed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).unwrap_or_default() >> 33;
        for _ in 0..seed % 4 {
            tokio::task::yield_now().await;
        }
        if seed.checked_rem(self.one_in) == Some(0) { Err(Fault::Busy("throttled".into())) } else { Ok(()) }
    }
}

#[async_trait::async_trait]
impl ProjectionStore for Flaky {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
        self.turn().await?;
        self.store.checkpoint(key).await
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault> {
        self.turn().await?;
        self.store.row(key).await
    }

    async fn advance(&self, advance: &Advance) -> Result<Written, Fault> {
        self.turn().await?;
        let written = self.store.advance(advance).await?;
        // Sometimes only the answer is lost.
        self.turn().await?;
        Ok(written)
    }

    async fn note(&self, key: &CheckpointKey, from: Stand, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        self.turn().await?;
        match self.store.note(key, from, trouble).await? {
            Written::Lost => Ok(Written::Lost),
            Written::Done(_) => Ok(Written::Done(Units::default())),
        }
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        self.store.versions(projection).await
    }
}
