//! The error registry: every name that a log line, an event, the state machine, an HTTP answer or the command line may
//! show, in one table.
//!
//! **Invariant:** a name is never built from text elsewhere; tests hold the state machine and the documents against
//! this table.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A business refusal: data for the caller, not an alarm.
    Decline,
    /// Trying again later may help.
    Transient,
    /// Trying again cannot help: stop and compensate.
    Permanent,
}

macro_rules! registry {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $family:ident;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorName { $($(#[$doc])* $variant,)* }

        impl ErrorName {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            #[must_use]
            pub const fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family,)* }
            }
        }
    };
}

registry! {
    /// A command or query with wrong fields.
    InvalidInput = "Settler.InvalidInput", Decline;
    NotFound = "Settler.NotFound", Decline;
    /// The state does not allow it, or the id is taken by other content.
    Conflict = "Settler.Conflict", Decline;
    /// An Idempotency-Key with another body.
    IdempotencyKeyReused = "Settler.IdempotencyKeyReused", Decline;
    NotAllowed = "Settler.NotAllowed", Decline;
    /// The aggregate moved on since the client read it (If-Match).
    StaleVersion = "Settler.StaleVersion", Decline;
    /// The attempt or direction is no longer the current one; the run goes on elsewhere.
    Superseded = "Settler.Superseded", Decline;
    /// Cancelled by a person.
    Cancelled = "Settler.Cancelled", Decline;
    /// Ended by an operator without being undone.
    Killed = "Settler.Killed", Decline;
    /// The run is paused: the step waits until somebody resumes it.
    OnHold = "Settler.OnHold", Decline;
    /// A retry would need staged data that its lifecycle has ended.
    StagedDataExpired = "Settler.StagedDataExpired", Decline;
    /// Our own stores were busy.
    Transient = "Settler.Transient", Transient;
    /// A provider did not answer, or answered 5xx, longer than the retries last.
    ProviderUnavailable = "Settler.ProviderUnavailable", Transient;
    /// A provider asked us to slow down for longer than the step may take.
    ProviderThrottled = "Settler.ProviderThrottled", Transient;
    /// 401 or 403: the credentials do not open the account.
    ProviderAccessDenied = "Settler.ProviderAccessDenied", Permanent;
    /// A provider refused the request itself.
    ProviderRejected = "Settler.ProviderRejected", Permanent;
    /// An answer that cannot be read: broken JSON, a missing amount, an unknown currency.
    ProviderMalformed = "Settler.ProviderMalformed", Permanent;
    /// The connection's credentials are missing or of the wrong shape.
    CredentialsMissing = "Settler.CredentialsMissing", Permanent;
    /// A staged page is gone or altered.
    StagedDataLost = "Settler.StagedDataLost", Permanent;
    /// The engine's result does not add up; nothing of it may be shown.
    ConservationBroken = "Settler.ConservationBroken", Permanent;
    /// An event stream has a hole, an unknown type or an altered commit.
    CorruptStream = "Settler.CorruptStream", Permanent;
    /// A step did not end in its time.
    StepTimedOut = "Settler.StepTimedOut", Transient;
    /// A step's process ended in its middle.
    StepCrashed = "Settler.StepCrashed", Transient;
    /// A circuit breaker keeps calls from a provider that failed or asked for patience.
    CircuitOpen = "Settler.CircuitOpen", Transient;
    /// The consumer of a message ended again and again without saying why.
    ConsumerCrashed = "Settler.ConsumerCrashed", Transient;
    /// A defect of ours.
    Internal = "Settler.Internal", Permanent;
}

impl ErrorName {
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == name)
    }

    /// `Settler.ProviderUnavailable` as HTTP's `code`: `provider_unavailable`.
    #[must_use]
    pub fn code(self) -> String {
        let mut code = String::new();
        for character in self.as_str().trim_start_matches("Settler.").chars() {
            if character.is_ascii_uppercase() && !code.is_empty() {
                code.push('_');
            }
            code.push(character.to_ascii_lowercase());
        }
        code
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is not in the error registry")))
    }
}

impl JsonSchema for ErrorName {
    fn schema_name() -> Cow<'static, str> {
        "ErrorName".into()
    }

    /// The shape, not the list: the registry grows without any event changing.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A name out of the error registry.",
            "pattern": "^Settler\\.[A-Za-z]+$",
            "examples": ["Settler.ProviderUnavailable"],
        })
    }
}

/// Why a run failed, as events keep it and people read it. `message` never holds a secret or another tenant's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    #[serde(rename = "type")]
    pub name: ErrorName,
    pub message: String,
    pub step: String,
    pub retryable: bool,
}

/// A business refusal: the command makes no sense in this state. Data for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct Decline {
    pub name: ErrorName,
    pub message: String,
}

impl Decline {
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { name: ErrorName::Conflict, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self { name: ErrorName::InvalidInput, message: message.into() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self { name: ErrorName::NotFound, message: message.into() }
    }

    pub fn superseded(message: impl Into<String>) -> Self {
        Self { name: ErrorName::Superseded, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for name in ErrorName::ALL {
            assert_eq!(ErrorName::parse(name.as_str()), Some(*name));
        }
        assert_eq!(ErrorName::ProviderUnavailable.code(), "provider_unavailable");
    }
}
