//! Step Functions as the workflow engine.

use async_trait::async_trait;
use aws_sdk_sfn::{
    Client,
    error::{DisplayErrorContext, SdkError},
    operation::{
        describe_execution::DescribeExecutionError, get_execution_history::GetExecutionHistoryError,
        send_task_failure::SendTaskFailureError, send_task_success::SendTaskSuccessError,
        start_execution::StartExecutionError, stop_execution::StopExecutionError,
    },
    types::ExecutionStatus,
};
use domain::ports::{Executions, PortError};
use saga::control::{Answer, Execution, Workflow};

#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
    state_machine_arn: String,
}

impl StepFunctions {
    /// `state_machine_arn` may be that of an alias.
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, state_machine_arn: String) -> Self {
        Self { client: Client::new(aws), state_machine_arn }
    }
}

/// What the engine remembers: for standard workflows, 90 days after an execution has ended.
#[derive(Debug, Clone)]
pub struct ExecutionHistory(Client);

impl ExecutionHistory {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig) -> Self {
        Self(Client::new(aws))
    }
}

fn transient<E>(what: &str, error: &SdkError<E>) -> PortError
where
    SdkError<E>: std::error::Error,
{
    PortError::Transient(format!("{what}: {}", DisplayErrorContext(error)))
}

fn success_unheard(error: &SendTaskSuccessError) -> bool {
    error.is_task_does_not_exist() || error.is_task_timed_out() || error.is_invalid_token()
}

fn failure_unheard(error: &SendTaskFailureError) -> bool {
    error.is_task_does_not_exist() || error.is_task_timed_out() || error.is_invalid_token()
}

#[async_trait]
impl Workflow for StepFunctions {
    fn execution_arn(&self, name: &str) -> String {
        // arn:partition:states:region:account:stateMachine:machine, with or without an alias behind it.
        let execution = self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1);
        let machine: Vec<&str> = execution.splitn(8, ':').take(7).collect();
        format!("{}:{name}", machine.join(":"))
    }

    async fn start(&self, name: &str, input: &str) -> Result<(), PortError> {
        let start = self.client.start_execution().state_machine_arn(&self.state_machine_arn).name(name).input(input);
        match start.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) => {
                Ok(())
            }
            Err(error) => Err(transient(&format!("start of {name}"), &error)),
        }
    }

    async fn execution(&self, arn: &str) -> Result<Execution, PortError> {
        match self.client.describe_execution().execution_arn(arn).send().await {
            Ok(found) if matches!(found.status(), ExecutionStatus::Running | ExecutionStatus::PendingRedrive) => {
                Ok(Execution::Running)
            }
            Ok(_) => Ok(Execution::Over),
            Err(error) if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) => {
                Ok(Execution::Unknown)
            }
            Err(error) => Err(transient(arn, &error)),
        }
    }

    async fn stop(&self, arn: &str, cause: &str) -> Result<(), PortError> {
        // What is over cannot be stopped, and the services tell that in different ways: so it is asked first.
        if self.execution(arn).await? != Execution::Running {
            return Ok(());
        }
        match self.client.stop_execution().execution_arn(arn).error("Settler.Killed").cause(cause).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(StopExecutionError::is_execution_does_not_exist) => {
                Ok(())
            }
            Err(error) => Err(transient(&format!("stop of {arn}"), &error)),
        }
    }

    async fn answer(&self, token: &str, answer: &Answer) -> Result<bool, PortError> {
        match answer {
            Answer::Success => match self.client.send_task_success().task_token(token).output("{}").send().await {
                Ok(_) => Ok(true),
                Err(error) if error.as_service_error().is_some_and(success_unheard) => Ok(false),
                Err(error) => Err(transient("end of a wait", &error)),
            },
            Answer::Failure { name, message } => {
                let call = self.client.send_task_failure().task_token(token).error(name.as_str());
                let cause = serde_json::json!({ "errorType": name, "errorMessage": message }).to_string();
                match call.cause(cause).send().await {
                    Ok(_) => Ok(true),
                    Err(error) if error.as_service_error().is_some_and(failure_unheard) => Ok(false),
                    Err(error) => Err(transient("failure of a wait", &error)),
                }
            }
        }
    }
}

#[async_trait]
impl Executions for ExecutionHistory {
    async fn transitions(&self, execution_arn: &str) -> Result<Option<u64>, PortError> {
        let history = self.0.get_execution_history().execution_arn(execution_arn).include_execution_data(false);
        let mut events = history.into_paginator().items().send();
        let mut entered = 0;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => entered += u64::from(event.r#type().as_str().ends_with("StateEntered")),
                Err(error)
                    if error.as_service_error().is_some_and(GetExecutionHistoryError::is_execution_does_not_exist) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(transient(execution_arn, &error)),
            }
        }
        Ok(Some(entered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_named_by_its_machine_and_not_by_the_alias() {
        let aws = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let arn = |machine: &str| StepFunctions::new(&aws, machine.to_owned()).execution_arn("x-a1");
        let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:Reconciliation-1";
        let execution = "arn:aws:states:eu-central-1:123456789012:execution:Reconciliation-1:x-a1";
        assert_eq!(arn(machine), execution);
        assert_eq!(arn(&format!("{machine}:live")), execution);
    }
}
