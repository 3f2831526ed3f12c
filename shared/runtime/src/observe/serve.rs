//! The frame around every function: whose work an invocation is, its line at the end, its metrics.

use super::{Context, flush_metrics, keep_consumed};
use crate::SystemClock;
use domain::{Clock, ErrorName, METRIC};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::Instrument;

/// True until the first invocation has begun.
static COLD: AtomicBool = AtomicBool::new(true);

/// Answers invocations until the process ends.
///
/// # Errors
/// When the runtime API does not answer.
pub async fn serve<T, R, E, F>(handler: F) -> Result<(), Error>
where
    T: DeserializeOwned,
    R: Serialize,
    E: Into<Diagnostic>,
    F: AsyncFn(LambdaEvent<T>) -> Result<R, E>,
{
    let handler = &handler;
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let span = Context::of(&event.payload).span();
        let about = &event.context;
        span.record("function_request_id", about.request_id.as_str());
        span.record("function_arn", about.invoked_function_arn.as_str());
        span.record("cold_start", COLD.swap(false, Ordering::Relaxed));
        if let Some(trace) = &about.xray_trace_id {
            span.record("xray_trace_id", trace.as_str());
        }
        let (request_id, begun) = (about.request_id.clone(), SystemClock.now());
        let answered = answer(handler, event).instrument(span).await;
        let duration_ms = u64::try_from(SystemClock.now().millis() - begun.millis()).unwrap_or(0);
        flush_metrics();
        keep_consumed(&request_id, duration_ms).await;
        answered
    }))
    .await
}

async fn answer<T, R, E, F>(handler: &F, event: LambdaEvent<Value>) -> Result<R, Diagnostic>
where
    T: DeserializeOwned,
    E: Into<Diagnostic>,
    F: AsyncFn(LambdaEvent<T>) -> Result<R, E>,
{
    let begun = SystemClock.now();
    let LambdaEvent { payload, context } = event;
    let result = match serde_json::from_value(payload) {
        Ok(payload) => handler(LambdaEvent { payload, context }).await.map_err(Into::into),
        // The place, never the content.
        Err(error) => Err(crate::function_error(ErrorName::InvalidInput, error.to_string()).into()),
    };
    let duration_ms = SystemClock.now().millis() - begun.millis();
    match &result {
        Ok(_) => tracing::info!(duration_ms, "done"),
        Err(error) => {
            tracing::info!(duration_ms, error = error.error_type, "not done");
            tracing::info!(target: METRIC, name = "FailedInvocations", value = 1_u64, unit = "Count");
        }
    }
    result
}
