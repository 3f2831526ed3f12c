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
    /// The true answer with one field changed wherever it occurs.
    pub replacement: Option<Replacement>,
    /// How many requests it still hits; None is all.
    pub count: Option<u64>,
    pub probability_ppm: u64,
    pub path_contains: Option<String>,
}

/// A field of the provider's own answer that comes out different, or is missing.
#[derive(Debug, Clone)]
pub struct Replacement {
    pub field: String,
    /// None takes the field away.
    pub with: Option<Value>,
}

impl Replacement {
    /// Changes the field in every object that has it.
    pub fn apply(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(fields) => {
                match &self.with {
                    Some(with) if fields.contains_key(&self.field) => {
                        fields.insert(self.field.clone(), with.clone());
                    }
                    Some(_) => {}
                    None => {
                        fields.remove(&self.field);
                    }
                }
                fields.values_mut().for_each(|inner| self.apply(inner));
            }
            _ => {}
        }
    }
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
            return Some(self.respond(StatusCode::OK, body.to_owned()));
        }
        let status = StatusCode::from_u16(self.status?).ok()?;
        let mut response = self.respond(status, body(self.provider, status).to_string());
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        }
        Some(response)
    }

    /// As the provider itself would answer, or a client would take it for the word of something in between.
    fn respond(&self, status: StatusCode, body: String) -> Response {
        let mut response = (status, [("content-type", "application/json")], body).into_response();
        if self.provider == Provider::Shopify {
            response.headers_mut().insert("x-shopify-api-version", HeaderValue::from_static("2026-10"));
        }
        response
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

    /// The faults that hit this request: all delays and replacements, and the first that answers.
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
