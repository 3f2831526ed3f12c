//! The operators' side of the HTTP API.

mod audits;
mod circuits;
mod dry_run;
mod events;
mod handler;
mod health;
mod keys;
mod letters;
mod owner;
mod read_models;
mod sagas;
#[cfg(test)]
mod tests;

use application::{AdminService, KeyService};
use handler::Handler;
use http_api::{audit::Audit, remembered::Remembered, steering::Steering};
use lambda_runtime::{Error, LambdaEvent};
use projections::{DynamoProjections, Tables};
use read_models::SqsWork;
use resilience::breaker::Force;
use runtime::{
    DynamoKeyTable, S3Blobs, Settings, SystemEntropy, aws, clock_and_ids, dynamodb, event_store, start_logs,
};
use serde_json::Value;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    let [_, _, _, api_keys, bucket, queue, projection_checkpoints, projections, reconciliation_summary, saga_state] =
        settings.require([
            "EVENT_STORE_TABLE",
            "STREAM_HEADS_TABLE",
            "COMMAND_LOG_TABLE",
            "API_KEYS_TABLE",
            "DATA_BUCKET",
            "REBUILD_QUEUE_URL",
            "PROJECTION_CHECKPOINTS_TABLE",
            "PROJECTIONS_TABLE",
            "RECONCILIATION_SUMMARY_TABLE",
            "SAGA_STATE_TABLE",
        ])?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    let tables =
        Tables { projection_checkpoints, projections, reconciliation_summary, saga_state, ..Tables::default() };
    let models = Arc::new(DynamoProjections::new(dynamodb(&aws), tables));
    let blobs = Arc::new(S3Blobs::new(&aws, bucket));
    let admin = AdminService::new(store.clone(), blobs.clone(), clock.clone(), ids.clone());
    let steering = Steering { service: admin.reconciliations.clone(), blobs: Some(blobs) };
    let table = Arc::new(DynamoKeyTable::new(dynamodb(&aws), api_keys));
    let entropy = Arc::new(SystemEntropy);
    let keys = KeyService::new(store.clone(), table, clock.clone(), ids.clone(), entropy);
    let handler = Handler {
        audit: Audit::new(store.clone(), clock.clone(), ids.clone()),
        remembered: Remembered::new(store.clone(), clock.clone(), ids),
        redrive: runtime::redrive(&aws, &settings, Arc::clone(&store), Arc::clone(&clock))?,
        force: Force(runtime::breakers(&aws, &settings)?),
        providers: &["shopify", "stripe"],
        work: Arc::new(SqsWork::new(&aws, queue)),
        registry: Arc::clone(&models) as _,
        store,
        models,
        clock,
        admin,
        keys,
        steering,
    };
    runtime::serve(async |event: LambdaEvent<Value>| handler.handle(event.payload).await).await
}
