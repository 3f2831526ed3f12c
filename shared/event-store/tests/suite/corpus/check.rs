//! The files of the corpus against the catalogue of events.

use super::sample::sample;
use domain::catalogue::{FAMILIES, Family};
use event_store::{NewEvent, Upcasters};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// An event as a release wrote it, and as it reads today.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Golden {
    #[serde(skip)]
    pub event_type: String,
    #[serde(skip)]
    pub event_version: u16,
    pub stored: Value,
    pub today: Value,
}

impl Golden {
    pub fn stored_event(&self) -> NewEvent {
        NewEvent { event_type: self.event_type.clone(), event_version: self.event_version, data: self.stored.clone() }
    }
}

pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/events")
}

/// JSON with sorted members, so that equal content is equal text whatever features other crates turn on.
pub fn text(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members: BTreeMap<&String, Value> =
                    members.iter().map(|(name, member)| (name, sorted(member))).collect();
                json!(members)
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    serde_json::to_string_pretty(&sorted(value)).unwrap() + "\n"
}

pub fn read_json(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{}: {cause}", path.display())))
}

pub fn write(path: &Path, value: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text(value)).unwrap();
}

/// Golden events of an aggregate type by file name, in the order of the names.
pub fn golden_files(corpus: &Path, aggregate_type: &str) -> BTreeMap<String, Vec<Golden>> {
    let Ok(files) = fs::read_dir(corpus.join(aggregate_type)) else { return BTreeMap::new() };
    let files = files.map(|file| file.unwrap().path());
    let golden = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
        let (event_type, version) = name.split_once('@')?;
        let event_version = version.parse().ok().filter(|_| event_type != "state")?;
        let mut golden: Vec<Golden> =
            serde_json::from_value(read_json(&path)?).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
        for event in &mut golden {
            event.event_type = event_type.to_owned();
            event.event_version = event_version;
        }
        Some((name, golden))
    };
    files.filter_map(golden).collect()
}

/// What is missing, has changed, or no longer reads; with `write`, what is missing is written first, and what follows
/// from the code is brought up to date. Stored events are never touched.
pub fn problems(corpus: &Path, upcasters: &Upcasters, write: bool) -> Vec<String> {
    let mut found = Vec::new();
    for family in FAMILIES {
        let schemas = family.schemas();
        for (event_type, schema) in &schemas {
            let today = upcasters.version(event_type);
            for version in 1..=today {
                let current = (version == today).then_some(schema);
                one(corpus, family, upcasters, (event_type, version), current, write, &mut found);
            }
        }
        for name in golden_files(corpus, family.aggregate_type).keys() {
            let (event_type, version) = name.split_once('@').unwrap();
            let known = schemas.contains_key(event_type)
                && version.parse::<u16>().is_ok_and(|version| version <= upcasters.version(event_type));
            if !known {
                let kind = family.aggregate_type;
                found.push(format!("{kind}/{name}.json: was written once, and no release may forget how to read it"));
            }
        }
    }
    found
}

fn one(
    corpus: &Path,
    family: &Family,
    upcasters: &Upcasters,
    (event_type, version): (&str, u16),
    current: Option<&Value>,
    write_missing: bool,
    found: &mut Vec<String>,
) {
    let name = format!("{}/{event_type}@{version}", family.aggregate_type);
    let schema_path = corpus.join(format!("{name}.schema.json"));
    let golden_path = corpus.join(format!("{name}.json"));
    if let Some(schema) = current {
        if write_missing && read_json(&schema_path).as_ref() != Some(schema) {
            write(&schema_path, schema);
        }
        if write_missing && !golden_path.exists() {
            let full_and_bare = [true, false].map(|full| sample(schema, full));
            let golden: Vec<Value> =
                full_and_bare.into_iter().map(|stored| json!({ "stored": stored, "today": stored })).collect();
            write(&golden_path, &json!(golden));
        }
    }
    match (read_json(&schema_path), current) {
        (None, _) => found.push(format!("{name}.schema.json: is missing")),
        (Some(kept), Some(schema)) if kept != *schema => {
            found.push(format!(
                "{name}.schema.json: the event has changed. If its meaning or a stored field has, give it a new version"
            ));
        }
        (Some(kept), _) => match jsonschema::validator_for(&kept) {
            Ok(validator) => {
                for golden in golden_files(corpus, family.aggregate_type)
                    .remove(&format!("{event_type}@{version}"))
                    .into_iter()
                    .flatten()
                {
                    if let Err(error) = validator.validate(&golden.stored) {
                        found.push(format!("{name}.json: does not fit its schema: {error}"));
                    }
                }
            }
            Err(error) => found.push(format!("{name}.schema.json: is no schema: {error}")),
        },
    }
    let mut golden =
        golden_files(corpus, family.aggregate_type).remove(&format!("{event_type}@{version}")).unwrap_or_default();
    if golden.is_empty() {
        found.push(format!("{name}.json: is missing"));
        return;
    }
    let mut changed = false;
    for event in &mut golden {
        let read = upcasters
            .apply(event.stored_event())
            .and_then(|event| family.read(event_type, event.data).map_err(|cause| cause.to_string()));
        match read {
            Ok(written) if written.event_version != upcasters.version(event_type) => {
                found
                    .push(format!("{name}: event_version() says {}, its steps lead to another", written.event_version));
            }
            Ok(written) if written.data != event.today && write_missing => {
                event.today = written.data;
                changed = true;
            }
            Ok(written) if written.data != event.today => {
                found.push(format!("{name}.json: reads otherwise today: {}", written.data));
            }
            Ok(_) => {}
            Err(cause) => found.push(format!("{name}.json: does not load: {cause}")),
        }
    }
    if changed {
        write(&golden_path, &json!(golden));
    }
}
