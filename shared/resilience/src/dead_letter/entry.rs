//! A dead letter as it is kept, and what may be done with it.

use super::DeadLetter;
use domain::{TenantId, Timestamp, ports::PortError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// Waits for a person.
    New,
    /// Sent back; if it fails again it is new again.
    Redriven,
    /// Somebody has dealt with it, and said how.
    Resolved,
}

impl LetterState {
    pub const ALL: [Self; 3] = [Self::New, Self::Redriven, Self::Resolved];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Redriven => "redriven",
            Self::Resolved => "resolved",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub letter: DeadLetter,
    pub state: LetterState,
    pub created_at: Timestamp,
    /// Times it came back after it was here first.
    pub returns: u32,
    /// Raised by every change.
    pub revision: u64,
    /// Where the payload lies when it is too large for the table. Lists hold no payload at all.
    pub payload_ref: Option<String>,
    pub redriven_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub resolution_notes: Option<String>,
    /// The key of whoever redrove or resolved it.
    pub by: Option<String>,
}

/// Which letters; what is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    pub state: Option<LetterState>,
    pub source: Option<String>,
    pub error_type: Option<String>,
    pub tenant: Option<TenantId>,
    /// Last seen before this time.
    pub before: Option<Timestamp>,
}

impl LetterFilter {
    #[must_use]
    pub fn takes(&self, entry: &Entry) -> bool {
        let letter = &entry.letter;
        self.state.is_none_or(|state| entry.state == state)
            && self.source.as_ref().is_none_or(|source| letter.source == *source)
            && self.error_type.as_ref().is_none_or(|error_type| letter.error_type == *error_type)
            && self.tenant.as_ref().is_none_or(|tenant| letter.tenant_id.as_ref() == Some(tenant))
            && self.before.is_none_or(|before| letter.last_seen < before)
    }
}

#[derive(Debug, Error)]
pub enum LetterError {
    #[error("there is no dead letter with this id")]
    NotFound,
    /// What it is in makes the wish senseless.
    #[error("{0}")]
    Conflict(String),
    #[error(transparent)]
    Store(#[from] PortError),
}
