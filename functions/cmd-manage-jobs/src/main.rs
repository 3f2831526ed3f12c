//! Commands CreateJob, UpdateJob, DeleteJob and RotateWebhookSecret.

mod handler;
#[cfg(test)]
mod tests;

use application::{JobService, ManagedJobs};
use handler::Handler;
use http_api::audit::Audit;
use lambda_runtime::{Error, LambdaEvent};
use runtime::{
    SchedulerEntries, SecretsManager, Settings, SystemEntropy, aws, clock_and_ids, dynamodb, event_store, start_logs,
};
use serde_json::Value;
use std::sync::Arc;
use webhooks::{AllowedOrigins, DynamoDeliveries};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    let [_, _, _, table, prefix] = settings.require(SETTINGS)?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    let service = ManagedJobs {
        jobs: JobService::new(store.clone(), clock.clone(), ids.clone()),
        deliveries: Arc::new(DynamoDeliveries::new(dynamodb(&aws), table)),
        secrets: Arc::new(SecretsManager::new(&aws, prefix)),
        schedules: Arc::new(SchedulerEntries::of_settings(&aws, &settings)?),
        entropy: Arc::new(SystemEntropy),
        allowed: AllowedOrigins::read(&settings.optional("WEBHOOK_ALLOWED_ORIGINS").unwrap_or_default()),
    };
    let handler = Handler { service, audit: Audit::new(store, clock, ids) };
    runtime::serve(async |event: LambdaEvent<Value>| handler.handle(event.payload).await).await
}

const SETTINGS: [&str; 5] =
    ["EVENT_STORE_TABLE", "STREAM_HEADS_TABLE", "COMMAND_LOG_TABLE", "WEBHOOK_DELIVERIES_TABLE", "SECRETS_PREFIX"];
