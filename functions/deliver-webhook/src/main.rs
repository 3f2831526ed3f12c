//! Function `deliver-webhook`: sends webhooks, and sends them again.

use deliver_webhook::handle;
use lambda_runtime::Error;
use runtime::{Consumer, SecretsManager, Settings};
use std::sync::Arc;
use webhooks::{AllowedOrigins, Deliverer, DynamoDeliveries, HttpSender, RetryWaits};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [table, prefix] = settings.require(["WEBHOOK_DELIVERIES_TABLE", "SECRETS_PREFIX"])?;
    let allowed = AllowedOrigins::read(&settings.optional("WEBHOOK_ALLOWED_ORIGINS").unwrap_or_default());
    let aws = runtime::aws().await;
    let (clock, ids) = runtime::clock_and_ids();
    let consumer = Consumer::of_settings(&aws, &settings, Arc::clone(&clock))?;
    let deliverer = Deliverer {
        store: runtime::event_store(&aws, &settings)?,
        deliveries: Arc::new(DynamoDeliveries::new(runtime::dynamodb(&aws), table)),
        secrets: Arc::new(SecretsManager::new(&aws, prefix)),
        sender: Arc::new(HttpSender::new(allowed)),
        clock,
        ids,
        waits: RetryWaits::read(&settings.optional("WEBHOOK_RETRY_SECONDS").unwrap_or_default())?,
    };
    runtime::serve(async |event| handle(&deliverer, &consumer, event).await).await
}
