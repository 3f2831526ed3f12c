//! Lists in pages: `?limit=` and an opaque `?cursor=`.

use crate::{problem::Problem, request::Request};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const DEFAULT_LIMIT: u32 = 50;
pub const MAX_LIMIT: u32 = 200;
/// Bytes of the digest in front of a cursor's position: enough to notice a slip, since a cursor opens nothing that
/// the key does not open.
const DIGEST_BYTES: usize = 8;

#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub items: Vec<Value>,
    /// Where the next page begins, for [`Cursor::encode`]; none on the last one.
    pub next: Option<String>,
}

/// `?limit=`.
///
/// # Errors
/// 400 outside 1 to 200.
pub fn limit(request: &Request) -> Result<u32, Problem> {
    let valid = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    Ok(request.parsed("limit", &format!("a number from 1 to {MAX_LIMIT}"), valid)?.unwrap_or(DEFAULT_LIMIT))
}

/// `?min_version=`.
///
/// # Errors
/// 400 for anything but a number.
pub fn min_version(request: &Request) -> Result<Option<u64>, Problem> {
    request.parsed("min_version", "a version, such as the one that a command answered", |text| text.parse().ok())
}

/// `?min_version=` of a list, with the id that its parameter `about` names: whose version it is.
///
/// # Errors
/// 400 for a version without an id, and for either when it is none.
pub fn min_version_of<T: TryFrom<String>>(request: &Request, about: &str) -> Result<Option<(u64, T)>, Problem> {
    let Some(wanted) = min_version(request)? else { return Ok(None) };
    let id = request.parsed(about, "an id", |text| T::try_from(text.to_owned()).ok())?;
    let missing = || Problem::parameter(&format!("query:{about}"), "is required with min_version: whose version it is");
    Ok(Some((wanted, id.ok_or_else(missing)?)))
}

/// Cursors of one list: the path and the filters are part of them, so that one list's cursor is refused by another.
#[derive(Debug, Clone)]
pub struct Cursor {
    list: String,
}

impl Cursor {
    /// `filters` are the names of the parameters that choose what is listed.
    #[must_use]
    pub fn of(request: &Request, tenant: &str, filters: &[&str]) -> Self {
        let mut list = format!("{tenant}\n{}\n", request.raw_path);
        for name in filters {
            list.push_str(&format!("{name}={}\n", request.query(name).unwrap_or_default()));
        }
        Self { list }
    }

    #[must_use]
    pub fn encode(&self, position: &str) -> String {
        let mut bytes = self.digest(position);
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in `?cursor=`.
    ///
    /// # Errors
    /// 400 for a cursor that we did not make for this list.
    pub fn read(&self, request: &Request) -> Result<Option<String>, Problem> {
        request.parsed("cursor", "a next_cursor of this list, unaltered", |text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (digest, position) = bytes.split_at_checked(DIGEST_BYTES)?;
            let position = std::str::from_utf8(position).ok()?;
            (self.digest(position) == digest).then(|| position.to_owned())
        })
    }

    fn digest(&self, position: &str) -> Vec<u8> {
        Sha256::digest(format!("{}\n{position}", self.list)).iter().copied().take(DIGEST_BYTES).collect()
    }

    /// `{"items": […], "next_cursor": …}`, with further members such as `as_of`.
    #[must_use]
    pub fn body(&self, page: Page, further: Value) -> Value {
        let next = page.next.map(|position| self.encode(&position));
        let mut body = json!({ "items": page.items, "next_cursor": next });
        if let Value::Object(further) = further {
            for (name, value) in further {
                body[name] = value;
            }
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, query: &Value) -> Request {
        Request::read(json!({"routeKey": "GET x", "rawPath": path, "queryStringParameters": query})).unwrap()
    }

    #[test]
    fn limits_are_one_to_two_hundred() {
        for (text, limit_) in [("1", 1), ("200", 200)] {
            assert_eq!(limit(&request("/x", &json!({"limit": text}))).unwrap(), limit_);
        }
        assert_eq!(limit(&request("/x", &Value::Null)).unwrap(), DEFAULT_LIMIT);
        for bad in ["0", "201", "-1", "ten", "", "1.5"] {
            let problem = limit(&request("/x", &json!({"limit": bad}))).unwrap_err();
            assert_eq!(
                (problem.status, problem.errors.first().map(|error| error.pointer.as_str())),
                (400, Some("query:limit")),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let list = request("/v1/jobs", &json!({"status": "failed"}));
        let text = Cursor::of(&list, "acme", &["status"]).encode("17:3");
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        let read = |tenant: &str, path: &str, cursor: &str, status: &str| {
            let request = request(path, &json!({"cursor": cursor, "status": status}));
            Cursor::of(&request, tenant, &["status"]).read(&request)
        };
        assert_eq!(read("acme", "/v1/jobs", &text, "failed").unwrap().as_deref(), Some("17:3"));
        let altered = format!("A{}", &text[1..]);
        for (tenant, path, cursor, status) in [
            ("other", "/v1/jobs", text.as_str(), "failed"),
            ("acme", "/v1/x", text.as_str(), "failed"),
            ("acme", "/v1/jobs", text.as_str(), "running"),
            ("acme", "/v1/jobs", altered.as_str(), "failed"),
            ("acme", "/v1/jobs", "", "failed"),
            ("acme", "/v1/jobs", "%%%", "failed"),
        ] {
            assert_eq!(
                read(tenant, path, cursor, status).unwrap_err().status,
                400,
                "{tenant} {path} {cursor} {status}"
            );
        }
    }
}
