//! Faults on request: what providers do on a bad day.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Shopify,
    Stripe,
    Hooks,
}

impl Provider {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shopify => "shopify",
            Self::Stripe => "stripe",
            Self::Hooks => "hooks",
        }
    }

    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        [Self::Shopify, Self::Stripe, Self::Hooks].into_iter().find(|provider| {
            path.strip_prefix('/')
                .and_then(|rest| rest.strip_prefix(provider.name()))
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

#[derive(Debug, Clone)]
pub struct Fault {
    pub provider: Provider,
    pub status: Option<u16>,
    pub retry_after_s: Option<u64>,
    pub delay_ms: u64,
    pub drop_connection: bool,
    pub malformed: bool,
    /// How many requests it still hits; None is all.
    pub count: Option<u64>,
    pub probability_ppm: u64,
    pub path_contains: Option<String>,
}

impl Fault {
    /// What it does to a request instead of an answer, if anything.
    #[must_use]
    pub fn answer(&self) -> Option<Response> {
        if self.drop_connection {
            let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
            response.extensions_mut().insert(CloseConnection);
            return Some(response);
        }
        if self.malformed {
            let body = r#"{"data": {"tenderTransactions": {"nodes": [{"id": "gid://shop"#;
            return Some((StatusCode::OK, [("content-type", "application/json")], body).into_response());
        }
        let status = StatusCode::from_u16(self.status?).ok()?;
        let mut response =
            (status, [("content-type", "application/json")], body(self.provider, status).to_string()).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        }
        if self.provider == Provider::Shopify {
            response.headers_mut().insert("x-shopify-api-version", HeaderValue::from_static("2026-10"));
        }
        Some(response)
    }

    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// Marks an answer in whose place the connection is closed.
#[derive(Debug, Clone, Copy)]
pub struct CloseConnection;

fn body(provider: Provider, status: StatusCode) -> Value {
    let reason = status.canonical_reason().unwrap_or("Error");
    match (provider, status.as_u16()) {
        (Provider::Shopify, 429) => {
            json!({ "errors": "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service." })
        }
        (Provider::Shopify, 401) => {
            json!({ "errors": "[API] Invalid API key or access token (unrecognized login or wrong password)" })
        }
        (Provider::Shopify, _) => json!({ "errors": reason }),
        (Provider::Stripe, 429) => {
            json!({ "error": { "type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded." } })
        }
        (Provider::Stripe, 401) => {
            json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided: ****" } })
        }
        (Provider::Stripe, 400..=499) => {
            json!({ "error": { "type": "invalid_request_error", "message": reason } })
        }
        (Provider::Stripe, _) => {
            json!({ "error": { "type": "api_error", "message": "An unknown error occurred" } })
        }
        (Provider::Hooks, _) => json!({ "error": reason }),
    }
}

#[derive(Debug)]
pub struct Faults {
    active: Vec<Fault>,
    random: Random,
}

impl Default for Faults {
    fn default() -> Self {
        Self { active: Vec::new(), random: Random::new(1) }
    }
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.active.push(fault);
    }

    pub fn clear(&mut self) {
        self.active.clear();
        self.random = Random::new(1);
    }

    #[must_use]
    pub fn active(&self) -> &[Fault] {
        &self.active
    }

    /// The faults that hit this request: all delays, and the first that answers.
    pub fn hit(&mut self, provider: Provider, path: &str) -> Vec<Fault> {
        let mut hits = Vec::new();
        for fault in &mut self.active {
            let meant = fault.provider == provider
                && fault.count != Some(0)
                && fault.path_contains.as_ref().is_none_or(|part| path.contains(part.as_str()));
            if !meant || self.random.draw() % 1_000_000 >= fault.probability_ppm {
                continue;
            }
            if let Some(count) = &mut fault.count {
                *count -= 1;
            }
            hits.push(fault.clone());
            if fault.drop_connection || fault.malformed || fault.status.is_some() {
                break;
            }
        }
        hits
    }
}
