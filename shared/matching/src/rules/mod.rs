//! The rule set: what a job may configure, with its defaults. A match names the rule set it was made under, and nothing
//! in it is learnt during a run.
//!
//! `schema.json` is the contract; `profiles` has the defaults, `weights` the tables that comparisons are weighed by.

mod payouts;
mod profiles;
mod tolerance;
mod validate;
mod weights;

pub use payouts::Payouts;
pub use tolerance::{Automatic, FeeSchedule, FxBand, Tolerance};
pub use validate::SCHEMA;
pub use weights::{AmountLevel, CalibrationStep, FieldWeight, FieldWeights, TextWeight, TimeLevel, Weights};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What kind of data the defaults are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// An online shop against its payment provider.
    Shop,
    /// Bank statements and accounting data: days, amounts that may differ, free text.
    Ledger,
}

impl Profile {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Ledger => "ledger",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    pub profile: Profile,
    /// Gateways of the source side that this job covers, compared without case; none means all.
    pub gateways: Vec<String>,
    /// Days read, and searched for partners, before and after the window.
    pub window_pad_days: u16,
    /// A record younger than this at `as_of` is waited for before it is called missing.
    pub pending_sla_hours: u16,
    /// Metadata keys that count as references from the start; others have to earn it.
    pub key_fields: Vec<String>,
    /// Unique hits with equal amounts after which a metadata key counts.
    pub key_min_hits: u32,
    /// From this length on a value counts under any key.
    pub key_min_length: u16,
    /// A weak value held by more records of one side than this identifies nothing.
    pub key_max_holders: u32,
    /// Furthest distance of two records joined by a weak reference.
    pub weak_reference_days: u16,
    /// Whether equal amounts are joined before differing ones are weighed (tier 5). Where amounts often differ, an
    /// equal one is only one sign among others, and weighing decides about both.
    pub exact_amounts: bool,
    /// Furthest distance of two records joined by their amount.
    pub amount_days: u16,
    /// For how long an amount must be unique on both sides when nothing but time supports it.
    pub unique_hours: u16,
    /// How close two instants must be when nothing but time supports a pair.
    pub instant_minutes: u16,
    /// Span of one side within which identical records may form a set.
    pub set_hours: u16,
    /// Largest group of one against many.
    pub group_max_members: u16,
    pub tolerance: Tolerance,
    pub payouts: Payouts,
    pub weights: Weights,
}

impl Default for RuleSet {
    fn default() -> Self {
        Self::of(Profile::Shop)
    }
}

/// One wrong field of a rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleError {
    /// JSON pointer to the field.
    pub pointer: String,
    pub message: String,
}

impl RuleError {
    fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl RuleSet {
    /// The defaults of a profile.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        profiles::of(profile)
    }

    /// Reads rules; what is not given keeps the default of the profile that the rules name (`shop` if none). Objects
    /// are completed field by field, lists are replaced.
    ///
    /// # Errors
    /// Every wrong field at once, each with its place.
    pub fn from_json(value: &Value) -> Result<Self, Vec<RuleError>> {
        Self::over(Profile::Shop, value)
    }

    /// As [`RuleSet::from_json`], with another profile where the rules name none.
    ///
    /// # Errors
    /// Every wrong field at once, each with its place.
    pub fn over(otherwise: Profile, value: &Value) -> Result<Self, Vec<RuleError>> {
        let broken = |error: serde_json::Error| vec![RuleError::at("", error.to_string())];
        let schema: Value = serde_json::from_str(SCHEMA).map_err(broken)?;
        let errors = validate::against(&schema, value);
        if !errors.is_empty() {
            return Err(errors);
        }
        let profile = match value.get("profile").and_then(Value::as_str) {
            Some("ledger") => Profile::Ledger,
            Some(_) => Profile::Shop,
            None => otherwise,
        };
        let mut whole = serde_json::to_value(Self::of(profile)).map_err(broken)?;
        complete(&mut whole, value);
        let rules: Self = serde_json::from_value(whole).map_err(broken)?;
        let errors = rules.inconsistencies();
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// What each field for itself cannot show.
    fn inconsistencies(&self) -> Vec<RuleError> {
        let mut errors = Vec::new();
        if self.profile == Profile::Shop && self.gateways.is_empty() {
            errors.push(RuleError::at("/gateways", "must name at least 1"));
        }
        let weights = &self.weights;
        for (index, level) in weights.time.iter().enumerate() {
            let after = index.checked_sub(1).and_then(|before| weights.time.get(before));
            if level.from_minutes >= level.to_minutes
                || after.is_some_and(|before| before.to_minutes != level.from_minutes)
            {
                let message = "must begin where the level before it ends, and end later";
                errors.push(RuleError::at(format!("/weights/time/{index}"), message));
            }
        }
        for (index, level) in weights.amount.iter().enumerate() {
            let after = index.checked_sub(1).and_then(|before| weights.amount.get(before));
            if after.map_or(level.up_to_ppm != 0, |before| before.up_to_ppm >= level.up_to_ppm) {
                let message = "must be 0 for the first level and larger than the one before for every other";
                errors.push(RuleError::at(format!("/weights/amount/{index}/up_to_ppm"), message));
            }
        }
        for (index, step) in weights.calibration.iter().enumerate() {
            let after = index.checked_sub(1).and_then(|before| weights.calibration.get(before));
            if after.is_some_and(|before| before.margin >= step.margin || before.confidence_bp > step.confidence_bp) {
                let message = "must have a larger margin and no smaller confidence than the step before";
                errors.push(RuleError::at(format!("/weights/calibration/{index}"), message));
            }
        }
        for (index, band) in self.tolerance.fx_bands.iter().enumerate() {
            if band.rate_billionths().is_none() {
                let message = "must be a positive decimal number with at most 9 digits behind the point";
                errors.push(RuleError::at(format!("/tolerance/fx_bands/{index}/rate"), message));
            }
            if band.source == band.target {
                errors.push(RuleError::at(format!("/tolerance/fx_bands/{index}/target"), "must be another currency"));
            }
        }
        errors.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        errors
    }

    /// `shop@1` or `ledger@1` for the defaults; with anything changed, followed by a digest of the whole set.
    #[must_use]
    pub fn version(&self) -> String {
        let name = self.profile.as_str();
        if *self == Self::of(self.profile) {
            return format!("{name}@1");
        }
        let text = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        let hex = base16ct::lower::encode_string(&digest[..4]);
        format!("{name}@1+{hex}")
    }

    /// The same rules for the two sides exchanged: what may be more may then be less, what is later is earlier. Fees
    /// and rates are not turned: they say which side keeps money back, and a rate has no exact inverse.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        let tolerance = &mut mirrored.tolerance;
        (tolerance.over_minor, tolerance.under_minor) = (tolerance.under_minor, tolerance.over_minor);
        (tolerance.over_bp, tolerance.under_bp) = (tolerance.under_bp, tolerance.over_bp);
        // One minute: a level holds its first minute and not its last.
        for level in &mut mirrored.weights.time {
            (level.from_minutes, level.to_minutes) = (1 - level.to_minutes, 1 - level.from_minutes);
        }
        mirrored.weights.time.reverse();
        mirrored
    }
}

fn complete(whole: &mut Value, given: &Value) {
    match (whole, given) {
        (Value::Object(whole), Value::Object(given)) => {
            for (field, value) in given {
                complete(whole.entry(field.clone()).or_insert(Value::Null), value);
            }
        }
        (whole, given) => *whole = given.clone(),
    }
}

#[cfg(test)]
mod tests;
