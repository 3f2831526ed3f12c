//! An error answer of the API, read and shown. Settler's own errors are RFC 9457 problem documents; what the gateway
//! answers itself (401, 403, 413, 429) is `{"message": …}`.

use crate::{exit::Code, figures::plain};
use serde::Deserialize;
use std::fmt::{self, Display, Formatter};

/// Longest part of a foreign error page that is worth showing.
const SHOWN_BODY_CHARS: usize = 300;

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Problem {
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub status: u16,
    #[serde(default)]
    pub detail: Option<String>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub request_id: Option<String>,
    #[serde(default)]
    pub errors: Vec<FieldError>,
    /// Owners of an id that several tenants have.
    #[serde(default)]
    tenant_ids: Vec<String>,
    /// The gateway's shape.
    #[serde(default)]
    message: Option<String>,
    /// What was asked, such as `GET /v1/jobs`.
    #[serde(skip)]
    pub call: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct FieldError {
    #[serde(default)]
    pub pointer: String,
    #[serde(default)]
    pub detail: String,
}

impl Problem {
    pub fn read(call: String, status: u16, request_id: Option<String>, body: &str) -> Self {
        let unread = || {
            let excerpt: String = body.trim().chars().take(SHOWN_BODY_CHARS).collect();
            Self { detail: Some(excerpt).filter(|text| !text.is_empty()), ..Self::default() }
        };
        let mut problem: Self = serde_json::from_str(body).unwrap_or_else(|_| unread());
        // The status line decides the exit code, whatever the body says.
        problem.status = status;
        problem.call = call;
        problem.detail = problem.detail.or_else(|| problem.message.take());
        problem.request_id = problem.request_id.or(request_id);
        problem
    }

    pub fn exit_code(&self) -> Code {
        match self.status {
            404 => Code::NotFound,
            400 | 413 | 415 | 422 => Code::Declined,
            409 | 412 => Code::Conflict,
            401 | 403 => Code::NotAllowed,
            _ => Code::Unexpected,
        }
    }

    /// What the person can do about it, where the status alone tells.
    fn hint(&self) -> Option<&'static str> {
        let needs_tenant = self.code.as_deref() == Some("ambiguous_id")
            || self.errors.iter().any(|error| error.pointer.eq_ignore_ascii_case("header:Settler-Tenant"));
        match self.status {
            _ if needs_tenant => {
                Some("say for which tenant: --tenant, SETTLER_TENANT or \"tenant\" in the configuration file")
            }
            401 => Some(
                "the key was not accepted: check --api-key, SETTLER_API_KEY or the configuration file, and that it was not revoked",
            ),
            403 => Some(
                "the key may not do this: `saga` and `events` need a platform key, and a tenant's key reaches its own tenant only",
            ),
            412 => Some("it changed meanwhile: look at it again, then repeat the command"),
            429 => Some("too many calls: wait a little, then repeat the command"),
            500..=599 => Some(
                "this is the service's fault, not yours: repeat the command later, and report the request id if it stays",
            ),
            _ => None,
        }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let title = self.title.as_deref().or(match self.status {
            401 => Some("Not authenticated"),
            403 => Some("Not allowed"),
            404 => Some("Not found"),
            413 => Some("Too large"),
            429 => Some("Too many requests"),
            _ => None,
        });
        write!(f, "{}", plain(title.unwrap_or("The API refused the call")))?;
        if let Some(detail) = self.detail.as_deref().filter(|detail| Some(*detail) != title) {
            write!(f, ": {}", plain(detail))?;
        }
        if !self.tenant_ids.is_empty() {
            write!(f, "\n  tenants: {}", plain(&self.tenant_ids.join(", ")))?;
        }
        for error in &self.errors {
            let pointer = if error.pointer.is_empty() { "(body)" } else { &error.pointer };
            write!(f, "\n  {}: {}", plain(pointer), plain(&error.detail))?;
        }
        write!(f, "\n  call: {} answered {}", self.call, self.status)?;
        if let Some(code) = &self.code {
            write!(f, " ({})", plain(code))?;
        }
        if let Some(id) = &self.request_id {
            write!(f, "\n  request id: {}", plain(id))?;
        }
        match self.hint() {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Problem {
        Problem::read("GET /v1/jobs".into(), status, Some("r-1".into()), body)
    }

    #[test]
    fn every_shape_of_an_error_is_shown() {
        let own = read(
            422,
            r#"{"title":"Invalid","detail":"2 fields","code":"invalid_input","errors":[{"pointer":"/name","code":"x","detail":"is missing"}]}"#,
        );
        assert_eq!(
            own.to_string(),
            "Invalid: 2 fields\n  /name: is missing\n  call: GET /v1/jobs answered 422 (invalid_input)\n  request id: r-1"
        );
        assert!(read(403, r#"{"message":"Forbidden"}"#).to_string().starts_with("Not allowed: Forbidden\n"));
        assert!(read(502, "<html>bad</html>").to_string().starts_with("The API refused the call: <html>bad</html>\n"));
        assert!(read(500, "").to_string().contains("hint: this is the service's fault"));
    }

    #[test]
    fn the_status_decides_the_exit_code() {
        let codes = [400, 422, 404, 409, 412, 401, 403, 500, 429]
            .map(|status| read(status, "{\"status\":200}").exit_code() as u8);
        assert_eq!(codes, [4, 4, 3, 5, 5, 6, 6, 1, 1]);
    }
}
