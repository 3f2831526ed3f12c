//! Function `relay`: tells the event bus which streams have moved, and by which kinds of events.

mod bus;
mod handler;

use bus::EventBridge;
use handler::Handler;
use lambda_runtime::Error;
use runtime::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [bus_name] = settings.require(["EVENT_BUS_NAME"])?;
    let client = aws_sdk_eventbridge::Client::new(&runtime::aws().await);
    let handler = Handler::new(EventBridge::new(client, bus_name));
    runtime::serve(async |event| handler.handle(event).await).await
}
