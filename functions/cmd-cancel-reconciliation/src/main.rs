//! Command CancelReconciliation: undo a run and end it as cancelled.

#[cfg(test)]
mod tests;

use application::ReconciliationService;
use http_api::{
    audit::Audit,
    steering::{Steer, Steering},
};
use lambda_runtime::{Error, LambdaEvent};
use runtime::{Settings, aws, clock_and_ids, event_store, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    settings.require(["EVENT_STORE_TABLE", "STREAM_HEADS_TABLE", "COMMAND_LOG_TABLE"])?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    let service = ReconciliationService::new(store.clone(), clock.clone(), ids.clone());
    let (steering, audit) = (Steering { service, blobs: None }, Audit::new(store, clock, ids));
    runtime::serve(async |event: LambdaEvent<Value>| steering.handle(&audit, Steer::Cancel, event.payload).await).await
}
