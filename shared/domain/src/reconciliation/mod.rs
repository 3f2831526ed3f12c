//! Aggregate `reconciliation`: one run of a job over a date range, in one or more attempts.
//!
//! **Invariant:** nothing of an attempt is visible before its ResultsPublished, and nothing after its ResultsWithdrawn.

mod commands;
mod events;
mod state;
mod steps;
mod subject;
#[cfg(test)]
mod tests;

pub use crate::status::Status;
pub use commands::{StagedData, cancel, pause, resume, retry, skip_undo, take_over};
pub use events::{Fetched, Published, ReconciliationEvent, Request};
pub use state::{LastCommand, Reconciliation, Run, SkippedUndo, StuckUndo};
pub use steps::{
    compensating, complete, end_undone, hold, kill, may_go_on, orders_fetched, payments_fetched, publish, start, stuck,
    withdraw,
};
