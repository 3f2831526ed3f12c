//! Jobs' entries in EventBridge Scheduler, all in the stack's own group.

use crate::{MissingSettings, Settings, blobs::port_error};
use async_trait::async_trait;
use aws_sdk_scheduler::{
    Client,
    error::{BuildError, ProvideErrorMetadata, SdkError},
    types::{DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, Target},
};
use domain::{
    JobId, TenantId,
    ports::{PortError, ScheduleError, Schedules},
    schedule::Schedule,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The scheduler fills in when the entry was due, however late it fires.
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

#[derive(Debug, Clone)]
pub struct SchedulerEntries {
    client: Client,
    group: String,
    /// The function that starts runs.
    start_arn: String,
    /// What the scheduler calls it as.
    role_arn: String,
    dead_letters_arn: String,
}

impl SchedulerEntries {
    /// # Errors
    /// Every missing setting at once.
    pub fn of_settings(aws: &aws_config::SdkConfig, settings: &Settings) -> Result<Self, MissingSettings> {
        let [group, start_arn, role_arn, dead_letters_arn] = settings.require([
            "SCHEDULE_GROUP",
            "START_FUNCTION_ARN",
            "SCHEDULER_ROLE_ARN",
            "SCHEDULER_DEAD_LETTERS_ARN",
        ])?;
        Ok(Self { client: Client::new(aws), group, start_arn, role_arn, dead_letters_arn })
    }

    fn target(&self, tenant: &TenantId, job: &JobId) -> Result<Target, BuildError> {
        let input = json!({ "scheduler": { "tenant_id": tenant, "job_id": job, "scheduled_time": SCHEDULED_TIME } });
        let dead_letters = DeadLetterConfig::builder().arn(&self.dead_letters_arn).build();
        Target::builder()
            .arn(&self.start_arn)
            .role_arn(&self.role_arn)
            .dead_letter_config(dead_letters)
            .input(input.to_string())
            .build()
    }
}

/// 32 hex digits: ids are unique per tenant, names per group.
#[must_use]
pub fn schedule_name(tenant: &TenantId, job: &JobId) -> String {
    let digest = Sha256::digest(format!("{tenant}#{job}"));
    base16ct::lower::encode_string(&digest[..16])
}

/// What the scheduler says against an expression is for the caller.
fn refused<E: ProvideErrorMetadata>(error: &SdkError<E>) -> ScheduleError {
    match (error.code(), error.message()) {
        (Some("ValidationException"), Some(message)) => ScheduleError::Invalid(message.to_owned()),
        _ => port_error("schedule", error).into(),
    }
}

#[async_trait]
impl Schedules for SchedulerEntries {
    async fn put(&self, tenant: &TenantId, job: &JobId, schedule: &Schedule) -> Result<(), ScheduleError> {
        let name = schedule_name(tenant, job);
        let defect = |error: BuildError| PortError::Refused(error.to_string());
        let exactly = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().map_err(defect)?;
        let target = self.target(tenant, job).map_err(defect)?;
        let update = self.client.update_schedule().name(&name).group_name(&self.group);
        let update = update
            .schedule_expression(&schedule.expression)
            .schedule_expression_timezone(&schedule.timezone)
            .flexible_time_window(exactly.clone())
            .target(target.clone());
        match update.send().await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => {}
            Err(error) => return Err(refused(&error)),
        }
        let create = self.client.create_schedule().name(&name).group_name(&self.group);
        let create = create
            .schedule_expression(&schedule.expression)
            .schedule_expression_timezone(&schedule.timezone)
            .flexible_time_window(exactly)
            .target(target);
        create.send().await.map(|_| ()).map_err(|error| match error.code() {
            // Another writer was first; its caller's repetition updates.
            Some("ConflictException") => {
                PortError::Transient(format!("schedule {name} was made at the same time")).into()
            }
            _ => refused(&error),
        })
    }

    async fn delete(&self, tenant: &TenantId, job: &JobId) -> Result<(), PortError> {
        let delete = self.client.delete_schedule().name(schedule_name(tenant, job)).group_name(&self.group);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(port_error("schedule", &error)),
        }
    }
}
