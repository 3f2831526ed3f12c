//! The matching engine: which order movements and payments belong together, and why the rest does not.
//!
//! Pure: no I/O, no clock, no randomness, no floats. The same records give the same bytes, in whatever order they come.
//! A pair is accepted only where nothing else could be meant; a tie is an open question, never a pick.
//!
//! Read [`pipeline`](crate::pipeline) first: it is the order of the tiers, top to bottom. Each tier is a file in
//! `tiers`, sees only what the tiers before it left, and says through [`board`](crate::board) what it accepts.
//! [`conservation`](crate::conservation) proves at the end that every record is counted once.

#![forbid(unsafe_code)]

mod assignment;
mod board;
mod conservation;
mod difference;
mod digest;
mod evidence;
mod hashed;
mod keys;
mod learn;
mod orders;
mod pipeline;
mod reason;
mod report;
mod rule;
mod rules;
mod scoring;
mod summary;
mod table;
mod tiers;

use domain::{
    matches::{Exception, Exclusion, Match, OrderResult},
    record::{Order, Record, Side},
    summary::RunSummary,
    time::{Timestamp, Window},
};
use serde::{Deserialize, Serialize};

pub use conservation::ConservationError;
pub use difference::{AtRisk, Change, Comparison, Verdict, difference};
pub use learn::{Accuracy, Learnt, accuracy, learn};
pub use pipeline::reconcile;
pub use reason::{Facts, Reason};
pub use rules::{
    AmountLevel, Automatic, CalibrationStep, FeeSchedule, FieldWeight, FieldWeights, FxBand, Payouts, Profile,
    RuleError, RuleSet, SCHEMA, TextWeight, TimeLevel, Tolerance, Weights,
};
pub use scoring::TextLevel;

/// Part of every result: the same input under another version may be judged differently.
pub const ENGINE_VERSION: &str = "1.0.0";

/// What one run decides about. Records may lie in the pad around the window; those with `evidence_only` are parents
/// from further away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    pub source: Vec<Record>,
    pub target: Vec<Record>,
    pub orders: Vec<Order>,
    pub window: Window,
    pub as_of: Timestamp,
    pub reserved: Vec<Reservation>,
}

/// What an earlier completed run of the job matched across the edge of its window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reservation {
    pub record_id: String,
    pub side: Side,
    /// Ids on the other side.
    pub partner_ids: Vec<String>,
}

/// The result of a run, every list in a canonical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub matches: Vec<Match>,
    /// At most one per record.
    pub suggestions: Vec<Match>,
    pub exceptions: Vec<Exception>,
    pub exclusions: Vec<Exclusion>,
    pub orders: Vec<OrderResult>,
    pub summary: RunSummary,
}
