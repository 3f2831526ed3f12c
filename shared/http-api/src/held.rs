//! Answers held against the OpenAPI document, so that functions' tests cannot pass with an answer that it does not
//! promise.

use crate::{
    routes::{Answer, Route},
    shape::Shape,
    shapes::PROBLEM,
};
use serde_json::Value;

/// An answer that keeps what the document says of its route.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub status: u64,
    pub headers: Value,
    /// Null when there is none.
    pub body: Value,
}

impl Held {
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Pointer and code of every wrong field in a problem.
    #[must_use]
    pub fn wrong(&self) -> Vec<(&str, &str)> {
        let errors = self.body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |error, name| Value::get(error, name).and_then(Value::as_str).unwrap_or_default();
        errors.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect()
    }
}

/// The answer that a function gave to an event of the gateway.
///
/// # Errors
/// Everything in which it differs from the document.
pub fn hold(event: &Value, answer: &Value) -> Result<Held, Vec<String>> {
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut wrong = Vec::new();
    let body = match text(answer, "/body") {
        empty if empty.is_empty() => Value::Null,
        body => serde_json::from_str(&body).unwrap_or_else(|error| {
            wrong.push(format!("the body is not JSON: {error}"));
            Value::Null
        }),
    };
    let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or_default();
    let held = Held { status, headers: answer.get("headers").cloned().unwrap_or_default(), body };
    let route = Route::find(&text(event, "/routeKey"));
    let (statuses, problems, promised) = match route {
        Some(route) => (route.statuses, route.problems, &route.answer),
        None => (&[][..], &[404][..], &Answer::Nothing),
    };
    let among = |known: &[u16]| known.iter().any(|known| u64::from(*known) == status);
    if among(problems) {
        wrong.extend(differs(&PROBLEM, &held.body));
        wrong.extend(misdescribed(&held, &text(event, "/requestContext/requestId"), &text(event, "/rawPath")));
    } else if among(statuses) {
        wrong.extend(unpromised(promised, &held));
    } else {
        wrong.push(format!("{} does not say that it answers {status}: {}", text(event, "/routeKey"), held.body));
    }
    if wrong.is_empty() { Ok(held) } else { Err(wrong) }
}

fn differs(shape: &Shape, value: &Value) -> Vec<String> {
    let errors = shape.check(value);
    errors.into_iter().map(|error| format!("{}{}: {}", shape.name, error.pointer, error.detail)).collect()
}

/// A problem speaks of this request, and is sent as what it is.
fn misdescribed(held: &Held, request_id: &str, path: &str) -> Vec<String> {
    let expected = [
        (held.header("content-type"), "application/problem+json"),
        (held.body["request_id"].as_str().unwrap_or_default(), request_id),
        (held.body["instance"].as_str().unwrap_or_default(), path),
    ];
    let mut wrong: Vec<String> = expected
        .into_iter()
        .filter(|(found, expected)| found != expected)
        .map(|(found, expected)| format!("a problem says `{found}` where `{expected}` belongs"))
        .collect();
    if held.body["status"] != held.status {
        wrong.push(format!("a problem with status {} says {}", held.status, held.body["status"]));
    }
    wrong
}

fn unpromised(promised: &Answer, held: &Held) -> Vec<String> {
    match promised {
        Answer::Nothing if held.body.is_null() => Vec::new(),
        Answer::Nothing => vec!["a body where none is promised".to_owned()],
        Answer::One(shape) => {
            let mut wrong = differs(shape, &held.body);
            let version = held.body.get("version").map(|version| format!("\"{version}\""));
            if version.is_some_and(|version| held.header("etag") != version) {
                wrong.push(format!("the ETag {} is not the version", held.header("etag")));
            }
            wrong
        }
        Answer::PageOf(shape) => {
            let Some(items) = held.body.get("items").and_then(Value::as_array) else {
                return vec!["a page has no items".to_owned()];
            };
            let mut wrong: Vec<String> = items.iter().flat_map(|item| differs(shape, item)).collect();
            if held.body.get("next_cursor").is_none() {
                wrong.push("a page has no next_cursor".to_owned());
            }
            wrong
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{problem::Problem, request::Request, response::Response};
    use serde_json::json;

    fn event(route: &str) -> Value {
        json!({"routeKey": route, "rawPath": "/v1/x", "requestContext": {"requestId": "r1"}})
    }

    #[test]
    fn only_what_is_promised_holds() {
        let connection = json!({"connection_id": "c", "adapter": "stripe", "version": 3});
        let get = event("GET /v1/connections/{id}");
        let held = hold(&get, &Response::json(200, &connection).etag(3).into_value()).unwrap();
        assert_eq!((held.status, held.header("etag")), (200, "\"3\""));
        assert!(hold(&get, &Response::json(200, &connection).etag(2).into_value()).is_err(), "another version");
        assert!(hold(&get, &Response::json(201, &connection).etag(3).into_value()).is_err(), "another status");
        let more = json!({"connection_id": "c", "adapter": "stripe", "version": 3, "api_key": "sk"});
        assert!(hold(&get, &Response::json(200, &more).etag(3).into_value()).is_err(), "a field too many");
        let delete = event("DELETE /v1/jobs/{id}");
        assert!(hold(&delete, &Response::empty(204).into_value()).is_ok());
        assert!(hold(&delete, &Response::json(204, &json!({})).into_value()).is_err());
        let page = |items: Value| Response::json(200, &json!({"items": items, "next_cursor": null})).into_value();
        assert!(hold(&event("GET /v1/jobs"), &page(json!([]))).is_ok());
        assert!(hold(&event("GET /v1/jobs"), &page(json!([{}]))).is_err());
        assert!(hold(&event("GET /v1/jobs"), &page(Value::Null)).is_err());
    }

    #[test]
    fn a_problem_speaks_of_its_request() {
        let wrong = || Problem::parameter("query:limit", "is wrong");
        let list = event("GET /v1/jobs");
        let request = Request::read(list.clone()).unwrap();
        let held = hold(&list, &wrong().respond(Some(&request)).into_value()).unwrap();
        assert_eq!(held.wrong(), [("query:limit", "invalid")]);
        assert!(hold(&list, &wrong().respond(None).into_value()).is_err(), "no request_id");
        let not_found = || Problem::not_found("no").respond(Some(&request)).into_value();
        assert!(hold(&list, &not_found()).is_err(), "the document has no 404 for a list");
        assert!(hold(&event("$default"), &not_found()).is_ok());
    }
}
