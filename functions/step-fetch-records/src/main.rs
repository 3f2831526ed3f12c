//! Function `step-fetch-records`: steps `fetch_shopify_orders` and `fetch_stripe_payments`.

use lambda_runtime::Error;
use providers::Endpoints;
use runtime::{S3Blobs, SecretsManager, Settings};
use saga::{CALL_TIMEOUT, FetchRecords, HttpAccounts, WITHIN};
use std::sync::Arc;
use step_fetch_records::handle;

/// One call pages for this long; the state machine gives it 60 s.
const BUDGET_MS: i64 = 40_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logs();
    let settings = Settings::from_env();
    let [bucket, prefix, shopify_base_url, stripe_base_url] =
        settings.require(["DATA_BUCKET", "SECRETS_PREFIX", "SHOPIFY_BASE_URL", "STRIPE_BASE_URL"])?;
    let aws = runtime::aws().await;
    let (clock, _) = runtime::clock_and_ids();
    let accounts = HttpAccounts::new(Endpoints { shopify_base_url, stripe_base_url }, clock)
        .guarded(runtime::breakers(&aws, &settings)?)
        .timed(
            settings.seconds("PROVIDER_CALL_TIMEOUT_SECONDS", CALL_TIMEOUT)?,
            settings.seconds("PROVIDER_DEADLINE_SECONDS", WITHIN)?,
        );
    let step = FetchRecords {
        ledger: runtime::ledger(&aws, &settings)?,
        blobs: Arc::new(S3Blobs::new(&aws, bucket)),
        secrets: Arc::new(SecretsManager::new(&aws, prefix)),
        accounts: Arc::new(accounts),
        budget_ms: BUDGET_MS,
    };
    runtime::serve(async |event| handle(&step, event).await).await
}
