//! The processor's side: lists and single objects of the REST API, for the account that a key belongs to.

pub mod expand;
pub mod ledger;
pub mod render;
pub mod store;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use self::store::{Entry, LISTS, Store};
use super::dataset::Dataset;
use super::state::{Shared, lock};

/// The version that the sandbox speaks; it must be named, so that nobody depends on an account's default.
const VERSION: &str = "2026-09-30.endive";
const LARGEST_PAGE: usize = 100;
const USUAL_PAGE: usize = 10;
/// In a restless account every third page repeats an object of the page before it.
const REPEATS_EVERY: u64 = 3;

/// An error in the processor's own form.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: Option<&'static str>,
    message: String,
    param: Option<String>,
}

impl Refusal {
    fn bad(code: &'static str, message: String, param: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: Some(code), message, param: Some(param.to_owned()) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = json!({ "message": self.message, "type": "invalid_request_error" });
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        if let Some(param) = self.param {
            error["param"] = json!(param);
        }
        reply(self.status, &json!({ "error": error }))
    }
}

fn reply(status: StatusCode, body: &Value) -> Response {
    let headers = [("content-type", "application/json"), ("stripe-version", VERSION), ("request-id", "req_sandbox")];
    (status, headers, body.to_string()).into_response()
}

fn account(shared: &Shared, headers: &HeaderMap) -> Result<Arc<Dataset>, Refusal> {
    let unauthorized = |message: String| Refusal { status: StatusCode::UNAUTHORIZED, code: None, message, param: None };
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(key) = given.strip_prefix("Bearer ") else {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.";
        return Err(unauthorized(message.to_owned()));
    };
    let Some(dataset) = shared.account(key) else {
        let tail: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        return Err(unauthorized(format!(
            "Invalid API Key provided: {}{tail}",
            "*".repeat(key.len().saturating_sub(4).min(20))
        )));
    };
    match headers.get("stripe-version").map(|value| value.to_str().unwrap_or_default()) {
        Some(VERSION) => Ok(dataset),
        Some(other) => Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            code: None,
            message: format!("Invalid Stripe API version: {other}. The sandbox speaks {VERSION}."),
            param: None,
        }),
        None => Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            code: None,
            message: format!("The sandbox wants the header Stripe-Version: {VERSION}."),
            param: None,
        }),
    }
}

