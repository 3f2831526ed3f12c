//! The shop's side: the GraphQL Admin API of one version, for as many shops as there are datasets.

pub mod bucket;
pub mod execute;
pub mod fields;
pub mod graphql;
pub mod schema;
pub mod search;
pub mod store;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::bucket::Bucket;
use self::execute::Executor;
use self::graphql::Parsed;
use super::dataset::Dataset;
use super::state::{Shared, lock};
use super::times;

/// The version that the sandbox speaks. A stable version that is not served falls back in the real API; here it is an error, so
/// that nobody tests against another version by accident.
const VERSION: &str = "2026-10";
const VERSION_HEADER: HeaderName = HeaderName::from_static("x-shopify-api-version");
const WITHOUT_ALL_ORDERS_S: i64 = 60 * 86_400;

#[derive(Debug, Deserialize)]
struct Body {
    query: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
}

pub async fn graphql(
    State(shared): State<Shared>,
    Path((shop, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if version != VERSION {
        return answer(StatusCode::NOT_FOUND, &json!({ "errors": "Not Found" }));
    }
    let token = headers.get("x-shopify-access-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(dataset) = shared.dataset(&shop) else {
        return answer(StatusCode::NOT_FOUND, &json!({ "errors": "Not Found" }));
    };
    if token != dataset.access_token {
        let message = "[API] Invalid API key or access token (unrecognized login or wrong password)";
        return answer(StatusCode::UNAUTHORIZED, &json!({ "errors": message }));
    }
    let body: Body = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(_) => {
            return answer(
                StatusCode::BAD_REQUEST,
                &json!({ "errors": { "query": "Required parameter missing or invalid" } }),
            );
        }
    };
    let Some(query) = body.query else {
        return answer(
            StatusCode::BAD_REQUEST,
            &json!({ "errors": { "query": "Required parameter missing or invalid" } }),
        );
    };
    let variables = body.variables.unwrap_or_default();
    let reply = execute(&shared, &dataset, &query, &variables, body.operation_name.as_deref());
    answer(StatusCode::OK, &reply)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response =
        (status, [("content-type", "application/json; charset=utf-8")], body.to_string()).into_response();
    response.headers_mut().insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
    response
}

/// Anything that is not the GraphQL endpoint.
#[must_use]
pub fn not_found() -> Response {
    answer(StatusCode::NOT_FOUND, &json!({ "errors": "Not Found" }))
}

fn execute(
    shared: &Shared,
    dataset: &Dataset,
    query: &str,
    variables: &Map<String, Value>,
    name: Option<&str>,
) -> Value {
    let parsed = match parse(shared, query) {
        Ok(parsed) => parsed,
        Err(error) => return json!({ "errors": [error] }),
    };
    let operation = match parsed.operation(name, variables) {
        Ok(operation) => operation,
        Err(errors) => return json!({ "errors": errors }),
    };
    let requested = match operation.check() {
        Ok(cost) => cost,
        Err(errors) => return json!({ "errors": errors }),
    };
    {
        let mut bucket = lock(&dataset.bucket);
        if requested > bucket.maximum {
            let message = format!(
                "Query cost is {requested}, which exceeds the single query max cost limit ({}).",
                bucket.maximum
            );
            let extensions = json!({ "code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": bucket.maximum });
            return json!({ "errors": [{ "message": message, "extensions": extensions }] });
        }
        if !bucket.take(requested) {
            let documentation = "https://shopify.dev/api/usage/rate-limits";
            return json!({
                "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED", "documentation": documentation } }],
                "extensions": { "cost": cost(&mut bucket, requested, None) },
            });
        }
    }
    let all_orders = dataset.scopes.iter().any(|scope| scope == "read_all_orders");
    let mut executor = Executor {
        store: &dataset.shopify,
        operation: &operation,
        scopes: &dataset.scopes,
        visible_from_s: if all_orders { i64::MIN } else { times::now_ms() / 1000 - WITHOUT_ALL_ORDERS_S },
        cost: 0,
        errors: Vec::new(),
        search: Vec::new(),
    };
    let data = executor.run();
    let actual = executor.cost.min(requested).max(1);
    let mut bucket = lock(&dataset.bucket);
    bucket.give_back(requested - actual);
    let mut extensions = json!({ "cost": cost(&mut bucket, requested, Some(actual)) });
    if !executor.search.is_empty() {
        extensions["search"] = Value::Array(executor.search);
    }
    let mut reply = json!({ "data": data, "extensions": extensions });
    if !executor.errors.is_empty() {
        reply["errors"] = Value::Array(executor.errors);
    }
    reply
}

fn cost(bucket: &mut Bucket, requested: i64, actual: Option<i64>) -> Value {
    json!({
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": {
            "maximumAvailable": bucket.maximum,
            "currentlyAvailable": bucket.available(),
            "restoreRate": bucket.restore_per_s,
        },
    })
}

/// Clients send few different texts, many times.
fn parse(shared: &Shared, query: &str) -> Result<Arc<Parsed>, Value> {
    const MOST_KEPT: usize = 64;
    if let Some(parsed) = lock(&shared.queries).get(query) {
        return Ok(Arc::clone(parsed));
    }
    let parsed = Arc::new(Parsed::read(query)?);
    let mut kept = lock(&shared.queries);
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
    kept.insert(query.to_owned(), Arc::clone(&parsed));
    Ok(parsed)
}
