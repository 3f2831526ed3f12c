//! Why a message was not handled. Its name says whether another try may help.

use crate::FunctionError;
use domain::ErrorName;
use saga::StepError;

/// Characters of a parser's complaint that are kept.
const MAX_COMPLAINT: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageError {
    /// Its family decides: what is transient comes back, everything else is given up.
    pub name: ErrorName,
    /// For people; no secrets.
    pub message: String,
    /// When to try again, if somebody knows better than the consumer's backoff.
    pub retry_after_s: Option<u32>,
}

impl MessageError {
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), retry_after_s: None }
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    pub(super) fn unreadable(cause: &serde_json::Error) -> Self {
        let complaint: String = cause.to_string().chars().take(MAX_COMPLAINT).collect();
        Self::new(ErrorName::InvalidInput, format!("not a message of this queue: {complaint}"))
    }
}

impl From<StepError> for MessageError {
    fn from(error: StepError) -> Self {
        Self::new(error.name, error.message)
    }
}

impl From<FunctionError> for MessageError {
    fn from(error: FunctionError) -> Self {
        Self::new(error.name, error.message)
    }
}
