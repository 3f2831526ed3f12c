//! Which rules a run of a job is matched by.

use domain::{connection::Adapter, job::JobDefinition};
use matching::{Profile, RuleError, RuleSet};
use serde_json::{Value, json};

/// The rule set that `given` means for this job. Where it names no profile, files are judged as a ledger (their dates
/// are days and their texts are free), everything else as a shop.
///
/// # Errors
/// Every wrong field at once, each with its place.
pub fn rules_for(job: &JobDefinition, given: Option<&Value>) -> Result<RuleSet, Vec<RuleError>> {
    let is_file = [&job.source, &job.target].iter().any(|side| side.adapter == Adapter::Csv);
    let otherwise = if is_file { Profile::Ledger } else { Profile::Shop };
    RuleSet::over(otherwise, given.unwrap_or(&json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(source: &str) -> JobDefinition {
        serde_json::from_value(json!({
            "name": "Monthly", "timezone": "UTC",
            "source": {"adapter": source, "connection": "a"}, "target": {"adapter": "stripe", "connection": "b"},
        }))
        .unwrap()
    }

    #[test]
    fn files_are_a_ledger_unless_the_rules_say_otherwise() {
        let profile = |source: &str, given: Option<Value>| rules_for(&job(source), given.as_ref()).unwrap().profile;
        assert_eq!(profile("shopify", None), Profile::Shop);
        assert_eq!(profile("csv", None), Profile::Ledger);
        assert_eq!(profile("csv", Some(json!({"amount_days": 2}))), Profile::Ledger);
        assert_eq!(profile("csv", Some(json!({"profile": "shop"}))), Profile::Shop);
        assert_eq!(profile("shopify", Some(json!({"profile": "ledger"}))), Profile::Ledger);
    }
}
