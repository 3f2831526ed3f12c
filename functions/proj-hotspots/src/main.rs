//! Function `proj-hotspots`: which errors came from which step of a run, and how often.

use lambda_runtime::Error;
use projections::{DynamoProjections, ERROR_HOTSPOTS, Engine, Tables};
use runtime::{Consumer, ParkedLetters, Settings, answer_bells};
use std::sync::Arc;

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let names =
        ["PROJECTION_CHECKPOINTS_TABLE", "PROJECTIONS_TABLE", "ERROR_HOTSPOTS_VIEW_TABLE", "DEAD_LETTER_QUEUE_URL"];
    let [projection_checkpoints, projections, error_hotspots_view, letters] = settings.require(names)?;
    let tables = Tables { projection_checkpoints, projections, error_hotspots_view, ..Tables::default() };
    let aws = runtime::aws().await;
    let (clock, _) = runtime::clock_and_ids();
    let rows = Arc::new(DynamoProjections::new(runtime::dynamodb(&aws), tables));
    let parked = Arc::new(ParkedLetters::new(&aws, letters, Arc::clone(&clock)));
    let engine = Engine::of(runtime::event_store(&aws, &settings)?, rows, &[ERROR_HOTSPOTS]).telling(parked);
    let consumer = Consumer::of_settings(&aws, &settings, clock)?;
    runtime::serve(async |event| answer_bells(&engine, &consumer, event).await).await
}
