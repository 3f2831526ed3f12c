//! What every function needs to begin: settings, logs, AWS clients, and the implementations of the ports for AWS.
//!
//! **Invariant:** start-up does no network call. Clients are built lazily by the SDK, so a function polls for its first
//! event within milliseconds.

mod bell;
mod bells;
mod blobs;
mod circuits;
mod clock;
pub mod consumer;
mod consumption;
mod failure;
mod keys;
mod letters;
mod meter;
pub mod observe;
mod resend;
mod schedules;
mod secrets;
mod settings;
mod step_functions;
mod task_tokens;
mod tls;
mod webhook_queue;

pub use bell::QueueBell;
pub use bells::{ParkedLetters, answer_bells};
pub use blobs::S3Blobs;
pub use circuits::{CircuitBus, breakers};
pub use clock::{SystemClock, SystemEntropy, UuidIds};
pub use consumer::{Consumer, Delivery, MessageError};
pub use consumption::DynamoConsumption;
pub use failure::{FunctionError, function_error};
pub use keys::DynamoKeyTable;
pub use letters::{dead_letters, redrive};
pub use meter::{Meter, consumed};
pub use observe::{serve, start_logs};
pub use resend::{AwsResend, Target};
pub use schedules::{SchedulerEntries, schedule_name};
pub use secrets::SecretsManager;
pub use settings::{MissingSettings, Settings};
pub use step_functions::{ExecutionHistory, StepFunctions};
pub use task_tokens::DynamoTaskTokens;
pub use webhook_queue::WebhookQueue;

pub use aws_config::SdkConfig;

use domain::{Clock, IdSource};
use event_store::{DynamoSnapshots, DynamoStore, EventStore, Tables};
use std::sync::Arc;

/// SDK configuration: region and credentials from the function's environment, endpoint from `AWS_ENDPOINT_URL` if set.
/// With `CONSUMPTION_TABLE`, what each invocation consumes for a run is kept there.
pub async fn aws() -> SdkConfig {
    let loader = aws_config::defaults(aws_config::BehaviorVersion::latest());
    let settings = Settings::from_env();
    let aws = match tls::amazon_client(&settings) {
        Some(client) => loader.http_client(client).load().await,
        None => loader.load().await,
    };
    if let Some(table) = settings.optional("CONSUMPTION_TABLE") {
        let aws = aws.clone();
        observe::keep_consumption(move || Arc::new(DynamoConsumption::new(dynamodb(&aws), table)));
    }
    aws
}

/// The event store out of `EVENT_STORE_TABLE`, `STREAM_HEADS_TABLE` and, for commands, `COMMAND_LOG_TABLE`; with
/// `SNAPSHOTS_TABLE`, long streams are loaded from their snapshots.
///
/// # Errors
/// Every missing setting at once.
pub fn event_store(aws: &SdkConfig, settings: &Settings) -> Result<Arc<dyn EventStore>, MissingSettings> {
    let [event_store, stream_heads] = settings.require(["EVENT_STORE_TABLE", "STREAM_HEADS_TABLE"])?;
    // Only commands write the command log; other functions neither have the setting nor the permission.
    let command_log = settings.optional("COMMAND_LOG_TABLE").unwrap_or_default();
    let store = DynamoStore::new(dynamodb(aws), Tables { event_store, stream_heads, command_log });
    Ok(Arc::new(match settings.optional("SNAPSHOTS_TABLE") {
        Some(table) => store.with_snapshots(Arc::new(DynamoSnapshots::new(dynamodb(aws), table))),
        None => store,
    }))
}

/// The tables of all read models, for functions that work on every projection.
///
/// # Errors
/// Every missing setting at once.
pub fn read_models(settings: &Settings) -> Result<projections::Tables, MissingSettings> {
    let names = [
        "PROJECTION_CHECKPOINTS_TABLE",
        "PROJECTIONS_TABLE",
        "RECONCILIATION_SUMMARY_TABLE",
        "SAGA_STATE_TABLE",
        "JOBS_TABLE",
        "TENANT_USAGE_VIEW_TABLE",
        "ERROR_HOTSPOTS_VIEW_TABLE",
    ];
    let [
        projection_checkpoints,
        projections,
        reconciliation_summary,
        saga_state,
        jobs,
        tenant_usage_view,
        error_hotspots_view,
    ] = settings.require(names)?;
    Ok(projections::Tables {
        projection_checkpoints,
        projections,
        reconciliation_summary,
        saga_state,
        jobs,
        tenant_usage_view,
        error_hotspots_view,
    })
}

/// A DynamoDB client; one per process.
#[must_use]
pub fn dynamodb(aws: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(aws_sdk_dynamodb::config::Builder::from(aws).interceptor(Meter).build())
}

/// The system's clock and id source as ports.
#[must_use]
pub fn clock_and_ids() -> (Arc<dyn Clock>, Arc<dyn IdSource>) {
    (Arc::new(SystemClock), Arc::new(UuidIds))
}

/// The ledger of reconciliations, with what the deployment decides about steps (`WAIT_BUDGET_SECONDS`,
/// `STEP_POLICIES`).
///
/// # Errors
/// Every missing setting at once; one that cannot be read names itself.
pub fn ledger(aws: &SdkConfig, settings: &Settings) -> Result<saga::Ledger, MissingSettings> {
    let unreadable = |what: String| MissingSettings(vec![what]);
    let budget_s = match settings.optional("WAIT_BUDGET_SECONDS") {
        None => saga::WAIT_BUDGET_S,
        Some(text) => text.parse().map_err(|_| unreadable(format!("WAIT_BUDGET_SECONDS (`{text}` is no number)")))?,
    };
    let policies = saga::Policies::parse(budget_s, &settings.optional("STEP_POLICIES").unwrap_or_default())
        .map_err(|cause| unreadable(format!("STEP_POLICIES ({cause})")))?;
    let (clock, ids) = clock_and_ids();
    Ok(saga::Ledger::new(event_store(aws, settings)?, clock, ids).with(policies))
}

/// What controls the workflow engine, out of `STATE_MACHINE_ARN`, `TASK_TOKENS_TABLE` and `QUEUE_URL`, the saga's own.
///
/// # Errors
/// Every missing setting at once.
pub fn saga_control(aws: &SdkConfig, settings: &Settings) -> Result<saga::control::Control, MissingSettings> {
    let [state_machine_arn, task_tokens, queue_url] =
        settings.require(["STATE_MACHINE_ARN", "TASK_TOKENS_TABLE", "QUEUE_URL"])?;
    Ok(saga::control::Control {
        ledger: ledger(aws, settings)?,
        workflow: Arc::new(StepFunctions::new(aws, state_machine_arn)),
        tokens: Arc::new(DynamoTaskTokens::new(dynamodb(aws), task_tokens)),
        bell: Arc::new(QueueBell::new(aws, queue_url)),
    })
}
