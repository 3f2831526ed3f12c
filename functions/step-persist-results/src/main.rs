//! Function `step-persist-results`: step `persist_results`.

use lambda_runtime::Error;
use projections::results::DynamoResultPages;
use runtime::{S3Blobs, Settings};
use saga::PersistResults;
use std::sync::Arc;
use step_persist_results::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [bucket, exceptions, order_results] =
        settings.require(["DATA_BUCKET", "EXCEPTIONS_TABLE", "ORDER_RESULTS_TABLE"])?;
    let aws = runtime::aws().await;
    let step = PersistResults {
        ledger: runtime::ledger(&aws, &settings)?,
        blobs: Arc::new(S3Blobs::new(&aws, bucket)),
        pages: Arc::new(DynamoResultPages::new(runtime::dynamodb(&aws), exceptions, order_results)),
    };
    runtime::serve(async |event| handle(&step, event).await).await
}
