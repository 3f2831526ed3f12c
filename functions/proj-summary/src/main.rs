//! Function `proj-summary`: reads the stream of heads and feeds the read models.

mod handler;

use handler::Handler;
use lambda_runtime::Error;
use projections::{DynamoProjections, Engine, ON_STREAM, Tables};
use runtime::{ParkedLetters, Settings};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let names = [
        "PROJECTION_CHECKPOINTS_TABLE",
        "PROJECTIONS_TABLE",
        "RECONCILIATION_SUMMARY_TABLE",
        "SAGA_STATE_TABLE",
        "JOBS_TABLE",
        "DEAD_LETTER_QUEUE_URL",
    ];
    let [projection_checkpoints, projections, reconciliation_summary, saga_state, jobs, letters] =
        settings.require(names)?;
    let tables =
        Tables { projection_checkpoints, projections, reconciliation_summary, saga_state, jobs, ..Tables::default() };
    let aws = runtime::aws().await;
    let rows = Arc::new(DynamoProjections::new(runtime::dynamodb(&aws), tables));
    let parked = Arc::new(ParkedLetters::new(&aws, letters, runtime::clock_and_ids().0));
    let engine = Engine::of(runtime::event_store(&aws, &settings)?, rows, &ON_STREAM).telling(parked);
    let handler = Handler::new(engine);
    runtime::serve(async |event| handler.handle(event).await).await
}
