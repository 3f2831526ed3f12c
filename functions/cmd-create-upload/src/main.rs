//! Command CreateUpload.

mod handler;
#[cfg(test)]
mod tests;

use application::UploadService;
use handler::Handler;
use http_api::audit::Audit;
use lambda_runtime::{Error, LambdaEvent};
use runtime::{S3Blobs, Settings, aws, clock_and_ids, event_store, start_logs};
use serde_json::Value;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let settings = Settings::from_env();
    let [_, _, bucket] = settings.require(["EVENT_STORE_TABLE", "STREAM_HEADS_TABLE", "DATA_BUCKET"])?;
    let aws = aws().await;
    let store = event_store(&aws, &settings)?;
    let (clock, ids) = clock_and_ids();
    let service = UploadService::new(Arc::new(S3Blobs::new(&aws, bucket)), clock.clone(), ids.clone());
    let handler = Handler { service, audit: Audit::new(store, clock, ids) };
    runtime::serve(async |event: LambdaEvent<Value>| handler.handle(event.payload).await).await
}
