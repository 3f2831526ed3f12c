//! Command ReplayDelivery.

mod handler;
#[cfg(test)]
mod tests;

use application::ReplayService;
use handler::Handler;
use http_api::audit::Audit;
use lambda_runtime::{Error, LambdaEvent};
use runtime::{Settings, WebhookQueue, aws, clock_and_ids, dynamodb, event_store, start_logs};
use serde_json::Value;
use std::sync::Arc;
use webhooks::DynamoDeliveries;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    let [_, _, _, table, queue] = settings.require(SETTINGS)?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    let deliveries = Arc::new(DynamoDeliveries::new(dynamodb(&aws), table));
    let queue = Arc::new(WebhookQueue::new(&aws, queue));
    let service = ReplayService::new(store.clone(), clock.clone(), ids.clone(), deliveries, queue);
    let handler = Handler { service, audit: Audit::new(store, clock, ids) };
    runtime::serve(async |event: LambdaEvent<Value>| handler.handle(event.payload).await).await
}

const SETTINGS: [&str; 5] =
    ["EVENT_STORE_TABLE", "STREAM_HEADS_TABLE", "COMMAND_LOG_TABLE", "WEBHOOK_DELIVERIES_TABLE", "WEBHOOK_QUEUE_URL"];
