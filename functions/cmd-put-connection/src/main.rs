//! Command PutConnection.

mod handler;
#[cfg(test)]
mod tests;

use application::ConnectionService;
use handler::Handler;
use http_api::audit::Audit;
use lambda_runtime::{Error, LambdaEvent};
use runtime::{S3Blobs, SecretsManager, Settings, aws, clock_and_ids, event_store, start_logs};
use serde_json::Value;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    let [_, _, _, prefix, bucket] = settings.require([
        "EVENT_STORE_TABLE",
        "STREAM_HEADS_TABLE",
        "COMMAND_LOG_TABLE",
        "SECRETS_PREFIX",
        "DATA_BUCKET",
    ])?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    let secrets = Arc::new(SecretsManager::new(&aws, prefix));
    let uploads = Arc::new(S3Blobs::new(&aws, bucket));
    let service = ConnectionService::new(store.clone(), secrets, clock.clone(), ids.clone()).with_uploads(uploads);
    let handler = Handler { service, audit: Audit::new(store, clock, ids) };
    runtime::serve(async |event: LambdaEvent<Value>| handler.handle(event.payload).await).await
}
