//! Function `step-finish`: step `finish`, for a run that went well and for one that failed.

use lambda_runtime::{Error, run, service_fn};
use runtime::Settings;
use saga::{FinishRun, Ledger};
use step_finish::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let aws = runtime::aws().await;
    let (clock, ids) = runtime::clock_and_ids();
    let step = FinishRun { ledger: Ledger::new(runtime::event_store(&aws, &settings)?, clock, ids) };
    run(service_fn(|event| handle(&step, event))).await
}
