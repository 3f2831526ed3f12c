//! Logs as flat JSON lines on standard output, one per event.

use tracing_subscriber::EnvFilter;

/// Starts logging. `SETTLER_LOG` filters (default `info`); the SDK's own chatter stays at warnings.
pub fn start_logs() {
    let filter = EnvFilter::try_from_env("SETTLER_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,aws=warn,hyper=warn,lambda_runtime=warn"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter);
    // A second start (in tests) keeps the first subscriber.
    if subscriber.try_init().is_err() {
        tracing::debug!("logging had been started");
    }
}
