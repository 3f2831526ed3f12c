//! Why a command was not carried out.

use domain::{Decline, ErrorName, ports::PortError};
use event_store::{AppendError, StoreError};
use thiserror::Error;

/// One wrong field: where (a JSON pointer), what kind, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub pointer: String,
    pub code: &'static str,
    pub detail: String,
}

#[derive(Debug, Error)]
pub enum CommandError {
    #[error(transparent)]
    Declined(#[from] Decline),
    /// Every wrong field at once.
    #[error("{} field(s) are wrong", .0.len())]
    Fields(Vec<FieldError>),
    /// Our stores are busy; the same command may be sent again.
    #[error("busy: {0}")]
    Transient(String),
    /// A defect or damage of ours; the text is for logs, not for callers.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(detail) => Self::Transient(detail),
            StoreError::Corrupt { .. } | StoreError::Refused(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<AppendError> for CommandError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Store(error) => error.into(),
            AppendError::VersionConflict { .. } => Decline::conflict(
                "this was changed by someone else at the same time; read it again and repeat the command",
            )
            .into(),
            AppendError::TooLarge(detail) => Decline { name: ErrorName::InvalidInput, message: detail }.into(),
            AppendError::Fenced { .. } | AppendError::Repeated(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<PortError> for CommandError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Transient(detail) => Self::Transient(detail),
            PortError::Missing(_) | PortError::Refused(_) => Self::Internal(error.to_string()),
        }
    }
}
