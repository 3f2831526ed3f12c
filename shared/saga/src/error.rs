//! How a step fails: a name out of the registry, so that the state machine can route on it, and a message for people.

use domain::{Decline, ErrorName, Failure, Family, ports::PortError, saga::Step};
use event_store::{AppendError, StoreError};
use projections::Fault;
use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct StepError {
    pub name: ErrorName,
    pub message: String,
}

impl StepError {
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into() }
    }

    #[must_use]
    pub fn failure(&self, step: Step) -> Failure {
        Failure {
            name: self.name,
            message: self.message.clone(),
            step: step.as_str().to_owned(),
            retryable: self.name.family() == Family::Transient,
        }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        let name = match &error {
            StoreError::Busy(_) => ErrorName::Transient,
            StoreError::Corrupt { .. } => ErrorName::CorruptStream,
            StoreError::Refused(_) => ErrorName::Internal,
        };
        Self::new(name, error.to_string())
    }
}

impl From<AppendError> for StepError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Store(error) => error.into(),
            // The parallel branch keeps moving the streams; another try of the whole step starts from what is there.
            AppendError::VersionConflict { .. } => Self::new(ErrorName::Transient, error.to_string()),
            AppendError::Fenced { .. } => Self::new(ErrorName::Superseded, error.to_string()),
            AppendError::Repeated(_) | AppendError::TooLarge(_) => Self::new(ErrorName::Internal, error.to_string()),
        }
    }
}

impl From<Decline> for StepError {
    fn from(decline: Decline) -> Self {
        Self::new(decline.name, decline.message)
    }
}

impl From<PortError> for StepError {
    fn from(error: PortError) -> Self {
        let name = match &error {
            PortError::Transient(_) => ErrorName::Transient,
            PortError::Missing(_) => ErrorName::StagedDataLost,
            PortError::Refused(_) => ErrorName::Internal,
        };
        Self::new(name, error.to_string())
    }
}

impl From<Fault> for StepError {
    fn from(fault: Fault) -> Self {
        let name = match &fault {
            Fault::Busy(_) => ErrorName::Transient,
            Fault::Corrupt(_) | Fault::Refused(_) => ErrorName::Internal,
        };
        Self::new(name, fault.to_string())
    }
}
