//! Projections and read models: what lists and screens show, derived from event streams and from nothing else.
//!
//! - [`projection`] says what a projection is: a pure `apply` and its keys. One file per projection beside it.
//! - [`engine`] pulls: checkpoint, commits after it, apply, row and checkpoint in one transaction.
//! - [`read`] are the readers of the HTTP side; [`results`] the pages that a run's result is packed into.
//!
//! **Invariant:** a row belongs to exactly one aggregate stream and equals the fold of its events, whatever the stream
//! of doorbells does.

mod cursor;
mod dynamo;
pub mod engine;
pub mod jobs;
mod memory;
pub mod projection;
pub mod read;
pub mod reconciliation_summary;
pub mod results;
pub mod saga_state;
pub mod store;

pub use dynamo::{DynamoProjections, Tables};
pub use engine::{Engine, PullError, Pulled};
pub use jobs::JobView;
pub use memory::MemoryProjections;
pub use projection::{ApplyError, Projection, Registered};
pub use read::{Page, ReadError, ReadModels, ReconciliationFilter, SagaFilter};
pub use reconciliation_summary::{Percentage, SummaryView, summary_of};
pub use results::{DynamoResultPages, MemoryResultPages, Position, ResultList, ResultPages, ResultRows, read_page};
pub use saga_state::SagaView;
pub use store::{Checkpoint, Fault, ProjectionStore, Table};

/// Every projection that hangs on the stream of heads.
pub const ALL: [Registered; 3] = [
    Registered::of::<reconciliation_summary::ReconciliationSummary>(),
    Registered::of::<saga_state::SagaState>(),
    Registered::of::<jobs::Jobs>(),
];
