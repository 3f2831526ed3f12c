//! Function `step-plan-undo`: turns an attempt around and says what is to be undone next.

use lambda_runtime::Error;
use runtime::Settings;
use step_plan_undo::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let ledger = runtime::ledger(&runtime::aws().await, &settings)?;
    runtime::serve(async |event| handle(&ledger, event).await).await
}
