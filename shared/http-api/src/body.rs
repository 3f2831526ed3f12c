//! Bodies of commands: bytes to a typed value, with everything that is wrong with them at once.

use crate::{
    problem::Problem,
    request::Request,
    shape::{Shape, wrong},
};
use application::Caller;
use serde_json::Value;

/// Larger bodies are refused. The gateway would take ten megabytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// As [`object`], for commands that have nothing to say of necessity: no body is an empty one.
///
/// # Errors
/// As [`object`].
pub fn object_or_nothing(request: &Request, caller: &Caller) -> Result<Value, Problem> {
    if request.bytes()?.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    object(request, caller)
}

/// The JSON object in the body, without its `tenant_id`, unless that is of a wrong type, which the shape then tells
/// together with all else that is wrong.
///
/// # Errors
/// 413 above the limit, 400 when it is no JSON object, 403 when it names another tenant.
pub fn object(request: &Request, caller: &Caller) -> Result<Value, Problem> {
    let mut body = operators_object(request)?;
    let Some(object) = body.as_object_mut() else { return Ok(body) };
    match object.get("tenant_id") {
        Some(Value::String(named)) if named != caller.tenant.as_str() => {
            return Err(Problem::not_allowed("tenant_id is not the tenant of this key"));
        }
        Some(Value::String(_) | Value::Null) => {
            object.remove("tenant_id");
        }
        Some(_) | None => {}
    }
    Ok(body)
}

/// The JSON object in the body of an operator's command, as it is. Nesting is limited by the parser to 128 levels.
///
/// # Errors
/// 413 above the limit, 400 when it is no JSON object.
pub fn operators_object(request: &Request) -> Result<Value, Problem> {
    let bytes = request.bytes()?;
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Problem::too_large(MAX_BODY_BYTES));
    }
    if bytes.is_empty() {
        return Err(Problem::malformed("a JSON object is expected in the body"));
    }
    // The parser's own message tells the place and never repeats the content.
    let body: Value =
        serde_json::from_slice(&bytes).map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    if body.is_object() {
        Ok(body)
    } else {
        Err(Problem::fields(vec![wrong("", "wrong_type", "must be a JSON object")]))
    }
}

/// A body of an operator's command that may be left out, checked by its shape.
///
/// # Errors
/// As [`operators_object`], and every wrong field at once.
pub fn optional(request: &Request, shape: &Shape) -> Result<Value, Problem> {
    let none = Value::Object(serde_json::Map::new());
    let body = if request.bytes()?.is_empty() { none } else { operators_object(request)? };
    let errors = shape.check(&body);
    if errors.is_empty() { Ok(body) } else { Err(Problem::fields(errors)) }
}

/// As [`object`]; no body is an empty object.
///
/// # Errors
/// As [`object`].
pub fn optional_object(request: &Request, caller: &Caller) -> Result<Value, Problem> {
    if request.bytes()?.is_empty() { Ok(Value::Object(serde_json::Map::new())) } else { object(request, caller) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::TenantId;
    use serde_json::json;

    fn read(body: &str) -> Result<Value, Problem> {
        let caller = Caller { tenant: TenantId::parse("acme").unwrap(), key_id: "k".into() };
        object(&Request::read(json!({"routeKey": "POST /x", "body": body})).unwrap(), &caller)
    }

    #[test]
    fn only_objects_pass() {
        for bad in ["", "{", "[]", "null", "7", "\"x\"", "{\"a\":1}x", &"[".repeat(50_000), &"{\"a\":".repeat(50_000)] {
            let shown: String = bad.chars().take(20).collect();
            assert_eq!(read(bad).unwrap_err().status, 400, "{shown}");
        }
        assert_eq!(read(&format!("{{\"x\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES))).unwrap_err().status, 413);
        assert_eq!(read("{\"x\":1}").unwrap(), json!({"x": 1}));
    }

    #[test]
    fn a_tenant_in_the_body_must_be_the_keys() {
        assert_eq!(read("{\"tenant_id\":\"acme\"}").unwrap(), json!({}));
        assert_eq!(read("{\"tenant_id\":\"other\"}").unwrap_err().status, 403);
        assert_eq!(read("{\"tenant_id\":null}").unwrap(), json!({}));
        let wrong_type = read("{\"tenant_id\":7}").unwrap();
        assert_eq!(
            crate::shapes::START.check(&wrong_type).last().map(|error| error.pointer.as_str()),
            Some("/tenant_id")
        );
    }

    #[test]
    fn a_broken_body_is_not_repeated() {
        let problem = read("{\"api_key\": sk_live_secret}").unwrap_err();
        assert!(!problem.detail.contains("sk_live"), "{}", problem.detail);
    }
}
