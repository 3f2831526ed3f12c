//! Function `proj-rebuild`: works on rebuilds, a slice per message, and unparks pairs that an operator names.

mod handler;

use handler::{Handler, SqsAgain};
use lambda_runtime::Error;
use projections::{DynamoProjections, Engine, rebuild::Rebuilder};
use runtime::{Consumer, ParkedLetters, Settings};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [queue, letters, per_second] =
        settings.require(["QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "REBUILD_AGGREGATES_PER_SECOND"])?;
    let aws = runtime::aws().await;
    let (clock, _) = runtime::clock_and_ids();
    let rows = Arc::new(DynamoProjections::new(runtime::dynamodb(&aws), runtime::read_models(&settings)?));
    let store = runtime::event_store(&aws, &settings)?;
    let parked = Arc::new(ParkedLetters::new(&aws, letters, Arc::clone(&clock)));
    let engine = Arc::new(Engine::new(Arc::clone(&store), Arc::clone(&rows) as _).telling(parked));
    let consumer = Consumer::of_settings(&aws, &settings, Arc::clone(&clock))?;
    let rebuilder = Rebuilder::new(store, rows, Arc::clone(&engine), clock, per_second.parse()?);
    let handler = Handler { engine, rebuilder, again: Arc::new(SqsAgain::new(&aws, queue)) };
    runtime::serve(async |event| handler.handle(&consumer, event).await).await
}
