//! Function `saga-control`: turns events on the bus, and the engine's own, into control of the workflow engine.

use lambda_runtime::Error;
use runtime::{Consumer, Settings};
use saga_control::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let aws = runtime::aws().await;
    let control = runtime::saga_control(&aws, &settings)?;
    let consumer = Consumer::of_settings(&aws, &settings, control.ledger.clock.clone())?;
    runtime::serve(async |event| handle(&control, &consumer, event).await).await
}
