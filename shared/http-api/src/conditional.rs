//! `If-Match` and `Idempotency-Key`.

use crate::{problem::Problem, request::Request};
use application::Idempotency;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Longest idempotency key: it becomes part of a table's key.
pub const MAX_KEY_LENGTH: usize = 255;

/// The version that the client read, out of `If-Match: "7"`; none without the header and for `*`.
///
/// # Errors
/// 400 for anything but one entity tag of ours.
pub fn if_match(request: &Request) -> Result<Option<u64>, Problem> {
    let Some(header) = request.header("if-match").map(str::trim).filter(|header| *header != "*") else {
        return Ok(None);
    };
    let version =
        header.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|digits| digits.parse().ok());
    version
        .map(Some)
        .ok_or_else(|| Problem::parameter("header:If-Match", "must be an ETag as it was received, such as \"7\", or *"))
}

/// The client's key with a hash of the request it stands for: route, path and body, whatever the order of its members.
///
/// # Errors
/// 400 unless the key is 1 to 255 visible ASCII characters.
pub fn idempotency(request: &Request, body: &Value) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = request.header("idempotency-key") else { return Ok(None) };
    let fits = (1..=MAX_KEY_LENGTH).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return Err(Problem::parameter(
            "header:Idempotency-Key",
            format!("must be 1 to {MAX_KEY_LENGTH} visible ASCII characters without spaces"),
        ));
    }
    let mut text = format!("{}\n{}\n", request.route_key, request.raw_path);
    canonical(body, &mut text);
    let request_hash = base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()));
    Ok(Some(Idempotency { key: key.to_owned(), request_hash }))
}

/// JSON with sorted members and without spaces.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (name, value) in members {
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        plain => {
            let _ = write!(out, "{plain}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(name: &str, value: &str) -> Request {
        Request::read(json!({"routeKey": "POST /v1/jobs", "rawPath": "/v1/jobs", "headers": {name: value}})).unwrap()
    }

    #[test]
    fn the_hash_ignores_the_order_of_members_and_nothing_else() {
        let hash = |body: &Value| idempotency(&request("idempotency-key", "k"), body).unwrap().unwrap().request_hash;
        let left: Value = serde_json::from_str(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#).unwrap();
        let right: Value = serde_json::from_str(r#"{ "b":{"d":null,"c":[1,2]}, "a":1 }"#).unwrap();
        assert_eq!(hash(&left), hash(&right));
        assert_ne!(hash(&left), hash(&json!({"a": 1, "b": {"c": [2, 1], "d": null}})));
        assert_eq!(hash(&left).len(), 64);
    }

    #[test]
    fn odd_keys_and_tags_are_refused() {
        for bad in ["", "a b", "ä", &"k".repeat(256)] {
            assert_eq!(idempotency(&request("Idempotency-Key", bad), &json!({})).unwrap_err().status, 400, "{bad:?}");
        }
        assert!(idempotency(&request("Idempotency-Key", &"k".repeat(255)), &json!({})).unwrap().is_some());
        for (header, version) in [("\"7\"", Some(7)), ("*", None)] {
            assert_eq!(if_match(&request("If-Match", header)).unwrap(), version);
        }
        for bad in ["7", "W/\"7\"", "\"x\"", "\"1\", \"2\"", ""] {
            assert_eq!(if_match(&request("if-match", bad)).unwrap_err().status, 400, "{bad:?}");
        }
    }
}
