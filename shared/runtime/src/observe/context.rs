//! Whose work an invocation or a message is about, found out of what starts it.

use domain::{Aggregate, reconciliation::Reconciliation, saga::Saga};
use serde_json::Value;
use tracing::{Span, field::Empty};

/// Spans of this target are what lines and metrics know.
pub(super) const TARGET: &str = "settler::context";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    pub tenant_id: Option<String>,
    /// The run's id, which is its saga's.
    pub saga_id: Option<String>,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    pub step: Option<String>,
    pub route: Option<String>,
}

/// A run and its saga have one id.
fn is_about_run(aggregate_type: &str) -> bool {
    [Reconciliation::TYPE, Saga::TYPE].contains(&aggregate_type)
}

impl Context {
    /// Out of a state machine's input, a request of the gateway, or an event of the bus; nothing of what it does not know.
    #[must_use]
    pub fn of(payload: &Value) -> Self {
        let first = |pointers: &[&str]| {
            pointers.iter().find_map(|pointer| payload.pointer(pointer)?.as_str()).map(str::to_owned)
        };
        let route = first(&["/routeKey"]);
        let on_run = route.as_deref().is_some_and(|route| route.contains("/reconciliations/{id}"));
        let about_run = ["/detail/aggregate_type", "/aggregate_type"]
            .iter()
            .find_map(|pointer| payload.pointer(pointer)?.as_str())
            .is_some_and(is_about_run);
        let saga_id = first(&["/reconciliation_id", "/pathParameters/saga_id"])
            .or_else(|| on_run.then(|| first(&["/pathParameters/id"])).flatten())
            .or_else(|| about_run.then(|| first(&["/detail/aggregate_id", "/aggregate_id"])).flatten());
        let attempt = payload.pointer("/attempt").and_then(Value::as_u64);
        Self {
            tenant_id: first(&[
                "/tenant_id",
                "/requestContext/authorizer/lambda/tenant_id",
                "/requestContext/authorizer/jwt/claims/tenant_id",
                "/requestContext/authorizer/jwt/claims/custom:tenant_id",
                "/queryStringParameters/tenant_id",
                "/detail/tenant_id",
            ]),
            causation_id: saga_id.as_ref().zip(attempt).map(|(id, attempt)| format!("{id}-a{attempt}")),
            saga_id,
            correlation_id: first(&["/correlation_id", "/detail/correlation_id"]),
            step: first(&["/step"]),
            route,
        }
    }

    /// Of a stream that has moved.
    #[must_use]
    pub fn of_stream(tenant: &str, aggregate_type: &str, aggregate_id: &str, correlation_id: &str) -> Self {
        Self {
            tenant_id: Some(tenant.to_owned()),
            saga_id: is_about_run(aggregate_type).then(|| aggregate_id.to_owned()),
            correlation_id: Some(correlation_id.to_owned()),
            ..Self::default()
        }
    }

    /// What is not known yet may be recorded later, as the correlation id of a run that is being started. At the level
    /// of errors, so that a filter for lines leaves it.
    #[must_use]
    pub fn span(&self) -> Span {
        let span = tracing::error_span!(
            target: TARGET,
            "settler",
            tenant_id = Empty,
            saga_id = Empty,
            correlation_id = Empty,
            causation_id = Empty,
            step = Empty,
            route = Empty,
            function_request_id = Empty,
            xray_trace_id = Empty,
            function_arn = Empty,
            cold_start = Empty,
        );
        for (name, value) in [
            ("tenant_id", &self.tenant_id),
            ("saga_id", &self.saga_id),
            ("correlation_id", &self.correlation_id),
            ("causation_id", &self.causation_id),
            ("step", &self.step),
            ("route", &self.route),
        ] {
            if let Some(value) = value {
                span.record(name, value.as_str());
            }
        }
        span
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whose_work_it_is_stands_in_what_starts_it() {
        let step = Context::of(&json!({
            "schema": 1, "tenant_id": "acme", "reconciliation_id": "march", "attempt": 2, "correlation_id": "corr", "step": "finish"
        }));
        let known = |text: &str| Some(text.to_owned());
        assert_eq!(
            step,
            Context {
                tenant_id: known("acme"),
                saga_id: known("march"),
                correlation_id: known("corr"),
                causation_id: known("march-a2"),
                step: known("finish"),
                route: None,
            }
        );
        let request = Context::of(&json!({
            "routeKey": "GET /v1/reconciliations/{id}", "pathParameters": {"id": "march"},
            "requestContext": {"authorizer": {"lambda": {"tenant_id": "acme"}}},
        }));
        assert_eq!((request.tenant_id, request.saga_id), (known("acme"), known("march")));
        let job = Context::of(&json!({"routeKey": "GET /v1/jobs/{id}", "pathParameters": {"id": "shop"}}));
        assert_eq!((job.saga_id, job.route), (None, known("GET /v1/jobs/{id}")));
        let detail = json!({"tenant_id": "acme", "aggregate_type": "reconciliation", "aggregate_id": "march", "correlation_id": "c"});
        let bell = Context::of(&json!({ "detail": detail }));
        assert_eq!((bell.saga_id, bell.correlation_id), (known("march"), known("c")));
        assert_eq!(Context::of(&json!(["nothing"])), Context::default());
    }
}
