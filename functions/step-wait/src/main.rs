//! Function `step-wait`: the one way in which a saga waits.

use lambda_runtime::Error;
use runtime::{DynamoTaskTokens, QueueBell, Settings, StepFunctions};
use saga::WaitForWord;
use std::sync::Arc;
use step_wait::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [task_tokens, queue_url] = settings.require(["TASK_TOKENS_TABLE", "QUEUE_URL"])?;
    let aws = runtime::aws().await;
    let step = WaitForWord {
        ledger: runtime::ledger(&aws, &settings)?,
        tokens: Arc::new(DynamoTaskTokens::new(runtime::dynamodb(&aws), task_tokens)),
        // Only tokens are answered here. The machine names this function, so this function cannot name the machine.
        workflow: Arc::new(StepFunctions::new(&aws, String::new())),
        bell: Arc::new(QueueBell::new(&aws, queue_url)),
    };
    runtime::serve(async |event| handle(&step, event).await).await
}
