//! Function `step-finish`: step `finish`, for a run that went well and for one that failed.

use lambda_runtime::Error;
use runtime::Settings;
use saga::FinishRun;
use step_finish::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let aws = runtime::aws().await;
    let step = FinishRun { ledger: runtime::ledger(&aws, &settings)? };
    runtime::serve(async |event| handle(&step, event).await).await
}
