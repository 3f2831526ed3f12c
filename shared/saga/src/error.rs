//! How a step fails: a name out of the registry, so that the state machine can route on it, and a message for people.

use domain::{Decline, ErrorName, ports::PortError, time::InvalidTime};
use event_store::{AppendError, StoreError};
use matching::ConservationError;
use projections::Fault;
use providers::ProviderError;
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
            PortError::Missing(_) | PortError::Refused(_) => ErrorName::Internal,
        };
        Self::new(name, error.to_string())
    }
}

impl From<ProviderError> for StepError {
    fn from(error: ProviderError) -> Self {
        Self::new(error.failure_name(), error.to_string())
    }
}

impl From<ConservationError> for StepError {
    fn from(error: ConservationError) -> Self {
        Self::new(ErrorName::ConservationBroken, error.to_string())
    }
}

impl From<InvalidTime> for StepError {
    fn from(error: InvalidTime) -> Self {
        Self::new(ErrorName::InvalidInput, error.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_does_not_add_up_is_a_failure_of_its_own() {
        let broken = ConservationError { violations: vec!["gid://1 is in 2 classes".into(), "1 of 2 counted".into()] };
        let failure = StepError::from(broken).failure("perform_matching");
        assert_eq!(
            (failure.name, failure.step.as_str(), failure.retryable),
            (ErrorName::ConservationBroken, "perform_matching", false)
        );
        assert_eq!(failure.message, "the result does not add up: gid://1 is in 2 classes; 1 of 2 counted");
    }

    #[test]
    fn only_what_may_pass_is_retryable() {
        let retryable = |error: StepError| error.failure("finish").retryable;
        assert!(retryable(StoreError::Busy("throttled".into()).into()));
        assert!(retryable(AppendError::VersionConflict { stream: "s".into(), expected: 1 }.into()));
        assert!(retryable(PortError::Transient("timeout".into()).into()));
        assert!(retryable(Fault::Busy("throttled".into()).into()));
        assert!(!retryable(StoreError::Refused("denied".into()).into()));
        assert!(!retryable(PortError::Missing("key".into()).into()));
        assert!(!retryable(Fault::Corrupt("row".into()).into()));
        let fenced = AppendError::Fenced { stream: "s".into(), wanted: "a1".into(), actual: None };
        assert_eq!(StepError::from(fenced).name, ErrorName::Superseded);
    }
}
