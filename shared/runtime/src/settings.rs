//! Settings out of the environment. A function that lacks some says which, all at once, before its first event.

use std::{collections::BTreeMap, time::Duration};
use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("missing settings: {}", .0.join(", "))]
pub struct MissingSettings(pub Vec<String>);

#[derive(Debug, Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    #[must_use]
    pub fn from_env() -> Self {
        Self(std::env::vars().collect())
    }

    /// # Errors
    /// Every name that is not set or empty.
    pub fn require<const N: usize>(&self, names: [&str; N]) -> Result<[String; N], MissingSettings> {
        let missing: Vec<String> =
            names.iter().filter(|name| self.optional(name).is_none()).map(|name| (*name).to_owned()).collect();
        if !missing.is_empty() {
            return Err(MissingSettings(missing));
        }
        Ok(names.map(|name| self.optional(name).unwrap_or_default()))
    }

    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// A whole number of seconds, at least one.
    ///
    /// # Errors
    /// The name when it is set to anything else.
    pub fn seconds(&self, name: &str, default: Duration) -> Result<Duration, MissingSettings> {
        let Some(text) = self.optional(name) else { return Ok(default) };
        let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
        seconds.map(Duration::from_secs).ok_or_else(|| MissingSettings(vec![format!("{name} (seconds)")]))
    }

    pub(crate) fn any_begins_with(&self, prefix: &str) -> bool {
        self.0.iter().any(|(name, value)| name.starts_with(prefix) && !value.is_empty())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Settings {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_settings_are_named_at_once() {
        let settings = Settings::from([("A", "1"), ("B", "")]);
        assert_eq!(settings.require(["A"]), Ok(["1".to_owned()]));
        let three = Duration::from_secs(3);
        assert_eq!(settings.seconds("A", three), Ok(Duration::from_secs(1)));
        assert_eq!(settings.seconds("B", three), Ok(three));
        assert!(Settings::from([("A", "0")]).seconds("A", three).is_err());
        assert_eq!(settings.require(["A", "B", "C"]), Err(MissingSettings(vec!["B".into(), "C".into()])));
    }
}
