//! An answer as API Gateway takes it.

use crate::{problem::Problem, request::Request};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status_code: u16,
    pub headers: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub is_base64_encoded: bool,
}

impl Response {
    #[must_use]
    pub fn json(status_code: u16, body: &Value) -> Self {
        Self::text(status_code, "application/json", body.to_string())
    }

    #[must_use]
    pub fn empty(status_code: u16) -> Self {
        Self { status_code, headers: BTreeMap::new(), body: None, is_base64_encoded: false }
    }

    pub(crate) fn text(status_code: u16, content_type: &str, body: String) -> Self {
        // Answers hold a tenant's data: no cache on the way may keep them.
        let headers =
            BTreeMap::from([("content-type", content_type.to_owned()), ("cache-control", "no-store".to_owned())]);
        Self { status_code, headers, body: Some(body), is_base64_encoded: false }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The stream's version as a strong entity tag.
    #[must_use]
    pub fn etag(self, version: u64) -> Self {
        self.with("etag", format!("\"{version}\""))
    }

    #[must_use]
    pub fn replayed(self, replayed: bool) -> Self {
        if replayed { self.with("idempotent-replayed", "true") } else { self }
    }

    /// What a function returns.
    #[must_use]
    pub fn into_value(self) -> Value {
        json!({ "statusCode": self.status_code, "headers": self.headers, "body": self.body.unwrap_or_default(), "isBase64Encoded": false })
    }
}

/// Reads an event, or says in the gateway's words why it cannot be read.
///
/// # Errors
/// The finished answer.
pub fn open(event: Value) -> Result<Request, Value> {
    Request::read(event).map_err(|problem| problem.respond(None).into_value())
}

/// What a function returns, however it went.
#[must_use]
pub fn close(request: &Request, result: Result<Response, Problem>) -> Value {
    let response = result.unwrap_or_else(|problem| problem.respond(Some(request)));
    tracing::info!(status = response.status_code, "answered");
    response.into_value()
}
