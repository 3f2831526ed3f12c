//! How a function reports an error. The runtime would call a boxed error `Box<dyn Error>`, on which Step Functions
//! cannot route, so every error leaves under its name in the registry.

use domain::ErrorName;
use lambda_runtime::Diagnostic;
use saga::StepError;

#[derive(Debug)]
pub struct FunctionError {
    pub name: ErrorName,
    pub message: String,
}

impl From<StepError> for FunctionError {
    fn from(error: StepError) -> Self {
        function_error(error.name, error.message)
    }
}

impl From<FunctionError> for Diagnostic {
    fn from(error: FunctionError) -> Self {
        Self { error_type: error.name.as_str().to_owned(), error_message: error.message }
    }
}

/// An error on its way out; logged here, once.
pub fn function_error(name: ErrorName, message: impl Into<String>) -> FunctionError {
    let message = message.into();
    tracing::error!(error = name.as_str(), message, "failed");
    FunctionError { name, message }
}
