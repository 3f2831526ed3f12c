//! Function `step-notify-webhooks`: step `notify_webhooks`.

use lambda_runtime::Error;
use runtime::{Settings, WebhookQueue};
use saga::NotifyWebhooks;
use std::sync::Arc;
use step_notify_webhooks::handle;
use webhooks::{DynamoDeliveries, QueuedOutbox};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [table, queue_url, api_url] = settings.require(["WEBHOOK_DELIVERIES_TABLE", "WEBHOOK_QUEUE_URL", "API_URL"])?;
    let aws = runtime::aws().await;
    let ledger = runtime::ledger(&aws, &settings)?;
    let outbox = QueuedOutbox {
        deliveries: Arc::new(DynamoDeliveries::new(runtime::dynamodb(&aws), table)),
        queue: Arc::new(WebhookQueue::new(&aws, queue_url)),
    };
    let step = NotifyWebhooks { ledger, outbox: Arc::new(outbox), api_url };
    runtime::serve(async |event| handle(&step, event).await).await
}
