//! Which dead-letter queue belongs to whom: a table out of the template.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Name of the function whose messages or invocations these were.
    pub source: String,
    /// Tries before a message lands here.
    pub max_retries: u32,
    /// ARN of what was to be reached, by which a rule's dead letters are told apart.
    #[serde(default)]
    pub target: Option<String>,
}

/// By the ARN of the dead-letter queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Sources(BTreeMap<String, Source>);

impl Sources {
    /// # Errors
    /// The setting is not `{"<queue's ARN>": {"source": …, "max_retries": …}}`.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Of the queue in which a message lies.
    #[must_use]
    pub fn of_queue(&self, arn: &str) -> Option<&Source> {
        self.0.get(arn)
    }

    /// Whose target this is.
    #[must_use]
    pub fn of_target(&self, arn: &str) -> Option<&Source> {
        self.0.values().find(|source| source.target.as_deref() == Some(arn))
    }
}
