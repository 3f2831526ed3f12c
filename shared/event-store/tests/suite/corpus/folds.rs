//! Folds whose states are kept in snapshots: the state's schema, and what the golden events fold into.

use super::check::{Golden, golden_files, read_json, write};
use domain::catalogue::{FAMILIES, Family};
use event_store::Upcasters;
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

/// Folds that give another state than the committed one under the same number: their snapshots would be believed. New
/// golden events are added to what is committed.
pub fn problems(corpus: &Path, upcasters: &Upcasters, write_missing: bool) -> Vec<String> {
    let mut found = Vec::new();
    for family in FAMILIES {
        let Some(version) = family.snapshot_version else { continue };
        let name = format!("{}/state@{version}.json", family.aggregate_type);
        let path = corpus.join(&name);
        let today = state(corpus, family, upcasters);
        match read_json(&path) {
            Some(kept) if differs(&kept, &today) => found.push(format!(
                "{name}: the fold of `{}` has changed; raise the number in its SNAPSHOT",
                family.aggregate_type
            )),
            Some(kept) if kept == today => {}
            Some(_) if write_missing => write(&path, &today),
            None if write_missing => {
                forget_others(corpus, family.aggregate_type);
                write(&path, &today);
            }
            Some(_) => found.push(format!("{name}: lacks the states of new events")),
            None => found.push(format!("{name}: is missing")),
        }
    }
    found
}

/// What was committed is no longer so; more of it is no difference.
fn differs(kept: &Value, today: &Value) -> bool {
    let states = kept["states"].as_object().cloned().unwrap_or_default();
    kept["schema"] != today["schema"] || states.iter().any(|(name, state)| today["states"].get(name) != Some(state))
}

/// The state after the aggregate's first event and each golden file.
fn state(corpus: &Path, family: &Family, upcasters: &Upcasters) -> Value {
    let files = golden_files(corpus, family.aggregate_type);
    let events = |golden: &[Golden]| -> Vec<(String, Value)> {
        let today = |golden: &Golden| {
            let today = upcasters.apply(golden.stored_event()).unwrap_or_else(|cause| panic!("{cause}"));
            (today.event_type, today.data)
        };
        golden.iter().map(today).collect()
    };
    let begins = ["ReconciliationStarted@1", "SagaStarted@1"].iter().find_map(|name| files.get(*name)?.first());
    let states: Map<String, Value> = files
        .iter()
        .map(|(name, golden)| {
            let first = begins.map(std::slice::from_ref).map(events).unwrap_or_default();
            let history = first.into_iter().chain(events(golden)).collect();
            let folded = family.fold(history).map(|state| state.unwrap_or_else(|cause| panic!("{name}: {cause}")));
            (name.clone(), json!(folded))
        })
        .collect();
    json!({ "schema": family.state_schema(), "states": states })
}

fn forget_others(corpus: &Path, aggregate_type: &str) {
    let Ok(files) = fs::read_dir(corpus.join(aggregate_type)) else { return };
    for path in files.map(|file| file.unwrap().path()) {
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("state@")) {
            fs::remove_file(path).unwrap();
        }
    }
}
