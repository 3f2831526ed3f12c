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
mod both;
mod conservation;
mod difference;
mod digest;
mod evidence;
#[cfg(test)]
mod examples;
mod hashed;
mod keys;
mod learn;
mod orders;
mod pipeline;
mod reason;
mod reconciled;
mod report;
mod rule;
mod rules;
mod scoring;
mod summary;
mod table;
mod tiers;

use domain::{
    decision::Standing,
    matches::{Exception, Exclusion, Match, OrderResult},
    record::Side,
    records::{Orders, Records},
    summary::RunSummary,
    time::{Timestamp, Window},
};
use serde::{Deserialize, Serialize};

pub use conservation::ConservationError;
pub use difference::{AtRisk, Change, Comparison, Verdict, difference};
pub use learn::{Accuracy, Learnt, accuracy, learn};
pub use pipeline::{decide, reconcile};
pub use reason::{Facts, Reason};
pub use reconciled::{MatchRef, Reconciled};
pub use rules::{
    AmountLevel, Automatic, CalibrationStep, FeeSchedule, FieldWeight, FieldWeights, FxBand, Payouts, Profile,
    RuleError, RuleSet, SCHEMA, TextWeight, TimeLevel, Tolerance, Weights,
};
pub use scoring::TextLevel;

/// Part of every result: the same input under another version may be judged differently, or have another digest.
pub const ENGINE_VERSION: &str = "1.7.0";

/// What one run decides about. Records may lie in the pad around the window; those with `evidence_only` are parents
/// from further away.
#[derive(Debug, Clone)]
pub struct RunInput {
    pub source: Records,
    pub target: Records,
    pub orders: Orders,
    pub window: Window,
    pub as_of: Timestamp,
    pub memory: Memory,
}

/// What earlier runs of the job and people leave to a run, by record id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    pub reserved: Vec<Reservation>,
    pub decided: Vec<DecidedMatch>,
    pub rejected: Vec<RejectedMatch>,
}

impl Memory {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reserved.is_empty() && self.decided.is_empty() && self.rejected.is_empty()
    }

    pub(crate) fn in_order(&self) -> Self {
        let mut sorted = self.clone();
        sorted.reserved.sort_unstable();
        sorted.decided.sort_by_cached_key(|decided| (decided.found.id(), decided.standing));
        sorted.rejected.sort_unstable();
        sorted
    }
}

/// What an earlier completed run of the job matched across the edge of its window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reservation {
    pub record_id: String,
    pub side: Side,
    /// Ids on the other side.
    pub partner_ids: Vec<String>,
}

/// A match that people confirmed or made, and have not taken apart again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedMatch {
    pub standing: Standing,
    pub found: Match,
}

/// A match that people rejected or took apart: these records together are not one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RejectedMatch {
    pub source_ids: Vec<String>,
    pub target_ids: Vec<String>,
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
    /// What the run was given of earlier ones, so that it can be judged again on the same grounds.
    #[serde(default, skip_serializing_if = "Memory::is_empty")]
    pub memory: Memory,
}
