//! Rule sets from files: for a run, and to be checked.

use super::learn;
use crate::{
    args::{Profile, Rules, RulesCommand},
    commands::read_json,
    exit::{CliError, Result},
    output::{self, Format},
    tables::Screen,
};
use matching::RuleSet;
use serde_json::{Value, json};
use std::path::Path;

/// # Errors
/// Usage, naming every wrong field of the file at once.
pub fn of(asked: &Rules) -> Result<RuleSet> {
    let (file, profile) = (asked.rules.as_deref(), asked.profile);
    let mut given = file.map(read_json).transpose()?.unwrap_or_else(|| json!({}));
    if let Some(fields) = given.as_object_mut() {
        let asked = profile.map(Profile::as_str);
        match (fields.get("profile").and_then(Value::as_str), asked) {
            (Some(own), Some(asked)) if own != asked => {
                return Err(CliError::Usage(format!(
                    "the rules are for the profile {own} and --profile says {asked}; leave one of them out"
                )));
            }
            (Some(_), _) => {}
            (None, asked) => {
                let name = asked.unwrap_or(Profile::Ledger.as_str());
                fields.insert("profile".to_owned(), json!(name));
            }
        }
    }
    RuleSet::from_json(&given).map_err(|errors| CliError::Usage(listed(file, &errors)))
}

fn listed(file: Option<&Path>, errors: &[matching::RuleError]) -> String {
    let name = file.map_or_else(|| "the rules".to_owned(), |file| file.display().to_string());
    let all: Vec<String> = errors
        .iter()
        .map(|error| format!("\n  {}: {}", if error.pointer.is_empty() { "/" } else { &error.pointer }, error.message))
        .collect();
    format!("{name}: {} wrong:{}", crate::figures::counted(errors.len() as u64, "field is", "fields are"), all.concat())
}

/// # Errors
/// Declined for rules that are not valid.
pub fn run(command: RulesCommand, format: Format, screen: Screen) -> Result<()> {
    match command {
        RulesCommand::Check { file } => check(&file, format),
        RulesCommand::Learn(what) => learn::run(&what, format, screen),
    }
}

fn check(file: &Path, format: Format) -> Result<()> {
    let given = read_json(file)?;
    match RuleSet::from_json(&given) {
        Ok(rules) if format == Format::Table => {
            output::data(&format!("{}: valid, version {}", file.display(), rules.version()))
        }
        Ok(rules) => print(format, &json!({ "valid": true, "version": rules.version(), "errors": [] })),
        Err(errors) => {
            if format != Format::Table {
                print(format, &json!({ "valid": false, "version": null, "errors": errors }))?;
            }
            Err(CliError::RunFailed(listed(Some(file), &errors)))
        }
    }
}

fn print(format: Format, value: &Value) -> Result<()> {
    let raw = serde_json::value::to_raw_value(value).map_err(|error| CliError::Unexpected(error.to_string()))?;
    output::item(format, &raw)
}
