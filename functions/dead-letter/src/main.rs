//! Function `dead-letter`: writes what arrives in any dead-letter queue to the table that operators read.

use dead_letter::{Sources, handle};
use lambda_runtime::Error;
use runtime::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [sources] = settings.require(["DEAD_LETTER_SOURCES"])?;
    let sources = Sources::parse(&sources)?;
    let aws = runtime::aws().await;
    let (clock, _) = runtime::clock_and_ids();
    let letters = runtime::dead_letters(&aws, &settings)?;
    runtime::serve(async |event| handle(&letters, &sources, clock.as_ref(), event).await).await
}
