//! Command StartReconciliation, over HTTP and from schedules.

mod handler;
#[cfg(test)]
mod tests;

use application::ReconciliationService;
use handler::Handler;
use http_api::audit::Audit;
use lambda_runtime::{Error, LambdaEvent};
use runtime::{Settings, aws, clock_and_ids, event_store, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    settings.require(["EVENT_STORE_TABLE", "STREAM_HEADS_TABLE", "COMMAND_LOG_TABLE"])?;
    let store = event_store(&aws().await, &settings)?;
    let (clock, ids) = clock_and_ids();
    let handler = Handler {
        service: ReconciliationService::new(store.clone(), clock.clone(), ids.clone()),
        audit: Audit::new(store, clock, ids),
    };
    runtime::serve(async |event: LambdaEvent<Value>| handler.handle(event.payload).await).await
}
