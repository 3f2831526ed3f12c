//! The operators' side of the HTTP API.

mod events;
mod handler;
mod owner;
mod sagas;
#[cfg(test)]
mod tests;

use handler::Handler;
use http_api::audit::Audit;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use projections::{DynamoProjections, Tables};
use runtime::{Settings, aws, clock_and_ids, dynamodb, event_store, start_logs};
use serde_json::Value;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    let [_, _, projections, reconciliation_summary, saga_state] = settings.require([
        "EVENT_STORE_TABLE",
        "STREAM_HEADS_TABLE",
        "PROJECTIONS_TABLE",
        "RECONCILIATION_SUMMARY_TABLE",
        "SAGA_STATE_TABLE",
    ])?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    // Neither jobs nor checkpoints are read here.
    let tables = Tables {
        projection_checkpoints: String::new(),
        projections,
        reconciliation_summary,
        saga_state,
        jobs: String::new(),
    };
    let models = Arc::new(DynamoProjections::new(dynamodb(&aws), tables));
    let handler = Handler { audit: Audit::new(store.clone(), clock, ids), store, models };
    run(service_fn(|event: LambdaEvent<Value>| handler.handle(event.payload))).await
}
