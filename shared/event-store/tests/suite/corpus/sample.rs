//! An example that fits a schema, for golden files of new events: with every field, or with the required ones alone.

use serde_json::{Map, Value, json};

pub fn sample(schema: &Value, full: bool) -> Value {
    of(schema, schema, full)
}

fn of(schema: &Value, document: &Value, full: bool) -> Value {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let definition = document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("no {name}"));
        return of(definition, document, full);
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(first) = ["examples", "enum"].iter().find_map(|name| schema.get(name)?.as_array()?.first()) {
        return first.clone();
    }
    if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|name| schema.get(name)?.as_array()) {
        let real = choices.iter().find(|choice| choice.get("type") != Some(&json!("null")));
        return real.map_or(Value::Null, |choice| of(choice, document, full));
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        Some(kind) => kind.as_str(),
        None => None,
    };
    match kind {
        Some("object") => object(schema, document, full),
        Some("array") if full => {
            json!([schema.get("items").map_or(Value::Null, |items| of(items, document, full))])
        }
        Some("array") => json!([]),
        Some("string") => match schema.get("format").and_then(Value::as_str) {
            Some("date") => json!("2026-03-01"),
            Some("date-time") => json!("2026-03-01T12:00:00.000Z"),
            _ => json!("text"),
        },
        Some("integer") => json!(if full { 7 } else { 0 }),
        Some("boolean") => json!(full),
        _ => json!({ "anything": 1 }),
    }
}

fn object(schema: &Value, document: &Value, full: bool) -> Value {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let wanted = properties.into_iter().filter(|(name, _)| full || required.contains(&json!(name)));
    let members: Map<String, Value> = wanted.map(|(name, schema)| (name, of(&schema, document, full))).collect();
    Value::Object(members)
}
