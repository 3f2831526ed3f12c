//! Rebuilding read models from the log.
//!
//! All of a projection is rebuilt beside the live version: version v+1 is announced, from then on every doorbell feeds
//! both; every head is folded; every head is compared with its checkpoint; v+1 goes live in one write; readers of v are
//! waited for; v is removed. One run or a time range is folded anew in the live version, each aggregate in one
//! transaction.
//!
//! Work is done in bounded steps. Between two of them everything is in the [`Registration`], so a process may die at
//! any moment: whoever comes next repeats at most one step, and repeating is harmless, because folding is idempotent.
//! Only rows and checkpoints are written here: nothing that a rebuild touches starts a saga or calls a webhook.

mod record;
mod request;
mod step;
mod work;

pub use record::{Phase, Rebuild, Registration, Scope, Unfolded};
pub use request::{RequestError, Requested, request};
pub use step::{Rebuilder, Stepped};
pub use work::Work;

use crate::store::{Fault, ProjectionStore, Table};
use async_trait::async_trait;

/// The registry of versions, and the removal of old ones.
#[async_trait]
pub trait RebuildStore: ProjectionStore {
    /// Consistent; never out of a cache.
    async fn registration(&self, projection: &str) -> Result<Registration, Fault>;

    /// Writes `registration` with the next revision if the stored one is still the one that was read; false otherwise.
    async fn register(&self, projection: &str, registration: &Registration) -> Result<bool, Fault>;

    /// Removes rows of versions below `live` out of one bounded read; gives back where to go on.
    async fn remove_rows(&self, table: Table, live: u32, after: Option<String>) -> Result<Removed, Fault>;

    /// As [`RebuildStore::remove_rows`], for the projection's checkpoints.
    async fn remove_checkpoints(&self, projection: &str, live: u32, after: Option<String>) -> Result<Removed, Fault>;
}

/// What one bounded removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    pub count: u64,
    pub next: Option<String>,
}
