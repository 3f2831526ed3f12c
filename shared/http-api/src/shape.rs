//! Shapes of JSON: one table reads a body, collects everything that is wrong with it, and documents it.

use application::FieldError;
use domain::{DateRange, Timestamp, ids::MAX_ID_LENGTH};
use serde_json::{Map, Value, json};

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `[A-Za-z0-9_-]{1,64}`.
    Id,
    /// 1 to this many characters.
    Text(usize),
    /// `YYYY-MM-DD`.
    Date,
    /// RFC 3339.
    Instant,
    /// An IANA zone.
    Zone,
    Integer,
    /// A JSON number; nothing we send is computed as a float.
    Number,
    Boolean,
    OneOf(&'static [&'static str]),
    Object(&'static Shape),
    List(&'static Kind),
    /// An object that something else checks.
    Free,
    /// Anything.
    Any,
    /// Not available yet: any value is refused with this reason, and it is left out of the document.
    Refused(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub about: &'static str,
}

/// An object: its fields are all there are.
#[derive(Debug)]
pub struct Shape {
    pub name: &'static str,
    pub about: &'static str,
    pub fields: &'static [Field],
}

#[must_use]
pub const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: true, about }
}

#[must_use]
pub const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: false, about }
}

/// A member's name as a part of a JSON pointer, cut to a length that is good to show.
fn token(name: &str) -> String {
    let shown: String = name.chars().take(MAX_ID_LENGTH).collect();
    shown.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn wrong(pointer: &str, code: &'static str, detail: impl Into<String>) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code, detail: detail.into() }
}

impl Shape {
    /// Everything that is wrong with `value`, in the order of the fields, unknown ones last.
    #[must_use]
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.collect(value, "", &mut errors);
        errors
    }

    fn collect(&self, value: &Value, pointer: &str, errors: &mut Vec<FieldError>) {
        let Value::Object(object) = value else {
            errors.push(wrong(pointer, "wrong_type", "must be an object"));
            return;
        };
        for field in self.fields {
            let at = format!("{pointer}/{}", field.name);
            match object.get(field.name) {
                None | Some(Value::Null) if field.required => errors.push(wrong(&at, "missing", "is required")),
                None | Some(Value::Null) => {}
                Some(value) => field.kind.collect(value, &at, errors),
            }
        }
        for name in object.keys().filter(|name| !self.fields.iter().any(|field| field.name == name.as_str())) {
            errors.push(wrong(
                &format!("{pointer}/{}", token(name)),
                "unknown_field",
                "is not a field of this request",
            ));
        }
    }

    /// JSON Schema, references going to `#/components/schemas`.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut properties = Map::new();
        for field in self.fields.iter().filter(|field| !matches!(field.kind, Kind::Refused(_))) {
            let mut schema = field.kind.schema();
            if !field.required {
                schema = nullable(schema);
            }
            if !field.about.is_empty() {
                schema["description"] = json!(field.about);
            }
            properties.insert(field.name.to_owned(), schema);
        }
        let required: Vec<&str> = self.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if !self.about.is_empty() {
            schema["description"] = json!(self.about);
        }
        schema
    }

    /// This shape and all that it refers to. Another shape of the same name is found too, so that a test can object.
    pub(crate) fn with_references(&'static self, found: &mut Vec<&'static Self>) {
        if found.iter().any(|known| known.name == self.name && known.schema() == self.schema()) {
            return;
        }
        found.push(self);
        for field in self.fields {
            field.kind.references(found);
        }
    }

    pub(crate) fn reference(&self) -> Value {
        json!({ "$ref": format!("#/components/schemas/{}", self.name) })
    }
}

/// Absent and null are the same to us.
fn nullable(schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(Value::String(one)) => {
            let mut schema = schema;
            schema["type"] = json!([one, "null"]);
            if let Some(Value::Array(values)) = schema.get_mut("enum") {
                values.push(Value::Null);
            }
            schema
        }
        _ if schema.get("$ref").is_some() => json!({ "oneOf": [schema, { "type": "null" }] }),
        _ => schema,
    }
}

