//! Step Functions as the workflow engine.

use async_trait::async_trait;
use aws_sdk_sfn::{Client, error::DisplayErrorContext, operation::start_execution::StartExecutionError};
use domain::ports::PortError;
use saga::control::Workflow;

#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
    state_machine_arn: String,
}

impl StepFunctions {
    #[must_use]
    pub fn new(aws: &runtime::SdkConfig, state_machine_arn: String) -> Self {
        Self { client: Client::new(aws), state_machine_arn }
    }
}

#[async_trait]
impl Workflow for StepFunctions {
    fn execution_arn(&self, name: &str) -> String {
        format!("{}:{name}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
    }

    async fn start(&self, name: &str, input: &str) -> Result<(), PortError> {
        match self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(name)
            .input(input)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) => {
                Ok(())
            }
            Err(error) => Err(PortError::Transient(format!("start of {name}: {}", DisplayErrorContext(&error)))),
        }
    }
}
