//! Stores that behave, but not nicely.

use projections::{
    Fault, ProjectionStore, Table,
    read::{Rows, Selected, Selection},
    store::{Advance, Checkpoint, CheckpointKey, RowKey, Stand, Trouble, Versions, Written},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::task::yield_now;

/// Lets other tasks run before each call, now more and now less often, and reads at most so many rows at once.
pub struct Decorated {
    rows: Arc<dyn Rows>,
    rows_per_read: u32,
    seed: AtomicU64,
}

impl Decorated {
    pub fn new(rows: Arc<dyn Rows>, rows_per_read: u32) -> Self {
        Self { rows, rows_per_read, seed: AtomicU64::new(1) }
    }

    /// Up to seven turns for the others, so that pulls overtake each other.
    async fn dawdle(&self) {
        let next =
            |seed: u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let seed = self.seed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).unwrap_or_default();
        for _ in 0..seed >> 61 {
            yield_now().await;
        }
    }
}

#[async_trait::async_trait]
impl ProjectionStore for Decorated {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
        self.dawdle().await;
        self.rows.checkpoint(key).await
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault> {
        self.dawdle().await;
        self.rows.row(key).await
    }

    async fn advance(&self, advance: &Advance) -> Result<Written, Fault> {
        self.dawdle().await;
        self.rows.advance(advance).await
    }

    async fn note(&self, key: &CheckpointKey, from: Stand, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        self.dawdle().await;
        self.rows.note(key, from, trouble).await
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        self.rows.versions(projection).await
    }
}

#[async_trait::async_trait]
impl Rows for Decorated {
    async fn select(&self, selection: &Selection) -> Result<Selected, Fault> {
        let limit = selection.limit.min(self.rows_per_read);
        self.rows.select(&Selection { limit, ..selection.clone() }).await
    }

    async fn owners(&self, table: Table, id: &str) -> Result<Vec<String>, Fault> {
        self.rows.owners(table, id).await
    }
}
