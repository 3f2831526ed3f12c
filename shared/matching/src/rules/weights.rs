//! The tables that comparisons are weighed by. A *share* says how often a level occurs among true pairs, a *random
//! share* how often among records that only look alike, both as `1000 · log2` (millibits, never above 0). How often the
//! rest of an agreement happens by chance (this amount, this day, these words) is counted in the run, so the tables
//! hold for sparse and dense data alike.

use crate::scoring::TextLevel;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One stretch of time between source and target; positive when the target is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeLevel {
    /// First minute that belongs to it; where only days are known, whole days of 1,440 minutes are compared.
    pub from_minutes: i64,
    /// First minute that no longer does.
    pub to_minutes: i64,
    pub share: i64,
}

/// One band of relative difference between two amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountLevel {
    /// Largest difference in millionths of the larger amount; 0 means equal.
    pub up_to_ppm: u32,
    pub share: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextWeight {
    pub share: i64,
    pub random_share: i64,
}

/// A field that agrees or does not; how rare the value is counts beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldWeight {
    /// Share of true pairs, known on both sides, that agree.
    pub agree: i64,
    /// Weight of a disagreement.
    pub differ: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldWeights {
    pub email: FieldWeight,
    pub last4: FieldWeight,
    pub name: FieldWeight,
    /// A shared reference that earlier tiers could not decide by.
    pub reference: i64,
}

/// One step of the way from a margin to a confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationStep {
    /// Millibits from which on it holds.
    pub margin: i64,
    /// Ten-thousandths.
    pub confidence_bp: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Ascending and without gaps; what lies outside is no candidate.
    pub time: Vec<TimeLevel>,
    /// Ascending, the first for equal amounts; what lies outside is no candidate.
    pub amount: Vec<AmountLevel>,
    /// Share of true pairs whose difference is exactly a fee that was agreed.
    pub agreed_fee: i64,
    /// Share of true pairs in two currencies whose difference lies within the agreed band.
    pub agreed_rate: i64,
    pub text: BTreeMap<TextLevel, TextWeight>,
    pub fields: FieldWeights,
    /// Odds that two records without any comparison would be partners if they were alone with each other: records
    /// that have a partner, over those that have none on either side.
    pub partner: i64,
    /// Ascending by margin.
    pub calibration: Vec<CalibrationStep>,
}

impl Weights {
    /// A level that the table does not name says nothing.
    pub(crate) fn text_table(&self) -> [TextWeight; TextLevel::ALL.len()] {
        let mut table = [TextWeight { share: 0, random_share: 0 }; TextLevel::ALL.len()];
        for (level, weight) in &self.text {
            if let Some(place) = table.get_mut(level.index()) {
                *place = *weight;
            }
        }
        table
    }

    /// Ten-thousandths, for a margin in millibits.
    pub(crate) fn confidence_bp(&self, margin: i64) -> u16 {
        let steps = self.calibration.partition_point(|step| step.margin <= margin);
        steps.checked_sub(1).and_then(|last| self.calibration.get(last)).map_or(0, |step| step.confidence_bp)
    }
}
