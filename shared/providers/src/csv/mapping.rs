//! Which column means what, and how the file is written: given by a person, or else found out.

use super::{amount::DecimalMark, date::DateOrder};
use crate::credentials::FieldError;
use domain::Currency;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// What a column can mean. Several columns can be references; every other field has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Id,
    Date,
    Amount,
    Debit,
    Credit,
    Currency,
    Memo,
    Reference,
    Email,
    Name,
    Last4,
    Kind,
    Fee,
}

impl Field {
    pub const ALL: [Self; 13] = [
        Self::Id,
        Self::Date,
        Self::Amount,
        Self::Debit,
        Self::Credit,
        Self::Currency,
        Self::Memo,
        Self::Reference,
        Self::Email,
        Self::Name,
        Self::Last4,
        Self::Kind,
        Self::Fee,
    ];

    /// The field's name, which is also the column that is looked for when nothing is said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Date => "date",
            Self::Amount => "amount",
            Self::Debit => "debit",
            Self::Credit => "credit",
            Self::Currency => "currency",
            Self::Memo => "memo",
            Self::Reference => "reference",
            Self::Email => "email",
            Self::Name => "name",
            Self::Last4 => "last4",
            Self::Kind => "kind",
            Self::Fee => "fee",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

/// How characters are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(pub(super) &'static encoding_rs::Encoding);

impl Encoding {
    /// A label of the WHATWG encoding standard, such as `utf-8`, `windows-1252`, `iso-8859-15`.
    #[must_use]
    pub fn parse(label: &str) -> Option<Self> {
        encoding_rs::Encoding::for_label(label.as_bytes()).map(Self)
    }
}

/// Everything that can be said about a file. What is `None` is found out from a sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    /// Columns by field, as the header writes them.
    pub columns: Vec<(Field, String)>,
    /// The currency of every row, for files without such a column.
    pub fixed_currency: Option<Currency>,
    pub date_order: Option<DateOrder>,
    /// Zone of dates without an offset; UTC when absent.
    pub zone: Option<TimeZone>,
    pub decimal: Option<DecimalMark>,
    pub delimiter: Option<u8>,
    pub encoding: Option<Encoding>,
}

/// Longest name of a column that is accepted.
const MAX_COLUMN_LENGTH: usize = 200;
/// More reference columns than this are a mistake.
const MAX_REFERENCES: usize = 8;

/// Settings that are no columns.
const SETTINGS: [&str; 6] = ["format", "zone", "decimal", "delimiter", "encoding", "currency_code"];

