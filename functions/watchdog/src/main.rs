//! Function `watchdog`: on a schedule, puts somebody to work on sagas that nobody works on.

use lambda_runtime::Error;
use projections::DynamoDueSagas;
use runtime::Settings;
use saga::Watchdog;
use std::sync::Arc;
use watchdog::{Index, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [saga_state] = settings.require(["SAGA_STATE_TABLE"])?;
    let aws = runtime::aws().await;
    let index = Index(DynamoDueSagas::new(runtime::dynamodb(&aws), saga_state));
    let watchdog = Watchdog { control: runtime::saga_control(&aws, &settings)?, due: Arc::new(index) };
    runtime::serve(async |event| handle(&watchdog, event).await).await
}
