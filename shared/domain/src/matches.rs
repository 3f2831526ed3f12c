//! Results of matching: matches, suggestions, exceptions, exclusions, orders rolled up; and the events of a `matches`
//! stream, which are written in packs and never folded.

use crate::{
    aggregate::Event,
    decision::{Review, ReviewState},
    fields::Fields,
    money::Currency,
    record::Side,
    summary::Difference,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    Pair,
    /// One against many, or many against one, with equal sums.
    Group,
    /// k identical against k identical: which is which cannot be told and does not matter.
    Set,
}

/// Records that belong together, automatically or as a suggestion. `match_id` is derived from the sorted ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    pub kind: MatchKind,
    pub source_ids: Vec<String>,
    pub target_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_names: Vec<String>,
    /// Sum of the source side.
    pub amount_minor: i64,
    pub currency: Currency,
    /// Ten-thousandths: 10,000 is certain.
    pub confidence_bp: u16,
    /// Id and version of the rule, such as `strong_id@1`.
    pub rule: Cow<'static, str>,
    pub matched_fields: Fields,
    /// Distance to the best assignment without this match, in the rule's own units; none where no other exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<i64>,
    /// `target - source`, split.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub difference: Difference,
    /// A member lies outside the run's own range.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cross_period: bool,
}

fn is_zero(difference: &Difference) -> bool {
    *difference == Difference::default()
}

impl Match {
    /// First 32 hex digits of the SHA-256 over the sorted ids, source before target.
    #[must_use]
    pub fn id(&self) -> String {
        match_id(&self.source_ids, &self.target_ids)
    }
}

/// Id of the match that these records make, as [`Match::id`].
#[must_use]
pub fn match_id<Id: AsRef<str>>(source_ids: &[Id], target_ids: &[Id]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    let add = |hash: &mut Sha256, id: &str| {
        hash.update(id.as_bytes());
        hash.update([0]);
    };
    for ids in [source_ids, target_ids] {
        let all = ids.iter().map(AsRef::as_ref);
        // As nearly all are, of one record.
        if all.clone().is_sorted() {
            all.for_each(|id| add(&mut hash, id));
        } else {
            let mut sorted: Vec<&str> = all.collect();
            sorted.sort_unstable();
            sorted.into_iter().for_each(|id| add(&mut hash, id));
        }
        hash.update([1]);
    }
    base16ct::lower::encode_string(&hash.finalize()[..16])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionClass {
    /// No partner was found.
    Missing,
    /// The partner is certain and the amounts differ; the record counts as matched.
    Discrepancy,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    pub record_id: String,
    /// Thousandths of agreement, 0 to 1,000.
    pub score: u16,
    pub why_not: String,
}

/// An open question: a record that is left, or a discrepancy, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exception {
    pub record_id: String,
    pub side: Side,
    pub class: ExceptionClass,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_name: Option<String>,
    pub amount_minor: i64,
    pub currency: Currency,
    pub occurred_at: Timestamp,
    /// A code out of the engine's list.
    pub reason: String,
    /// The reason as a sentence that a bookkeeper understands, with this record's figures in it.
    pub explanation: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// What people said about the record in an earlier run of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<CarriedReview>,
}

/// A look at an exception that an earlier run had about the same record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CarriedReview {
    pub state: ReviewState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    pub note: String,
}

impl From<Review> for CarriedReview {
    fn from(Review { state, assignee, note, .. }: Review) -> Self {
        Self { state, assignee, note }
    }
}

/// A record that is out of scope, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    pub record_id: String,
    pub side: Side,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_name: Option<String>,
    pub amount_minor: i64,
    pub currency: Currency,
    pub occurred_at: Timestamp,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    Paid,
    PartlyPaid,
    Unpaid,
    Refunded,
    Disputed,
    OutOfScope,
}

impl OrderState {
    pub const ALL: [Self; 6] =
        [Self::Paid, Self::PartlyPaid, Self::Unpaid, Self::Refunded, Self::Disputed, Self::OutOfScope];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::PartlyPaid => "partly_paid",
            Self::Unpaid => "unpaid",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::OutOfScope => "out_of_scope",
        }
    }
}

/// An order with what was received, refunded and found on the payment side, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderResult {
    pub order_id: String,
    pub order_name: String,
    pub currency: Currency,
    pub total_minor: i64,
    pub received_minor: i64,
    pub refunded_minor: i64,
    pub matched_minor: i64,
    pub state: OrderState,
}

/// Events of `matches#<reconciliation_id>-a<attempt>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum MatchesEvent {
    RecordMatched(Match),
    MatchSuggested(Match),
    RecordUnmatched(Exception),
    MatchesWithdrawn { reason: String },
}

impl Event for MatchesEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::RecordMatched(_) => "RecordMatched",
            Self::MatchSuggested(_) => "MatchSuggested",
            Self::RecordUnmatched(_) => "RecordUnmatched",
            Self::MatchesWithdrawn { .. } => "MatchesWithdrawn",
        }
    }
}

/// Aggregate type of the streams above.
pub const MATCHES: &str = "matches";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_match_depends_on_its_members_and_on_nothing_else() {
        let id = match_id(&["a", "b", "c"], &["d"]);
        assert_eq!(id, "f850bb499f263719c809e05b19b124f9");
        assert_eq!(match_id(&["c", "a", "b"], &["d"]), id);
        assert_ne!(match_id(&["a", "b"], &["c", "d"]), id);
        assert_ne!(match_id(&["a", "b", "cd"], &[]), id);
    }
}
