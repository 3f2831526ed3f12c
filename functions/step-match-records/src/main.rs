//! Function `step-match-records`: step `perform_matching`.

use lambda_runtime::Error;
use runtime::{S3Blobs, Settings};
use saga::MatchRecords;
use std::sync::Arc;
use step_match_records::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [bucket] = settings.require(["DATA_BUCKET"])?;
    let aws = runtime::aws().await;
    let ledger = runtime::ledger(&aws, &settings)?;
    let step = MatchRecords { ledger, blobs: Arc::new(S3Blobs::new(&aws, bucket)) };
    runtime::serve(async |event| handle(&step, event).await).await
}
