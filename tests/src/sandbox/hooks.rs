//! A receiver of webhooks that checks their signature (Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::state::{Shared, lock};
use super::times;

/// What the standard recommends against replays.
const TOLERANCE_S: i64 = 300;
const MOST_KEPT: usize = 10_000;

#[derive(Debug, Default)]
pub struct Hook {
    pub key: Vec<u8>,
    pub received: Vec<Delivery>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub at_ms: i64,
    pub webhook_id: String,
    pub webhook_timestamp: String,
    pub valid: bool,
    /// Why it is not valid.
    pub problem: Option<&'static str>,
    pub headers: std::collections::BTreeMap<String, String>,
    pub body: Value,
}

/// The bytes of a `whsec_…` secret.
#[must_use]
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix("whsec_")?).ok().filter(|key| !key.is_empty())
}

/// Whether one of the space-separated `v1,<base64>` signatures is right.
#[must_use]
pub fn signature_is_right(key: &[u8], id: &str, timestamp: &str, body: &[u8], signatures: &str) -> bool {
    signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,")).any(|signature| {
        let (Ok(given), Ok(mut mac)) = (STANDARD.decode(signature), Hmac::<Sha256>::new_from_slice(key)) else {
            return false;
        };
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.verify_slice(&given).is_ok()
    })
}

pub async fn receive(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut hooks = lock(&shared.hooks);
    let Some(hook) = hooks.get_mut(&name) else {
        return (StatusCode::NOT_FOUND, axum::Json(json!({ "error": format!("no hook named {name}") })))
            .into_response();
    };
    let text = |key: &str| headers.get(key).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (id, timestamp, signatures) = (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
    let now_ms = times::now_ms();
    let problem = if id.is_empty() || timestamp.is_empty() || signatures.is_empty() {
        Some("a webhook-id, webhook-timestamp or webhook-signature header is missing")
    } else if timestamp.parse::<i64>().map_or(true, |at_s| (now_ms / 1000 - at_s).abs() > TOLERANCE_S) {
        Some("the timestamp is not within five minutes of now")
    } else if !signature_is_right(&hook.key, &id, &timestamp, &body, &signatures) {
        Some("no signature fits")
    } else {
        None
    };
    let parsed =
        serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    let headers =
        headers.iter().map(|(key, value)| (key.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
    if hook.received.len() < MOST_KEPT {
        hook.received.push(Delivery {
            at_ms: now_ms,
            webhook_id: id,
            webhook_timestamp: timestamp,
            valid: problem.is_none(),
            problem,
            headers,
            body: parsed,
        });
    }
    match problem {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(problem) => (StatusCode::UNAUTHORIZED, axum::Json(json!({ "error": problem }))).into_response(),
    }
}
