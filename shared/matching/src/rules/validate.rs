//! Reads a rule set against its JSON schema, which is the contract that people see, and names every wrong field at once.
//!
//! Only the keywords that the schema uses are understood; a test holds this reader against a full implementation.

use super::RuleError;
use serde_json::Value;

/// The rule set's JSON Schema (draft 2020-12).
pub const SCHEMA: &str = include_str!("schema.json");

struct Reader<'s> {
    root: &'s Value,
    errors: Vec<RuleError>,
}

/// All departures of a document from the schema, in order of their pointers.
pub(super) fn against(schema: &Value, document: &Value) -> Vec<RuleError> {
    let mut reader = Reader { root: schema, errors: Vec::new() };
    reader.read(schema, document, "");
    reader.errors.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    reader.errors
}

impl<'s> Reader<'s> {
    fn wrong(&mut self, pointer: &str, message: impl Into<String>) {
        self.errors.push(RuleError { pointer: pointer.to_owned(), message: message.into() });
    }

    fn read(&mut self, schema: &'s Value, given: &Value, pointer: &str) {
        let schema = self.resolved(schema);
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            if !allowed.contains(given) {
                let names: Vec<String> =
                    allowed.iter().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
                self.wrong(pointer, format!("must be {}", names.join(" or ")));
            }
            return;
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.object(schema, given, pointer),
            Some("array") => self.array(schema, given, pointer),
            Some("integer") => self.integer(schema, given, pointer),
            Some("boolean") if !given.is_boolean() => self.wrong(pointer, "must be true or false"),
            Some("string") => self.text(schema, given, pointer),
            _ => {}
        }
    }

    fn resolved(&self, schema: &'s Value) -> &'s Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        target.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    fn object(&mut self, schema: &'s Value, given: &Value, pointer: &str) {
        let Some(fields) = given.as_object() else {
            return self.wrong(pointer, "must be an object");
        };
        let known = schema.get("properties").and_then(Value::as_object);
        for (field, value) in fields {
            let place = format!("{pointer}/{}", field.replace('~', "~0").replace('/', "~1"));
            match known.and_then(|known| known.get(field)) {
                Some(schema) => self.read(schema, value, &place),
                None => self.wrong(&place, "is not a field of a rule set"),
            }
        }
        for field in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(field) {
                self.wrong(&format!("{pointer}/{field}"), "is missing");
            }
        }
    }

    fn array(&mut self, schema: &'s Value, given: &Value, pointer: &str) {
        let Some(entries) = given.as_array() else {
            return self.wrong(pointer, "must be a list");
        };
        let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
        let length = entries.len() as u64;
        if let Some(least) = limit("minItems").filter(|least| length < *least) {
            self.wrong(pointer, format!("must name at least {least}"));
        }
        if let Some(most) = limit("maxItems").filter(|most| length > *most) {
            self.wrong(pointer, format!("may have at most {most} entries"));
            return;
        }
        if let Some(schema) = schema.get("items") {
            for (index, entry) in entries.iter().enumerate() {
                self.read(schema, entry, &format!("{pointer}/{index}"));
            }
        }
    }

    fn integer(&mut self, schema: &Value, given: &Value, pointer: &str) {
        let limit = |name: &str, otherwise| schema.get(name).and_then(Value::as_i64).unwrap_or(otherwise);
        let (low, high) = (limit("minimum", i64::MIN), limit("maximum", i64::MAX));
        if !given.as_i64().is_some_and(|number| (low..=high).contains(&number)) {
            self.wrong(pointer, format!("must be a whole number from {low} to {high}"));
        }
    }

    fn text(&mut self, schema: &Value, given: &Value, pointer: &str) {
        let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
        let most = limit("maxLength").unwrap_or(u64::MAX);
        match given.as_str() {
            Some(text) if text.trim().is_empty() => self.wrong(pointer, "must be a text that is not empty"),
            Some(text) if text.chars().count() as u64 > most => {
                self.wrong(pointer, format!("may have at most {most} characters"));
            }
            Some(_) => {}
            None => self.wrong(pointer, "must be a text that is not empty"),
        }
    }
}
