//! Figures of a run: counts and totals that must add up, per side and currency.

use crate::{money::Currency, record::Side};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Number;

/// Counts of one side. `in_scope = matched + suggested + unmatched`, `fetched in range = in_scope + excluded`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SideCounts {
    pub matched: u64,
    pub suggested: u64,
    pub unmatched: u64,
    pub excluded: u64,
}

impl SideCounts {
    #[must_use]
    pub fn in_scope(&self) -> u64 {
        self.matched + self.suggested + self.unmatched
    }
}

/// Sums of one side in one currency, in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SideTotals {
    pub in_scope_minor: i64,
    pub matched_minor: i64,
    pub suggested_minor: i64,
    pub unmatched_minor: i64,
    pub excluded_minor: i64,
}

/// `target - source` over all matches, split without a rest: the parts sum to the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    pub fee: i64,
    pub fx: i64,
    pub tip: i64,
    pub rounding: i64,
    pub partial: i64,
    pub unexplained: i64,
}

impl Difference {
    #[must_use]
    pub fn sum(&self) -> i64 {
        self.fee + self.fx + self.tip + self.rounding + self.partial + self.unexplained
    }

    /// `count` equal differences together.
    #[must_use]
    pub fn times(&self, count: i64) -> Self {
        Self {
            fee: self.fee * count,
            fx: self.fx * count,
            tip: self.tip * count,
            rounding: self.rounding * count,
            partial: self.partial * count,
            unexplained: self.unexplained * count,
        }
    }

    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            fee: -self.fee,
            fx: -self.fx,
            tip: -self.tip,
            rounding: -self.rounding,
            partial: -self.partial,
            unexplained: -self.unexplained,
        }
    }

    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            fee: self.fee + other.fee,
            fx: self.fx + other.fx,
            tip: self.tip + other.tip,
            rounding: self.rounding + other.rounding,
            partial: self.partial + other.partial,
            unexplained: self.unexplained + other.unexplained,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CurrencyTotals {
    pub currency: Currency,
    pub exponent: u8,
    pub source: SideTotals,
    pub target: SideTotals,
    pub difference: Difference,
}

/// Everything a run's result says in figures. Part of ResultsPublished and ReconciliationCompleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    pub source: SideCounts,
    pub target: SideCounts,
    /// Matches whose amounts differ although the partner is certain.
    pub discrepancy_count: u64,
    /// Matched records of both sides / in-scope records of both sides, in hundredths of a percent, rounded down; none
    /// when nothing is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_bp: Option<u32>,
    pub totals: Vec<CurrencyTotals>,
    /// Codes with a sentence each: the run as a whole looks wrong.
    pub warnings: Vec<Warning>,
    pub engine_version: String,
    pub rule_set_version: String,
    /// Hex SHA-256 of the sorted input, the rules and `as_of`.
    pub input_digest: String,
}

/// Hundredths of a percent; in JSON a number of percents with at most two decimals. Never computed with as a float:
/// digits are written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentage {
    pub basis_points: u32,
}

impl std::fmt::Display for Percentage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.basis_points / 100, self.basis_points % 100)
    }
}

impl Serialize for Percentage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Percentage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Number::deserialize(deserializer)?.to_string();
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{decimals:0<2}");
        let basis_points = digits.parse().ok().filter(|_| decimals.len() <= 2);
        let basis_points =
            basis_points.ok_or_else(|| D::Error::custom(format!("`{text}` is not a percentage with two decimals")))?;
        Ok(Self { basis_points })
    }
}

impl RunSummary {
    /// Share of the records in scope that are matched; none when nothing is in scope.
    #[must_use]
    pub fn accuracy(&self) -> Option<Percentage> {
        self.accuracy_bp.map(|basis_points| Percentage { basis_points })
    }
}

/// Where a record in scope is counted: in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Matched,
    Suggested,
    Unmatched,
}

impl SideCounts {
    fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Matched => &mut self.matched,
            Class::Suggested => &mut self.suggested,
            Class::Unmatched => &mut self.unmatched,
        }
    }
}

impl SideTotals {
    fn of(&mut self, class: Class) -> &mut i64 {
        match class {
            Class::Matched => &mut self.matched_minor,
            Class::Suggested => &mut self.suggested_minor,
            Class::Unmatched => &mut self.unmatched_minor,
        }
    }
}

impl RunSummary {
    /// Counts one record in another class. Every side and currency adds up after it if it did before. None, with nothing
    /// changed, when the class it comes from holds no record.
    #[must_use]
    pub fn shift(&mut self, side: Side, currency: Currency, amount_minor: i64, from: Class, to: Class) -> Option<()> {
        let totals = self.totals.iter_mut().find(|totals| totals.currency == currency)?;
        let (counts, totals) = match side {
            Side::Source => (&mut self.source, &mut totals.source),
            Side::Target => (&mut self.target, &mut totals.target),
        };
        let less = counts.of(from).checked_sub(1)?;
        *counts.of(from) = less;
        *counts.of(to) += 1;
        *totals.of(from) -= amount_minor;
        *totals.of(to) += amount_minor;
        Some(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    pub code: String,
    pub message: String,
}

/// `matched / in_scope` in hundredths of a percent, rounded down.
#[must_use]
pub fn accuracy_bp(source: &SideCounts, target: &SideCounts) -> Option<u32> {
    let in_scope = u128::from(source.in_scope()) + u128::from(target.in_scope());
    let matched = u128::from(source.matched) + u128::from(target.matched);
    let share = (matched * 10_000).checked_div(in_scope)?;
    u32::try_from(share).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_is_rounded_down_and_absent_without_records() {
        let side = |matched, unmatched| SideCounts { matched, unmatched, ..SideCounts::default() };
        assert_eq!(accuracy_bp(&side(0, 0), &side(0, 0)), None);
        assert_eq!(accuracy_bp(&side(5, 0), &side(5, 0)), Some(10_000));
        assert_eq!(accuracy_bp(&side(2, 1), &side(0, 0)), Some(6_666));
    }
}
