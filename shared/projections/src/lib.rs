//! Projections and read models: what lists and screens show, derived from event streams and from nothing else.
//!
//! - [`projection`] says what a projection is: a pure `apply` and its keys. One file per projection beside it.
//! - [`engine`] pulls: checkpoint, commits after it, apply, rows and checkpoint in one transaction.
//! - [`rebuild`] folds anew: all beside the live version, or one run or a time range in it. [`compare`] proves that
//!   nothing is missing; [`sweep`] rings again where something is.
//! - [`read`] are the readers of the HTTP side; [`results`] the pages that a run's result is packed into.
//!
//! **Invariant:** a row belongs to exactly one aggregate stream and equals the fold of its events, whatever the stream
//! of doorbells does.

pub mod bus;
pub mod compare;
mod cursor;
mod due;
mod dynamo;
pub mod engine;
pub mod error_hotspots;
pub mod jobs;
mod memory;
pub mod own_write;
pub mod parking;
pub mod projection;
pub mod read;
pub mod rebuild;
pub mod reconciliation_summary;
mod registered;
pub mod results;
pub mod saga_state;
pub mod store;
pub mod sweep;
pub mod tenant_usage;

pub use due::DynamoDueSagas;
pub use dynamo::{DynamoProjections, Tables, VERSIONS_TTL};
pub use engine::{Engine, PullError, Pulled};
pub use error_hotspots::HotspotView;
pub use jobs::JobView;
pub use memory::MemoryProjections;
pub use projection::{ApplyError, Projection};
pub use read::{HotspotFilter, Page, ReadError, ReadModels, ReconciliationFilter, SagaFilter, UsageDays};
pub use reconciliation_summary::{SummaryView, summary_of};
pub use registered::{Folded, Registered, Shown, Stop};
pub use results::{DynamoResultPages, MemoryResultPages, Position, ResultList, ResultPages, ResultRows, read_page};
pub use saga_state::SagaView;
pub use store::{Checkpoint, Fault, ProjectionStore, Table};
pub use tenant_usage::DailyUsage;

/// Fed by the stream of heads itself.
pub const ON_STREAM: [Registered; 3] = [
    Registered::of::<reconciliation_summary::ReconciliationSummary>(),
    Registered::of::<saga_state::SagaState>(),
    Registered::of::<jobs::Jobs>(),
];
/// Fed through a queue of its own.
pub const TENANT_USAGE: Registered = Registered::of::<tenant_usage::TenantUsage>();
/// Fed through a queue of its own.
pub const ERROR_HOTSPOTS: Registered = Registered::of::<error_hotspots::ErrorHotspots>();

/// Every projection there is.
pub const ALL: [Registered; 5] = {
    let [summary, saga, jobs] = ON_STREAM;
    [summary, saga, jobs, TENANT_USAGE, ERROR_HOTSPOTS]
};

/// The projection of this name.
#[must_use]
pub fn named(name: &str) -> Option<Registered> {
    ALL.into_iter().find(|projection| projection.name == name)
}
