//! What people decide about a completed run: suggestions confirmed or rejected, matches made or broken by hand,
//! exceptions looked at. The engine's own result stays as it was published; decisions lie over it.
//!
//! **Invariant:** each decision carries the run's figures after it, so whoever applies it shows figures that add up
//! without knowing the records.

use crate::{
    ids::AttemptNumber,
    matches::{Exception, Match, OrderResult},
    record::Side,
    summary::RunSummary,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A decision about a match, with all that follows from it. Who decided is the event's `user_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub attempt: AttemptNumber,
    pub found: Match,
    pub reason: String,
    pub decided_at: Timestamp,
    /// Records that are without a partner by this decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Exception>,
    /// Orders as they are rolled up after this decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<OrderResult>,
    pub summary: RunSummary,
}

/// What a person thinks of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    Open,
    Accepted,
    WrittenOff,
}

impl ReviewState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Accepted, Self::WrittenOff];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::WrittenOff => "written_off",
        }
    }
}

/// A look at an exception. The record stays unmatched: accepting or writing off explains a difference, it does not
/// make it go away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    pub attempt: AttemptNumber,
    pub record_id: String,
    pub side: Side,
    pub state: ReviewState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    pub note: String,
}

/// How a match that people decided stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Confirmed,
    Manual,
}

impl Standing {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Manual => "manual",
        }
    }
}

/// A match that stands because people decided it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    pub standing: Standing,
    pub found: Match,
    pub decided_at: Timestamp,
}

/// A match that people took apart or would not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parted {
    pub found: Match,
    pub decided_at: Timestamp,
}

/// One record, on one side.
pub type RecordKey = (Side, String);

impl Parted {
    fn by(decision: &Decision) -> Self {
        Self { found: decision.found.clone(), decided_at: decision.decided_at }
    }
}

/// All decisions about a run, as they stand. Lists are kept in the order of their keys, so that equal decisions make
/// equal states.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decisions {
    /// By match id, in the order in which they were decided.
    pub standing: Vec<(String, Decided)>,
    /// Suggestions that were rejected, and confirmed ones that were broken again.
    pub rejected: BTreeMap<String, Parted>,
    /// The engine's own matches that were broken.
    pub broken: BTreeMap<String, Parted>,
    /// Records that are left by decisions, in the order of the events.
    pub left: Vec<Exception>,
    pub orders: BTreeMap<String, OrderResult>,
    pub reviews: Vec<Review>,
}

impl Decisions {
    #[must_use]
    pub fn standing(&self, match_id: &str) -> Option<&Decided> {
        self.standing.iter().find(|(id, _)| id == match_id).map(|(_, decided)| decided)
    }

    #[must_use]
    pub fn review(&self, side: Side, record_id: &str) -> Option<&Review> {
        self.reviews.iter().find(|review| review.side == side && review.record_id == record_id)
    }

    /// Records that a standing decision holds.
    #[must_use]
    pub fn held(&self) -> BTreeSet<RecordKey> {
        self.standing.iter().flat_map(|(_, decided)| members(&decided.found)).collect()
    }

    /// Records that decisions have left; the engine's own exceptions about them no longer hold.
    #[must_use]
    pub fn left_keys(&self) -> BTreeSet<RecordKey> {
        self.left.iter().map(|left| (left.side, left.record_id.clone())).collect()
    }

    /// Which rows of the engine's published result still hold, for lists and reports alike.
    #[must_use]
    pub fn over_the_result(&self) -> StillHolds<'_> {
        StillHolds { decisions: self, held: self.held(), left: self.left_keys() }
    }

    pub(crate) fn confirmed(&mut self, decision: &Decision) {
        self.stand(decision, Standing::Confirmed);
    }

    pub(crate) fn made(&mut self, decision: &Decision) {
        self.stand(decision, Standing::Manual);
    }

    pub(crate) fn rejected(&mut self, decision: &Decision) {
        self.rejected.insert(decision.found.id(), Parted::by(decision));
        self.follow(decision);
    }

    pub(crate) fn broken(&mut self, decision: &Decision) {
        let id = decision.found.id();
        let decided = self.standing(&id).map(|decided| decided.standing);
        self.standing.retain(|(standing, _)| *standing != id);
        match decided {
            // A suggestion that was confirmed and broken again is not suggested once more.
            Some(Standing::Confirmed) => {
                self.rejected.insert(id, Parted::by(decision));
            }
            Some(Standing::Manual) => {}
            None => {
                self.broken.insert(id, Parted::by(decision));
            }
        }
        self.follow(decision);
    }

    pub(crate) fn reviewed(&mut self, review: &Review) {
        self.reviews.retain(|known| (known.side, &known.record_id) != (review.side, &review.record_id));
        self.reviews.push(review.clone());
    }

    fn stand(&mut self, decision: &Decision, standing: Standing) {
        let taken: BTreeSet<RecordKey> = members(&decision.found).collect();
        self.left.retain(|left| !taken.contains(&(left.side, left.record_id.clone())));
        let decided = Decided { standing, found: decision.found.clone(), decided_at: decision.decided_at };
        self.standing.push((decision.found.id(), decided));
        self.follow(decision);
    }

    fn follow(&mut self, decision: &Decision) {
        self.left.extend(decision.left.iter().cloned());
        self.orders.extend(decision.orders.iter().map(|order| (order.order_id.clone(), order.clone())));
    }
}

/// See [`Decisions::over_the_result`].
#[derive(Debug)]
pub struct StillHolds<'d> {
    decisions: &'d Decisions,
    held: BTreeSet<RecordKey>,
    left: BTreeSet<RecordKey>,
}

impl StillHolds<'_> {
    #[must_use]
    pub fn is_match(&self, found: &Match) -> bool {
        !self.decisions.broken.contains_key(&found.id())
    }

    #[must_use]
    pub fn is_suggestion(&self, found: &Match) -> bool {
        let id = found.id();
        self.decisions.standing(&id).is_none() && !self.decisions.rejected.contains_key(&id)
    }

    #[must_use]
    pub fn is_exception(&self, open: &Exception) -> bool {
        let key = (open.side, open.record_id.clone());
        !self.held.contains(&key) && !self.left.contains(&key)
    }

    #[must_use]
    pub fn is_order(&self, order: &OrderResult) -> bool {
        !self.decisions.orders.contains_key(&order.order_id)
    }
}

/// Records of a match, sources first.
pub fn members(found: &Match) -> impl Iterator<Item = RecordKey> + '_ {
    let sources = found.source_ids.iter().map(|id| (Side::Source, id.clone()));
    sources.chain(found.target_ids.iter().map(|id| (Side::Target, id.clone())))
}
