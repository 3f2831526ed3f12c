//! Function `step-undo`: takes one step of a reconciliation back.

use lambda_runtime::Error;
use runtime::Settings;
use step_undo::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let ledger = runtime::ledger(&runtime::aws().await, &settings)?;
    runtime::serve(async |event| handle(&ledger, event).await).await
}