pub async fn retrieve(
    State(shared): State<Shared>,
    Path((list, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = account(&shared, &headers).and_then(|dataset| retrieve_from(&dataset, &list, &id, query.as_deref()));
    answer.map_or_else(IntoResponse::into_response, |value| reply(StatusCode::OK, &value))
}

fn retrieve_from(dataset: &Dataset, list: &str, id: &str, query: Option<&str>) -> Result<Value, Refusal> {
    let store = &dataset.stripe;
    known(list)?;
    let singular = list.trim_end_matches('s');
    let found = store.get(id).filter(|value| value["object"] == singular);
    let mut value = found.cloned().ok_or_else(|| Refusal {
        status: StatusCode::NOT_FOUND,
        code: Some("resource_missing"),
        message: format!("No such {}: '{id}'", singular.replace('_', " ")),
        param: Some("id".to_owned()),
    })?;
    for (name, given) in parameters(query) {
        if is_expand(&name) {
            expand::expand(store, &mut value, &given)
                .map_err(|message| Refusal::bad("parameter_invalid", message, &name))?;
        } else {
            return Err(unknown_parameter(&name));
        }
    }
    Ok(value)
}

pub async fn list(
    State(shared): State<Shared>,
    Path(list): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = account(&shared, &headers).and_then(|dataset| list_from(&dataset, &list, query.as_deref()));
    answer.map_or_else(IntoResponse::into_response, |value| reply(StatusCode::OK, &value))
}

pub fn not_found(request: &axum::extract::Request) -> Response {
    let message = format!("Unrecognized request URL ({}: {}).", request.method(), request.uri().path());
    Refusal { status: StatusCode::NOT_FOUND, code: None, message, param: None }.into_response()
}

/// What a list was asked for.
#[derive(Debug, Default)]
struct Ask {
    limit: Option<usize>,
    starting_after: Option<String>,
    ending_before: Option<String>,
    from_s: Option<i64>,
    before_s: Option<i64>,
    equals: Vec<(String, String)>,
    expand: Vec<String>,
}

fn list_from(dataset: &Dataset, list: &str, query: Option<&str>) -> Result<Value, Refusal> {
    let store = &dataset.stripe;
    known(list)?;
    let ask = read(list, query)?;
    let entries = store.list(list);
    // Newest first: what is too new comes first, what is too old comes last.
    let low = ask.before_s.map_or(0, |before_s| entries.partition_point(|entry| entry.created_s >= before_s));
    let high = ask.from_s.map_or(entries.len(), |from_s| entries.partition_point(|entry| entry.created_s >= from_s));
    let wanted: Vec<&Entry> =
        entries[low..high.max(low)].iter().filter(|entry| passes(store, &entry.id, &ask.equals)).collect();
    let place = |id: &str, name: &str| {
        let at = store.get(id).and_then(|value| value["created"].as_i64());
        let at_s = at.ok_or_else(|| Refusal::bad("resource_missing", format!("No such object: '{id}'"), name))?;
        Ok(wanted.partition_point(|entry| {
            (-entry.created_s, std::cmp::Reverse(&*entry.id)) < (-at_s, std::cmp::Reverse(id))
        }))
    };
    let limit = ask.limit.unwrap_or(USUAL_PAGE);
    let (mut start, mut end, has_more);
    if let Some(id) = &ask.ending_before {
        end = place(id, "ending_before")?;
        start = end.saturating_sub(limit);
        has_more = start > 0;
    } else {
        start = match &ask.starting_after {
            Some(id) => place(id, "starting_after")? + usize::from(wanted.iter().any(|entry| entry.id == *id)),
            None => 0,
        };
        end = (start + limit).min(wanted.len());
        has_more = end < wanted.len();
        if dataset.restless
            && start > 0
            && end - start == limit
            && dataset.pages.fetch_add(1, Ordering::Relaxed).is_multiple_of(REPEATS_EVERY)
        {
            start -= 1;
        }
    }
    end = end.max(start);
    let mut data: Vec<Value> = wanted[start..end].iter().filter_map(|entry| store.get(&entry.id).cloned()).collect();
    if dataset.restless && list == "charges" && ask.before_s.is_none() && ask.starting_after.is_none() {
        data.insert(0, newcomer(dataset, data.first()));
    }
    let mut value = json!({ "object": "list", "data": data, "has_more": has_more, "url": format!("/v1/{list}") });
    for path in &ask.expand {
        expand::expand(store, &mut value, path)
            .map_err(|message| Refusal::bad("parameter_invalid", message, "expand"))?;
    }
    Ok(value)
}

/// An object that was not there when the list was read before: long after the range, so it belongs to nobody.
fn newcomer(dataset: &Dataset, like: Option<&Value>) -> Value {
    let count = dataset.pages.fetch_add(1, Ordering::Relaxed);
    let mut value = like.cloned().unwrap_or_else(|| json!({ "object": "charge" }));
    value["id"] = json!(format!("ch_3new{count:020}"));
    value["created"] = json!(dataset.end_s + 40 * 86_400 + i64::try_from(count).unwrap_or(0));
    value["metadata"] = json!({});
    value["description"] = Value::Null;
    value["payment_intent"] = Value::Null;
    value["balance_transaction"] = Value::Null;
    value
}

fn known(list: &str) -> Result<(), Refusal> {
    if LISTS.contains(&list) {
        return Ok(());
    }
    Err(Refusal {
        status: StatusCode::NOT_FOUND,
        code: None,
        message: format!("Unrecognized request URL (GET: /v1/{list})."),
        param: None,
    })
}

fn is_expand(name: &str) -> bool {
    name == "expand" || (name.starts_with("expand[") && name.ends_with(']'))
}

fn unknown_parameter(name: &str) -> Refusal {
    Refusal::bad("parameter_unknown", format!("Received unknown parameter: {name}"), name)
}

/// Parameters by which each list may be narrowed.
fn filters(list: &str) -> &'static [&'static str] {
    match list {
        "charges" => &["customer", "payment_intent"],
        "refunds" => &["charge", "payment_intent"],
        "disputes" => &["charge", "payment_intent"],
        "balance_transactions" => &["type", "source", "payout", "currency"],
        "payouts" => &["status"],
        _ => &["customer"],
    }
}

fn read(list: &str, query: Option<&str>) -> Result<Ask, Refusal> {
    let mut ask = Ask::default();
    for (name, given) in parameters(query) {
        let second = || {
            given
                .parse::<i64>()
                .map_err(|_| Refusal::bad("parameter_invalid_integer", format!("Invalid integer: {given}"), &name))
        };
        match name.as_str() {
            "limit" => {
                let limit = second()?;
                let fits = usize::try_from(limit).ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
                let message = || format!("This value must be between 1 and {LARGEST_PAGE} (it is {limit}).");
                ask.limit = Some(fits.ok_or_else(|| Refusal::bad("parameter_invalid_integer", message(), "limit"))?);
            }
            "starting_after" => ask.starting_after = Some(given),
            "ending_before" => ask.ending_before = Some(given),
            "created" => {
                let at_s = second()?;
                (ask.from_s, ask.before_s) = (Some(at_s), Some(at_s + 1));
            }
            "created[gte]" => ask.from_s = Some(second()?),
            "created[gt]" => ask.from_s = Some(second()? + 1),
            "created[lt]" => ask.before_s = Some(second()?),
            "created[lte]" => ask.before_s = Some(second()? + 1),
            _ if is_expand(&name) => ask.expand.push(given),
            _ if filters(list).contains(&name.as_str()) => ask.equals.push((name, given)),
            _ => return Err(unknown_parameter(&name)),
        }
    }
    Ok(ask)
}

fn passes(store: &Store, id: &str, equals: &[(String, String)]) -> bool {
    equals.iter().all(|(name, wanted)| {
        if name == "payout" {
            return store.payout_of(id) == Some(wanted);
        }
        store.get(id).and_then(|value| value[name.as_str()].as_str()).is_some_and(|value| value == wanted)
    })
}

/// Name and value pairs of a query string, decoded.
fn parameters(query: Option<&str>) -> Vec<(String, String)> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = escaped {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The pace that an account may keep on one list: a burst, then so many requests a second.
pub fn within_pace(shared: &Shared, key: &str) -> bool {
    shared.account(key).is_none_or(|dataset| lock(&dataset.pace).take(1))
}
