//! What a function tells about itself: flat JSON lines, and metrics in CloudWatch's embedded format, both on standard
//! output; and what each run consumed, kept in a table.
//!
//! A line carries the keys that Powertools uses (`level`, `message`, `timestamp`, `service`, `function_name`,
//! `cold_start`, `function_request_id`, `xray_trace_id`, …) and whose work it is about: `tenant_id`, `saga_id`,
//! `correlation_id`, `causation_id`, `step`. One correlation id can be followed through every function by it.
//!
//! **Invariant:** nothing here reads a body, a credential or a record; only ids that the platform made or checked.

mod consumed;
mod context;
mod line;
mod metrics;
mod serve;

pub use context::Context;
pub use serve::serve;

use consumed::{Consumed, GatherConsumed, Whole};
use domain::{
    Clock, METRIC,
    consumption::{CONSUMED, Consumption},
    ports::ConsumptionLog,
};
use line::{Contexts, Lines};
use metrics::Metrics;
use std::{
    io::{Write, stdout},
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tracing::{Level, Subscriber};
use tracing_subscriber::{EnvFilter, Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Gathered until an invocation ends.
static METRICS: LazyLock<Arc<Metrics>> = LazyLock::new(Arc::default);
static CONSUMPTION: LazyLock<Arc<Consumed>> = LazyLock::new(Arc::default);
/// Where consumption is kept; nowhere for functions that work for no run.
static LOG: OnceLock<LazyLock<Arc<dyn ConsumptionLog>, MakeLog>> = OnceLock::new();
type MakeLog = Box<dyn FnOnce() -> Arc<dyn ConsumptionLog> + Send>;
/// Bytes of lines since the last invocation ended.
static LOG_BYTES: AtomicU64 = AtomicU64::new(0);

/// What every line says of the function, from the environment that Lambda gives it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Function {
    pub name: String,
    pub memory_mb: String,
}

impl Function {
    fn of_environment() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        Self { name: variable("AWS_LAMBDA_FUNCTION_NAME"), memory_mb: variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") }
    }
}

/// Starts logging. `SETTLER_LOG` filters (default `info`); the SDK's own chatter stays at warnings.
pub fn start_logs() {
    let filter = EnvFilter::try_from_env("SETTLER_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,aws=warn,hyper=warn,lambda_runtime=warn"));
    let lines = Lines::new(Function::of_environment(), write_line);
    let subscriber = subscriber(Arc::clone(&METRICS), Arc::clone(&CONSUMPTION), lines, filter);
    // A second start (in tests) keeps the first subscriber.
    if subscriber.try_init().is_err() {
        tracing::debug!("logging had been started");
    }
}

/// Each layer is asked for what it reads and for nothing else: libraries trace a lot on the way of every call, and what
/// nobody wants costs nothing.
fn subscriber<W: Fn(&str) + Send + Sync + 'static>(
    metrics: Arc<Metrics>,
    consumed: Arc<Consumed>,
    lines: Lines<W>,
    filter: EnvFilter,
) -> impl Subscriber + Send + Sync {
    let contexts = Targets::new().with_target(context::TARGET, Level::ERROR);
    let counted = contexts.clone().with_target(METRIC, Level::INFO);
    let paid = contexts.clone().with_target(CONSUMED, Level::INFO);
    tracing_subscriber::registry()
        .with(Contexts.with_filter(contexts))
        .with(metrics::Gather(metrics).with_filter(counted))
        .with(GatherConsumed(consumed).with_filter(paid))
        .with(lines.with_filter(filter))
}

/// How long what was written has waited to be seen.
pub fn projection_lag(written: domain::Timestamp) {
    let lag_ms = (crate::SystemClock.now().millis() - written.millis()).max(0);
    tracing::info!(target: METRIC, name = "ProjectionLag", value = lag_ms, unit = "Milliseconds");
}

/// A line that cannot be written has nowhere to be reported.
fn write_line(line: &str) {
    let _ = writeln!(stdout().lock(), "{line}");
    LOG_BYTES.fetch_add(u64::try_from(line.len() + 1).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// From now on, what invocations consume is kept there. It is made when the first one has ended, not on the way to it.
pub(crate) fn keep_consumption(make: impl FnOnce() -> Arc<dyn ConsumptionLog> + Send + 'static) {
    // A second one (in tests) leaves the first.
    if LOG.set(LazyLock::new(Box::new(make))).is_err() {
        tracing::debug!("consumption is kept already");
    }
}

/// At the end of an invocation: what each run consumed of it. The work is done by now, so a figure that cannot be kept
/// is a line and no failure.
pub(crate) async fn keep_consumed(request_id: &str, duration_ms: u64) {
    let function = Function::of_environment();
    let memory_mb = function.memory_mb.parse().unwrap_or(0);
    let log_bytes = LOG_BYTES.swap(0, Ordering::Relaxed);
    let runs = CONSUMPTION.drain(Whole { memory_mb, duration_ms, log_bytes });
    let Some(log) = LOG.get() else { return };
    let keep = runs.into_iter().map(|(tenant, run, quantities)| {
        let consumption = Consumption {
            function_name: function.name.clone(),
            request_id: request_id.to_owned(),
            at: crate::SystemClock.now(),
            quantities,
        };
        async move {
            if let Err(cause) = log.keep(&tenant, &run, &consumption).await {
                tracing::warn!(
                    tenant_id = tenant.as_str(),
                    saga_id = run.as_str(),
                    %cause,
                    "what an invocation consumed could not be kept"
                );
            }
        }
    });
    futures::future::join_all(keep).await;
}

/// At the end of an invocation: what was counted in it.
pub(crate) fn flush_metrics() {
    for line in METRICS.drain(&Function::of_environment().name) {
        write_line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Mutex;

    #[test]
    fn a_filter_of_lines_takes_neither_metrics_nor_whose_work_it_is() {
        let written: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&written);
        let write = move |line: &str| kept.lock().unwrap().push(serde_json::from_str(line).unwrap());
        let metrics: Arc<Metrics> = Arc::default();
        let lines = Lines::new(Function::default(), write);
        let subscriber = subscriber(Arc::clone(&metrics), Arc::default(), lines, EnvFilter::new("warn"));
        tracing::subscriber::with_default(subscriber, || {
            let work = Context { tenant_id: Some("acme".into()), ..Context::default() };
            work.span().in_scope(|| {
                tracing::info!("too quiet");
                tracing::warn!("loud enough");
                tracing::info!(target: METRIC, name = "Appends", value = 2_u64, unit = "Count");
                let traced = tracing::enabled!(target: "hyper::proto", Level::TRACE);
                assert!(!traced, "libraries are not asked to trace");
            });
        });
        let written = written.lock().unwrap();
        assert_eq!(written.len(), 1, "{written:?}");
        assert_eq!((&written[0]["message"], &written[0]["tenant_id"]), (&json!("loud enough"), &json!("acme")));
        let told: Vec<Value> = metrics.drain("relay").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&told[0]["Appends"], &told[0]["tenant_id"]), (&json!(2), &json!("acme")));
    }
}
