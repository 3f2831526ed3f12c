//! The read side of the HTTP API.

mod cost;
mod decided;
mod deliveries;
mod handler;
mod lists;
mod matches;
#[cfg(test)]
mod tests;
mod usage;
mod wait;

use handler::Handler;
use http_api::audit::Audit;
use lambda_runtime::{Error, LambdaEvent};
use projections::{DynamoProjections, DynamoResultPages};
use runtime::{
    DynamoConsumption, ExecutionHistory, S3Blobs, Settings, aws, clock_and_ids, dynamodb, event_store, read_models,
    start_logs,
};
use serde_json::Value;
use std::sync::Arc;
use webhooks::DynamoDeliveries;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    let [exceptions, order_results, bucket, webhook_deliveries, consumption] = settings.require(SETTINGS)?;
    let tables = read_models(&settings)?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    let models = DynamoProjections::new(dynamodb(&aws), tables);
    let pages = DynamoResultPages::new(dynamodb(&aws), exceptions, order_results);
    let blobs = Arc::new(S3Blobs::new(&aws, bucket));
    let audit = Audit::new(store.clone(), clock.clone(), ids);
    let deliveries = Arc::new(DynamoDeliveries::new(dynamodb(&aws), webhook_deliveries));
    let handler = Handler {
        store,
        models: Arc::new(models),
        pages: Arc::new(pages),
        deliveries,
        blobs,
        clock,
        audit,
        consumption: Arc::new(DynamoConsumption::new(dynamodb(&aws), consumption)),
        executions: Arc::new(ExecutionHistory::new(&aws)),
    };
    runtime::serve(async |event: LambdaEvent<Value>| handler.handle(event.payload).await).await
}

/// Beside those of the event store and of the read models.
const SETTINGS: [&str; 5] =
    ["EXCEPTIONS_TABLE", "ORDER_RESULTS_TABLE", "DATA_BUCKET", "WEBHOOK_DELIVERIES_TABLE", "RUN_CONSUMPTION_TABLE"];