impl Mapping {
    /// The column given for `field`; the first one for references.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<&str> {
        self.columns.iter().find(|(known, _)| *known == field).map(|(_, column)| column.as_str())
    }

    /// Sets `key` as an option on a command line gives it: `amount=Betrag`, `decimal=comma`.
    ///
    /// # Errors
    /// What is wrong with the key or the value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if value.trim().is_empty() || value.len() > MAX_COLUMN_LENGTH {
            return Err(format!("`{key}` needs a value of 1 to {MAX_COLUMN_LENGTH} characters"));
        }
        if let Some(field) = Field::parse(key) {
            if field != Field::Reference {
                self.columns.retain(|(known, _)| *known != field);
            }
            self.columns.push((field, value.trim().to_owned()));
            return Ok(());
        }
        match key {
            "format" => {
                let unknown = "must be ymd, dmy, mdy, unix, or a pattern such as DD.MM.YYYY";
                self.date_order = Some(DateOrder::parse(value).ok_or(unknown)?);
            }
            "zone" => {
                let zone = TimeZone::get(value).map_err(|_| "must be an IANA time zone such as Europe/Berlin")?;
                self.zone = Some(zone);
            }
            "decimal" => self.decimal = Some(DecimalMark::parse(value).ok_or("must be point or comma")?),
            "delimiter" => {
                let known = match value {
                    "comma" | "," => b',',
                    "semicolon" | ";" => b';',
                    "tab" | "\t" | "\\t" => b'\t',
                    "pipe" | "|" => b'|',
                    _ => return Err("must be comma, semicolon, tab or pipe".to_owned()),
                };
                self.delimiter = Some(known);
            }
            "encoding" => {
                let unknown = "must be a known encoding such as utf-8 or windows-1252";
                self.encoding = Some(Encoding::parse(value).ok_or(unknown)?);
            }
            "currency_code" => {
                self.fixed_currency = Some(Currency::parse(value).map_err(|error| error.to_string())?);
            }
            _ => {
                let fields: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
                let known = format!("{}, {}", fields.join(", "), SETTINGS.join(", "));
                return Err(format!("is not a field of a mapping; known are {known}"));
            }
        }
        Ok(())
    }

    /// Reads `{id, amount | debit + credit, currency, date, format, zone, refs: [], counterparty: {email, name, last4},
    /// memo, kind, fee, decimal, delimiter, encoding, currency_code}`; every value is a column's name or a setting.
    ///
    /// # Errors
    /// Everything that is wrong at once, as pointers into `value`.
    pub fn from_json(value: &Value) -> Result<Self, Vec<FieldError>> {
        let Some(object) = value.as_object() else {
            return Err(vec![wrong("", "wrong_type", "must be an object that names the file's columns")]);
        };
        let mut mapping = Self::default();
        let mut errors = Vec::new();
        for (key, given) in object {
            let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
            match (key.as_str(), given) {
                (_, Value::Null) => {}
                ("refs", Value::Array(list)) => {
                    if list.len() > MAX_REFERENCES {
                        errors.push(wrong(&pointer, "too_long", format!("may name at most {MAX_REFERENCES} columns")));
                    }
                    for (index, entry) in list.iter().enumerate() {
                        mapping.take(&mut errors, &format!("{pointer}/{index}"), "reference", entry);
                    }
                }
                ("refs", _) => errors.push(wrong(&pointer, "wrong_type", "must be a list of columns")),
                ("counterparty", Value::Object(parts)) => {
                    for (part, entry) in parts {
                        let pointer = format!("{pointer}/{}", part.replace('~', "~0").replace('/', "~1"));
                        if ["email", "name", "last4"].contains(&part.as_str()) {
                            mapping.take(&mut errors, &pointer, part, entry);
                        } else {
                            errors.push(wrong(&pointer, "unknown_field", "must be email, name or last4"));
                        }
                    }
                }
                ("counterparty", _) => {
                    errors.push(wrong(&pointer, "wrong_type", "must be an object with email, name or last4"));
                }
                (key, given) => mapping.take(&mut errors, &pointer, key, given),
            }
        }
        let has = |field| mapping.column(field).is_some();
        if has(Field::Amount) && (has(Field::Debit) || has(Field::Credit)) {
            errors.push(wrong("/amount", "invalid", "give amount, or debit and credit, not both"));
        }
        if has(Field::Debit) != has(Field::Credit) {
            let missing = if has(Field::Debit) { "/credit" } else { "/debit" };
            errors.push(wrong(missing, "missing", "debit and credit belong together"));
        }
        if has(Field::Currency) && mapping.fixed_currency.is_some() {
            errors.push(wrong("/currency_code", "invalid", "give currency or currency_code, not both"));
        }
        if errors.is_empty() { Ok(mapping) } else { Err(errors) }
    }

    fn take(&mut self, errors: &mut Vec<FieldError>, pointer: &str, key: &str, given: &Value) {
        let Some(text) = given.as_str() else {
            errors.push(wrong(pointer, "wrong_type", "must be a text"));
            return;
        };
        if let Err(detail) = self.set(key, text) {
            let known = Field::parse(key).is_some() || SETTINGS.contains(&key);
            errors.push(wrong(pointer, if known { "invalid" } else { "unknown_field" }, detail));
        }
    }

    /// As [`Mapping::from_json`] reads it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = serde_json::Map::new();
        for (field, column) in &self.columns {
            match field {
                Field::Reference => {
                    if let Value::Array(refs) = object.entry("refs").or_insert_with(|| json!([])) {
                        refs.push(json!(column));
                    }
                }
                Field::Email | Field::Name | Field::Last4 => {
                    if let Value::Object(parts) = object.entry("counterparty").or_insert_with(|| json!({})) {
                        parts.insert(field.as_str().to_owned(), json!(column));
                    }
                }
                _ => {
                    object.insert(field.as_str().to_owned(), json!(column));
                }
            }
        }
        let delimiter = self.delimiter.map(|byte| char::from(byte).to_string());
        let settings = [
            ("format", self.date_order.map(|order| order.as_str().to_owned())),
            ("zone", self.zone.as_ref().and_then(|zone| zone.iana_name().map(str::to_owned))),
            ("decimal", self.decimal.map(|mark| mark.as_str().to_owned())),
            ("delimiter", delimiter),
            ("encoding", self.encoding.map(|encoding| encoding.0.name().to_lowercase())),
            ("currency_code", self.fixed_currency.map(|currency| currency.code().to_owned())),
        ];
        object.extend(settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))));
        Value::Object(object)
    }
}

fn wrong(pointer: &str, code: &'static str, detail: impl Into<String>) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(value: &Value) -> Vec<(String, &'static str)> {
        let errors = Mapping::from_json(value).unwrap_err();
        errors.into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    #[test]
    fn a_whole_mapping_is_read_and_written() {
        let value = json!({
            "id": "Nr", "date": "Buchungstag", "format": "DD.MM.YYYY", "zone": "Europe/Berlin", "debit": "Soll",
            "credit": "Haben", "currency_code": "EUR", "refs": ["Rechnung", "Auftrag"],
            "counterparty": {"email": "Mail", "name": "Name"}, "memo": "Verwendungszweck", "decimal": "comma",
            "delimiter": ";", "encoding": "windows-1252",
        });
        let mapping = Mapping::from_json(&value).unwrap();
        assert_eq!(mapping.column(Field::Credit), Some("Haben"));
        assert_eq!(mapping.date_order, Some(DateOrder::DayMonthYear));
        assert_eq!(Mapping::from_json(&mapping.to_json()), Ok(mapping));
        assert_eq!(Mapping::from_json(&json!({})), Ok(Mapping::default()));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        assert_eq!(
            pointers(
                &json!({"amount": 7, "colour": "red", "zone": "Mars/Olympus", "counterparty": {"phone": "x"}, "refs": "r", "debit": "d"})
            ),
            [
                ("/amount".into(), "wrong_type"),
                ("/colour".into(), "unknown_field"),
                ("/counterparty/phone".into(), "unknown_field"),
                ("/refs".into(), "wrong_type"),
                ("/zone".into(), "invalid"),
                ("/credit".into(), "missing"),
            ]
        );
        assert_eq!(pointers(&json!([])), [(String::new(), "wrong_type")]);
        assert_eq!(pointers(&json!({"amount": "a", "debit": "d", "credit": "c"})), [("/amount".into(), "invalid")]);
    }
}