impl Kind {
    fn collect(&self, value: &Value, pointer: &str, errors: &mut Vec<FieldError>) {
        let mut report = |code, detail: String| errors.push(wrong(pointer, code, detail));
        match (self, value) {
            (Self::Refused(reason), _) => report("not_available", (*reason).to_owned()),
            (Self::Id, Value::String(text)) => {
                if let Err(error) = domain::JobId::parse(text.as_str()) {
                    report("invalid", error.to_string());
                }
            }
            (Self::Text(max), Value::String(text)) => {
                let length = text.chars().count();
                if length == 0 || length > *max {
                    report(
                        if length == 0 { "invalid" } else { "too_long" },
                        format!("must have 1 to {max} characters"),
                    );
                }
            }
            (Self::Date, Value::String(text)) => {
                let day = DateRange { start: text.clone(), end: text.clone() };
                // The window also needs the day after.
                if let Err(error) = day.window("UTC") {
                    report("invalid", error.to_string());
                }
            }
            (Self::Instant, Value::String(text)) => {
                if let Err(error) = Timestamp::parse(text) {
                    report("invalid", error.to_string());
                }
            }
            (Self::Zone, Value::String(text)) => {
                if let Err(error) = domain::time::zone(text) {
                    report("invalid", format!("{error}, such as Europe/Berlin"));
                }
            }
            (Self::OneOf(values), Value::String(text)) => {
                if !values.contains(&text.as_str()) {
                    report("invalid", format!("must be {}", values.join(" or ")));
                }
            }
            (Self::Object(shape), value) => shape.collect(value, pointer, errors),
            (Self::List(kind), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    kind.collect(item, &format!("{pointer}/{index}"), errors);
                }
            }
            (Self::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
            (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Free, Value::Object(_))
            | (Self::Any, _) => {}
            (kind, _) => report("wrong_type", format!("must be {}", kind.name())),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Id | Self::Text(_) | Self::Date | Self::Instant | Self::Zone | Self::OneOf(_) => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Object(_) | Self::Free => "an object",
            Self::List(_) => "an array",
            Self::Any | Self::Refused(_) => "left out",
        }
    }

    pub(crate) fn schema(&self) -> Value {
        match self {
            Self::Id => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
            Self::Text(max) => json!({ "type": "string", "minLength": 1, "maxLength": max }),
            Self::Date => json!({ "type": "string", "format": "date" }),
            Self::Instant => json!({ "type": "string", "format": "date-time" }),
            Self::Zone => json!({ "type": "string", "examples": ["Europe/Berlin"] }),
            Self::Integer => json!({ "type": "integer", "format": "int64" }),
            Self::Number => json!({ "type": "number" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::OneOf(values) => json!({ "type": "string", "enum": values }),
            Self::Object(shape) => shape.reference(),
            Self::List(kind) => json!({ "type": "array", "items": kind.schema() }),
            Self::Free => json!({ "type": "object" }),
            Self::Any | Self::Refused(_) => json!({}),
        }
    }

    fn references(&self, found: &mut Vec<&'static Shape>) {
        match self {
            Self::Object(shape) => shape.with_references(found),
            Self::List(kind) => kind.references(found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: Shape = Shape { name: "Inner", about: "", fields: &[required("start", Kind::Date, "")] };
    const OUTER: Shape = Shape {
        name: "Outer",
        about: "",
        fields: &[
            required("id", Kind::Id, ""),
            optional("inner", Kind::Object(&INNER), ""),
            optional("color", Kind::OneOf(&["red", "blue"]), ""),
            optional("many", Kind::List(&Kind::Text(3)), ""),
            optional("later", Kind::Refused("not yet"), ""),
        ],
    };

    fn errors(value: &Value) -> Vec<(String, &'static str)> {
        OUTER.check(value).into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let body = json!({"id": 7, "inner": {"start": "2026-02-30", "x/y": 1}, "color": "green", "many": ["ok", "long text", 1], "later": 1, "~": 0});
        assert_eq!(
            errors(&body),
            [
                ("/id".into(), "wrong_type"),
                ("/inner/start".into(), "invalid"),
                ("/inner/x~1y".into(), "unknown_field"),
                ("/color".into(), "invalid"),
                ("/many/1".into(), "too_long"),
                ("/many/2".into(), "wrong_type"),
                ("/later".into(), "not_available"),
                ("/~0".into(), "unknown_field"),
            ]
        );
        assert_eq!(errors(&json!({"id": "a", "inner": null})), []);
        assert_eq!(errors(&json!({})), [("/id".into(), "missing")]);
        assert_eq!(errors(&json!([])), [(String::new(), "wrong_type")]);
    }

    #[test]
    fn what_is_refused_is_not_documented() {
        let schema = OUTER.schema();
        assert!(schema["properties"].get("later").is_none());
        assert_eq!(schema["properties"]["color"]["enum"], json!(["red", "blue", null]));
    }
}
