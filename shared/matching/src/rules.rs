//! The rule set: what a job may configure, with its defaults. A match names the rule set it was made under, and nothing
//! in it is learnt during a run.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What kind of data the defaults are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// An online shop against its payment provider.
    Shop,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSet {
    pub profile: Profile,
    /// Gateways of the source side that this job covers, compared without case.
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
}

impl Default for RuleSet {
    fn default() -> Self {
        Self {
            profile: Profile::Shop,
            gateways: vec!["stripe".to_owned(), "Stripe Card Payments".to_owned()],
            window_pad_days: 3,
            pending_sla_hours: 72,
            key_fields: Vec::new(),
            key_min_hits: 20,
            key_min_length: 8,
            key_max_holders: 8,
            weak_reference_days: 10,
            amount_days: 3,
            unique_hours: 24,
            instant_minutes: 15,
            set_hours: 24,
            group_max_members: 32,
        }
    }
}

/// One wrong field of a rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleError {
    /// JSON pointer to the field.
    pub pointer: String,
    pub message: String,
}

/// Numeric fields with their range.
const NUMBERS: [(&str, u64, u64); 11] = [
    ("window_pad_days", 0, 31),
    ("pending_sla_hours", 0, 2_160),
    ("key_min_hits", 1, 1_000_000),
    ("key_min_length", 3, 64),
    ("key_max_holders", 1, 1_000),
    ("weak_reference_days", 0, 366),
    ("amount_days", 0, 31),
    ("unique_hours", 1, 744),
    ("instant_minutes", 0, 1_440),
    ("set_hours", 1, 744),
    ("group_max_members", 2, 1_000),
];
/// Fields that hold a list of texts, with whether it may be empty.
const LISTS: [(&str, bool); 2] = [("gateways", false), ("key_fields", true)];
/// More entries than this in one list are a mistake.
const MAX_LIST: usize = 100;

impl RuleSet {
    /// Reads a job's rules; what is not given keeps its default.
    ///
    /// # Errors
    /// Every wrong field at once, each with its place.
    pub fn from_json(value: &Value) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut wrong = |field: &str, message: String| {
            errors.push(RuleError { pointer: format!("/{}", field.replace('~', "~0").replace('/', "~1")), message });
        };
        let Some(fields) = value.as_object() else {
            return Err(vec![RuleError { pointer: String::new(), message: "must be an object".to_owned() }]);
        };
        for (field, given) in fields {
            if let Some((_, low, high)) = NUMBERS.iter().find(|(name, ..)| name == field) {
                if !given.as_u64().is_some_and(|number| (*low..=*high).contains(&number)) {
                    wrong(field, format!("must be a whole number from {low} to {high}"));
                }
            } else if let Some((_, may_be_empty)) = LISTS.iter().find(|(name, _)| name == field) {
                match given.as_array() {
                    None => wrong(field, "must be a list of texts".to_owned()),
                    Some(list) if list.is_empty() && !may_be_empty => {
                        wrong(field, "must name at least one".to_owned());
                    }
                    Some(list) if list.len() > MAX_LIST => wrong(field, format!("may have at most {MAX_LIST} entries")),
                    Some(list) => {
                        for (index, entry) in list.iter().enumerate() {
                            if entry.as_str().is_none_or(|text| text.trim().is_empty()) {
                                errors_push(&mut wrong, field, index);
                            }
                        }
                    }
                }
            } else if field == "profile" {
                if given.as_str() != Some("shop") {
                    wrong(field, "must be `shop`".to_owned());
                }
            } else {
                wrong(field, "is not a field of a rule set".to_owned());
            }
        }
        if !errors.is_empty() {
            errors.sort_by(|a, b| a.pointer.cmp(&b.pointer));
            return Err(errors);
        }
        serde_json::from_value(value.clone())
            .map_err(|error| vec![RuleError { pointer: String::new(), message: error.to_string() }])
    }

    /// `shop@1` for the defaults; with anything changed, followed by a digest of the whole set.
    #[must_use]
    pub fn version(&self) -> String {
        let Profile::Shop = self.profile;
        if *self == Self::default() {
            return "shop@1".to_owned();
        }
        let text = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("shop@1+{hex}")
    }
}

fn errors_push(wrong: &mut impl FnMut(&str, String), field: &str, index: usize) {
    wrong(field, format!("entry {index} must be a text that is not empty"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_wrong_fields_are_named_at_once() {
        let errors =
            RuleSet::from_json(&json!({"gateways": [], "colour": 1, "amount_days": -1, "key_fields": ["", 3]}))
                .expect_err("four fields are wrong");
        let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/amount_days", "/colour", "/gateways", "/key_fields", "/key_fields"]);
        assert!(RuleSet::from_json(&json!([])).is_err());
    }

    #[test]
    fn what_is_not_given_keeps_its_default_and_the_version_tells_a_change() {
        assert_eq!(RuleSet::from_json(&json!({})), Ok(RuleSet::default()));
        let changed = RuleSet::from_json(&json!({"amount_days": 5})).expect("valid");
        assert_eq!(changed.amount_days, 5);
        assert_eq!(RuleSet::default().version(), "shop@1");
        assert!(changed.version().starts_with("shop@1+"));
        let written = serde_json::to_value(&changed).expect("serializable");
        assert_eq!(RuleSet::from_json(&written), Ok(changed));
    }
}
