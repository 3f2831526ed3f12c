//! Function `saga-control`: turns events on the bus into control of the workflow engine.

use lambda_runtime::{Error, run, service_fn};
use runtime::{Consumer, Settings};
use saga::{Ledger, control::StartSaga};
use saga_control::{StepFunctions, handle};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [state_machine_arn] = settings.require(["STATE_MACHINE_ARN"])?;
    let aws = runtime::aws().await;
    let (clock, ids) = runtime::clock_and_ids();
    let consumer = Consumer::of_settings(&aws, &settings, Arc::clone(&clock))?;
    let ledger = Ledger::new(runtime::event_store(&aws, &settings)?, clock, ids);
    let start = StartSaga { ledger, workflow: Arc::new(StepFunctions::new(&aws, state_machine_arn)) };
    run(service_fn(|event| handle(&start, &consumer, event))).await
}
