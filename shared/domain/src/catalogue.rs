//! Every event there is, by family: what its data looks like, how it is read, and what a stream of it folds into.
//!
//! For whoever handles events without knowing their types: the audit of a stream, time travel, the committed schemas.

use crate::{
    aggregate::{self, Aggregate, Event},
    api_key::ApiKey,
    audit::{AUDIT, AuditEvent},
    connection::Connection,
    job::Job,
    job_runs::JobRuns,
    matches::{MATCHES, MatchesEvent},
    reconciliation::Reconciliation,
    saga::Saga,
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The events of one type of aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub aggregate_type: &'static str,
    schema: fn(&mut SchemaGenerator) -> Value,
    read: Read,
    fold: Option<Fold>,
    state: Option<fn(&mut SchemaGenerator) -> Value>,
    /// Version of the state in snapshots; none for families that have none.
    pub snapshot_version: Option<u32>,
}

type Read = fn(&str, Value) -> Result<Written, serde_json::Error>;
type Fold = fn(Vec<(String, Value)>) -> Result<Value, serde_json::Error>;

/// An event as it would be written today.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    pub event_version: u16,
    pub data: Value,
}

/// Add a family here when a new type of aggregate comes; a test counts them.
pub const FAMILIES: &[Family] = &[
    Family::folded::<Reconciliation>(),
    Family::folded::<Saga>(),
    Family::folded::<Job>(),
    Family::folded::<JobRuns>(),
    Family::folded::<Connection>(),
    Family::folded::<ApiKey>(),
    Family::never_folded::<MatchesEvent>(MATCHES),
    Family::never_folded::<AuditEvent>(AUDIT),
];

impl Family {
    const fn folded<A: Aggregate>() -> Self
    where
        A::Event: JsonSchema,
        A::State: Serialize + JsonSchema,
    {
        Self {
            aggregate_type: A::TYPE,
            schema: schema_of::<A::Event>,
            read: read::<A::Event>,
            fold: Some(fold::<A>),
            state: Some(schema_of::<A::State>),
            snapshot_version: match A::SNAPSHOT {
                Some(format) => Some(format.version),
                None => None,
            },
        }
    }

    const fn never_folded<E: Event + JsonSchema>(aggregate_type: &'static str) -> Self {
        Self {
            aggregate_type,
            schema: schema_of::<E>,
            read: read::<E>,
            fold: None,
            state: None,
            snapshot_version: None,
        }
    }

    #[must_use]
    pub const fn is_folded(&self) -> bool {
        self.fold.is_some()
    }

    #[must_use]
    pub fn of(aggregate_type: &str) -> Option<&'static Self> {
        FAMILIES.iter().find(|family| family.aggregate_type == aggregate_type)
    }

    /// Reads an event of this family and writes it again.
    ///
    /// # Errors
    /// The type is not of this family, or the data does not fit it.
    pub fn read(&self, event_type: &str, data: Value) -> Result<Written, serde_json::Error> {
        (self.read)(event_type, data)
    }

    /// The state that events of today's versions fold into, as JSON; none for a family that is never folded.
    ///
    /// # Errors
    /// As [`Family::read`].
    pub fn fold(&self, events: Vec<(String, Value)>) -> Option<Result<Value, serde_json::Error>> {
        self.fold.map(|fold| fold(events))
    }

    /// JSON Schema (2020-12) of the data of each event, by its type.
    #[must_use]
    pub fn schemas(&self) -> BTreeMap<String, Value> {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let family = (self.schema)(&mut generator);
        let definitions = generator.take_definitions(true);
        let variants = family.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
        variants.iter().filter_map(|variant| event_schema(variant, &definitions)).collect()
    }

    /// JSON Schema of the folded state.
    #[must_use]
    pub fn state_schema(&self) -> Option<Value> {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let state = self.state?(&mut generator);
        Some(with_definitions(self.aggregate_type, &state, &generator.take_definitions(true)))
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

fn read<E: Event>(event_type: &str, data: Value) -> Result<Written, serde_json::Error> {
    let event: E = aggregate::from_parts(event_type, data)?;
    Ok(Written { event_version: event.event_version(), data: aggregate::data_of(&event)? })
}

fn fold<A: Aggregate>(events: Vec<(String, Value)>) -> Result<Value, serde_json::Error>
where
    A::State: Serialize,
{
    let mut state = A::State::default();
    for (event_type, data) in events {
        state = A::evolve(state, &aggregate::from_parts(&event_type, data)?);
    }
    serde_json::to_value(&state)
}

/// One variant of an enum that is tagged with `type` and `data`, as a document of its own.
fn event_schema(variant: &Value, definitions: &Map<String, Value>) -> Option<(String, Value)> {
    let event_type = variant.pointer("/properties/type/const")?.as_str()?.to_owned();
    let mut data = variant.pointer("/properties/data").cloned().unwrap_or_else(|| json!({ "type": "object" }));
    if let (Some(about), Some(data)) = (variant.get("description"), data.as_object_mut()) {
        data.insert("description".to_owned(), about.clone());
    }
    let schema = with_definitions(&event_type, &data, definitions);
    Some((event_type, schema))
}

/// The schema with those definitions that it needs, directly or not.
fn with_definitions(title: &str, schema: &Value, definitions: &Map<String, Value>) -> Value {
    let mut needed = BTreeMap::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                let reference = members.get("$ref").and_then(Value::as_str);
                if let Some(name) = reference.and_then(|reference| reference.strip_prefix("#/$defs/"))
                    && let Some(definition) = definitions.get(name)
                    && needed.insert(name.to_owned(), definition.clone()).is_none()
                {
                    open.push(definition);
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    let mut document = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    if let Some(members) = document.as_object_mut() {
        members.extend(schema.as_object().cloned().unwrap_or_default());
        if !needed.is_empty() {
            members.insert("$defs".to_owned(), json!(needed));
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A family that is not in the catalogue would be read by nobody who verifies.
    #[test]
    fn every_family_of_events_is_in_the_catalogue() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut families = 0;
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let code = std::fs::read_to_string(path).unwrap();
                let implements = |line: &&str| line.starts_with("impl") && line.contains(" Event for ");
                families += code.lines().filter(implements).count();
            }
        }
        assert_eq!(families, FAMILIES.len());
    }

    #[test]
    fn a_schema_stands_by_itself() {
        for family in FAMILIES {
            let schemas = family.schemas();
            assert!(!schemas.is_empty(), "{}", family.aggregate_type);
            for (event_type, schema) in schemas {
                assert_eq!(schema["title"], event_type.as_str());
                for reference in schema.to_string().split("#/$defs/").skip(1) {
                    let name = reference.split('"').next().unwrap();
                    assert!(schema.pointer(&format!("/$defs/{name}")).is_some(), "{event_type} lacks {name}");
                }
            }
        }
    }

    #[test]
    fn events_are_read_and_folded_without_their_types() {
        let family = Family::of("connection").unwrap();
        let data = json!({ "adapter": "stripe", "secret_version": "v1" });
        let written = family.read("ConnectionConfigured", data.clone()).unwrap();
        assert_eq!(written, Written { event_version: 1, data: data.clone() });
        assert_eq!(family.fold(vec![("ConnectionConfigured".into(), data.clone())]).unwrap().unwrap(), data);
        assert!(family.read("RecordMatched", data).is_err());
        assert!(Family::of("matches").unwrap().fold(Vec::new()).is_none());
        assert!(Family::of("nothing").is_none());
    }
}
