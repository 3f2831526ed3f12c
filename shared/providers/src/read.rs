//! Reads a provider's object field by field: unknown fields are ignored, a missing required one stops with its name.

use crate::provider::ProviderError;
use domain::{Currency, Timestamp, money::MoneyError};
use serde_json::Value;

/// Longest id that a message repeats; real ones have at most 60 characters.
const MAX_SHOWN_ID: usize = 100;

/// An object with its id at hand, so that every error can say where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    kind: &'static str,
    pub(crate) id: &'a str,
    pub(crate) value: &'a Value,
}

impl<'a> Object<'a> {
    /// # Errors
    /// [`ProviderError::Malformed`] when it has no id.
    pub(crate) fn new(kind: &'static str, value: &'a Value) -> Result<Self, ProviderError> {
        let id = value.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let id =
            id.ok_or_else(|| ProviderError::Malformed { message: format!("{kind} without id: field id is missing") })?;
        Ok(Self { kind, id, value })
    }

    pub(crate) fn malformed(&self, field: &str, problem: &str) -> ProviderError {
        let id: String = self.id.chars().take(MAX_SHOWN_ID).collect();
        ProviderError::Malformed { message: format!("{} {id}: field {field} {problem}", self.kind) }
    }

    /// The value at a dotted path; null counts as absent.
    pub(crate) fn find(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.value, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    fn require(&self, path: &str) -> Result<&'a Value, ProviderError> {
        self.find(path).ok_or_else(|| self.malformed(path, "is missing"))
    }

    pub(crate) fn text(&self, path: &str) -> Result<&'a str, ProviderError> {
        self.require(path)?.as_str().ok_or_else(|| self.malformed(path, "is not a text"))
    }

    /// An optional text; absent, null, empty and other types are the same here.
    pub(crate) fn maybe_text(&self, path: &str) -> Option<&'a str> {
        self.find(path).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }

    pub(crate) fn integer(&self, path: &str) -> Result<i64, ProviderError> {
        self.require(path)?.as_i64().ok_or_else(|| self.malformed(path, "is not a whole number"))
    }

    pub(crate) fn is_true(&self, path: &str) -> bool {
        self.find(path).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn list(&self, path: &str) -> Result<&'a [Value], ProviderError> {
        let list = self.require(path)?.as_array();
        list.map(Vec::as_slice).ok_or_else(|| self.malformed(path, "is not a list"))
    }

    pub(crate) fn currency(&self, path: &str) -> Result<Currency, ProviderError> {
        Currency::parse(self.text(path)?).map_err(|_| self.malformed(path, "is not a known currency"))
    }

    /// RFC 3339.
    pub(crate) fn time(&self, path: &str) -> Result<Timestamp, ProviderError> {
        Timestamp::parse(self.text(path)?).map_err(|_| self.malformed(path, "is not an RFC 3339 time"))
    }

    pub(crate) fn maybe_time(&self, path: &str) -> Result<Option<Timestamp>, ProviderError> {
        self.find(path).map(|_| self.time(path)).transpose()
    }

    /// Unix seconds.
    pub(crate) fn unix_time(&self, path: &str) -> Result<Timestamp, ProviderError> {
        let millis = self.integer(path)?.checked_mul(1000).ok_or_else(|| self.malformed(path, "is not a time"))?;
        Ok(Timestamp::from_millis(millis))
    }

    pub(crate) fn money_problem(&self, path: &str, error: &MoneyError) -> ProviderError {
        let problem = match error {
            MoneyError::UnknownCurrency(_) => "is not a known currency",
            MoneyError::NotDecimal(_) => "is not a decimal amount",
            MoneyError::TooPrecise { .. } => "has more decimals than its currency",
            MoneyError::TooLarge(_) => "is too large",
        };
        self.malformed(path, problem)
    }
}
