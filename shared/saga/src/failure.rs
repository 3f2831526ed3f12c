//! A failure as the state machine saw it, told in the words of the registry.

use domain::{ErrorName, Failure, Family};
use serde::{Deserialize, Serialize};

/// Longest message kept of a failure.
const MAX_MESSAGE: usize = 1_000;

/// What the state machine knows about a failed step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFailure {
    pub step: String,
    /// Error name as Step Functions saw it: ours, or one of the service's.
    pub error: String,
    /// `{"errorType", "errorMessage", …}` as a function reports it, or the service's text.
    #[serde(default)]
    pub cause: String,
}

impl ReportedFailure {
    /// In our own words: service errors get a name of the registry, and the message is the function's own.
    #[must_use]
    pub fn read(&self) -> Failure {
        let reported: Option<serde_json::Value> = serde_json::from_str(&self.cause).ok();
        let text = |name: &str| reported.as_ref().and_then(|cause| cause.get(name)).and_then(serde_json::Value::as_str);
        let ours = ErrorName::parse(&self.error).or_else(|| text("errorType").and_then(ErrorName::parse));
        let name = ours.unwrap_or(match self.error.as_str() {
            "States.Timeout" | "States.HeartbeatTimeout" | "Sandbox.Timedout" | "Execution.TIMED_OUT" => {
                ErrorName::StepTimedOut
            }
            // Died at work, or while it came up.
            "Runtime.ExitError" | "Runtime.Unknown" | "Lambda.Unknown" | "Execution.FAILED" | "Execution.ABORTED"
            | "Execution.LOST" => ErrorName::StepCrashed,
            "Lambda.TooManyRequestsException" | "Lambda.ServiceException" => ErrorName::Transient,
            _ => ErrorName::Internal,
        });
        // Only our own errors have messages that are fit for people.
        let message = text("errorMessage").filter(|_| ours.is_some());
        let message = message.map_or_else(|| format!("the step ended with {}", self.error), str::to_owned);
        Failure {
            name,
            message: message.chars().take(MAX_MESSAGE).collect(),
            step: self.step.clone(),
            retryable: name.family() == Family::Transient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(error: &str, cause: &str) -> Failure {
        ReportedFailure { step: "perform_matching".into(), error: error.into(), cause: cause.into() }.read()
    }

    #[test]
    fn our_own_errors_keep_their_name_and_message() {
        let failure = reported(
            "Settler.ProviderAccessDenied",
            r#"{"errorType":"Settler.ProviderAccessDenied","errorMessage":"stripe answered 401"}"#,
        );
        assert_eq!(
            (failure.name, failure.message.as_str(), failure.retryable),
            (ErrorName::ProviderAccessDenied, "stripe answered 401", false)
        );
    }

    #[test]
    fn service_errors_get_a_name_of_ours_and_no_internal_text() {
        assert_eq!(reported("Sandbox.Timedout", "").name, ErrorName::StepTimedOut);
        assert_eq!(
            reported("Runtime.ExitError", r#"{"errorMessage":"RequestId: 1 exit status 101"}"#).name,
            ErrorName::StepCrashed
        );
        let unknown = reported("Weird.Error", r#"{"errorMessage":"thread main panicked at secret"}"#);
        assert_eq!((unknown.name, unknown.message.as_str()), (ErrorName::Internal, "the step ended with Weird.Error"));
    }
}
