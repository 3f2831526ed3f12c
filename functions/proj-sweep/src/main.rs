//! Function `proj-sweep`: every few minutes, rings again for what moved lately and was not heard.

mod handler;

use handler::Handler;
use lambda_runtime::Error;
use projections::{DynamoProjections, Engine};
use runtime::{ParkedLetters, Settings};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [letters] = settings.require(["DEAD_LETTER_QUEUE_URL"])?;
    let aws = runtime::aws().await;
    let (clock, _) = runtime::clock_and_ids();
    let rows = Arc::new(DynamoProjections::new(runtime::dynamodb(&aws), runtime::read_models(&settings)?));
    let store = runtime::event_store(&aws, &settings)?;
    let parked = Arc::new(ParkedLetters::new(&aws, letters, Arc::clone(&clock)));
    let handler = Handler { engine: Engine::new(Arc::clone(&store), rows).telling(parked), store, clock };
    runtime::serve(async |event| handler.handle(event).await).await
}
