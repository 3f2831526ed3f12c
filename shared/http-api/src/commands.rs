//! Bodies of commands as typed commands.

use crate::{
    body,
    conditional::{idempotency, if_match},
    problem::{Problem, both},
    request::Request,
    shape::{Shape, wrong},
    shapes::{CREATE_JOB, CREATE_UPLOAD, DECIDE, MAKE_MATCH, PUT_CONNECTION, REPLACE_JOB, REVIEW, START},
};
use application::{Caller, Choice, FieldError, Idempotency, ReviewException, StartReconciliation, WantedJob};
use domain::{
    ConnectionId, CorrelationId, DateRange, EndpointId, JobId, ReconciliationId,
    connection::Adapter,
    decision::ReviewState,
    job::{JobDefinition, Side},
    schedule::{Period, Schedule, check_expression},
    time::InvalidTime,
    webhook::{MAX_ENDPOINTS, WantedEndpoint},
};
use matching::RuleSet;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// The shape was checked, so a body that still does not decode is our own mistake.
fn decode<T: DeserializeOwned>(body: &Value) -> Result<T, Problem> {
    T::deserialize(body).map_err(|_| Problem::internal("a body passed its shape and did not decode"))
}

#[derive(Deserialize)]
struct StartBody {
    reconciliation_id: Option<ReconciliationId>,
    job_id: JobId,
    source_adapter: Option<Adapter>,
    target_adapter: Option<Adapter>,
    date_range: DateRange,
    correlation_id: Option<CorrelationId>,
}

/// # Errors
/// Every wrong field at once.
pub fn start_from(body: &Value) -> Result<StartReconciliation, Problem> {
    let mut errors = START.check(body);
    errors.extend(range_error(body));
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let StartBody { reconciliation_id, job_id, source_adapter, target_adapter, date_range, correlation_id } =
        decode(body)?;
    Ok(StartReconciliation { reconciliation_id, job_id, date_range, source_adapter, target_adapter, correlation_id })
}

/// What only the two dates together can be wrong about.
fn range_error(body: &Value) -> Option<FieldError> {
    let range = DateRange::deserialize(body.get("date_range")?).ok()?;
    match range.validate().err()? {
        error @ InvalidTime::Reversed { .. } => Some(wrong("/date_range/end", "invalid", error.to_string())),
        error @ InvalidTime::TooLong { .. } => Some(wrong("/date_range", "invalid", error.to_string())),
        // The dates themselves were judged one by one.
        InvalidTime::Date(_) | InvalidTime::Instant(_) | InvalidTime::Zone(_) => None,
    }
}

/// # Errors
/// As [`body::object`]; every wrong field and header at once.
pub fn start(request: &Request, caller: &Caller) -> Result<(StartReconciliation, Option<Idempotency>), Problem> {
    let body = body::object(request, caller)?;
    both(start_from(&body), idempotency(request, &body))
}

/// Id, adapter and credentials.
///
/// # Errors
/// As [`body::object`]; everything that is wrong at once, values never shown.
pub fn put_connection(request: &Request, caller: &Caller) -> Result<(ConnectionId, Adapter, Value), Problem> {
    let body = body::object(request, caller)?;
    let (id, (adapter, credentials)) = both(request.new_id("id"), connection(&body))?;
    Ok((id, adapter, credentials))
}

/// A body has nothing to say; an empty one is as good as `{}`.
///
/// # Errors
/// As [`body::object`], and for a field that is not known.
pub fn create_upload(request: &Request, caller: &Caller) -> Result<Option<Idempotency>, Problem> {
    let body = if request.bytes()?.is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        body::object(request, caller)?
    };
    let errors = CREATE_UPLOAD.check(&body);
    let shape = if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) };
    Ok(both(shape, idempotency(request, &body))?.1)
}

/// The credentials' own fields are checked by the provider.
fn connection(body: &Value) -> Result<(Adapter, Value), Problem> {
    let mut errors = PUT_CONNECTION.check(body);
    let adapter = body.get("adapter").and_then(Value::as_str).and_then(Adapter::parse);
    let credentials = body.get("credentials").filter(|credentials| credentials.is_object()).cloned();
    if let (Some(adapter), Some(credentials)) = (adapter, &credentials)
        && let Err(found) = providers::validate_credentials(adapter.as_str(), credentials)
    {
        errors.extend(
            found.into_iter().map(|error| wrong(&format!("/credentials{}", error.pointer), error.code, error.detail)),
        );
    }
    match (adapter, credentials) {
        (Some(adapter), Some(credentials)) if errors.is_empty() => Ok((adapter, credentials)),
        _ => Err(Problem::fields(errors)),
    }
}

#[derive(Deserialize)]
struct JobBody {
    job_id: Option<JobId>,
    name: String,
    source: Side,
    target: Side,
    timezone: Option<String>,
    matching_rules: Option<Value>,
    #[serde(default)]
    webhooks: Option<Vec<WebhookBody>>,
    schedule: Option<ScheduleBody>,
}

#[derive(Deserialize)]
struct WebhookBody {
    endpoint_id: Option<EndpointId>,
    url: String,
}

#[derive(Deserialize)]
struct ScheduleBody {
    expression: String,
    timezone: Option<String>,
    window: Period,
}

/// # Errors
/// As [`body::object`]; every wrong field and header at once, those of the rules included.
pub fn create_job(
    request: &Request,
    caller: &Caller,
) -> Result<(Option<JobId>, WantedJob, Option<Idempotency>), Problem> {
    let body = body::object(request, caller)?;
    let ((id, wanted), idempotency) = both(job(&body, &CREATE_JOB), idempotency(request, &body))?;
    Ok((id, wanted, idempotency))
}

/// The definition and the version that it is to replace.
///
/// # Errors
/// As [`create_job`].
pub fn replace_job(request: &Request, caller: &Caller) -> Result<(WantedJob, Option<u64>), Problem> {
    let body = body::object(request, caller)?;
    let ((_, wanted), expected) = both(job(&body, &REPLACE_JOB), if_match(request))?;
    Ok((wanted, expected))
}

fn job(body: &Value, shape: &Shape) -> Result<(Option<JobId>, WantedJob), Problem> {
    let mut errors = shape.check(body);
    if let Some(rules) = body.get("matching_rules").filter(|rules| rules.is_object())
        && let Err(found) = RuleSet::from_json(rules)
    {
        errors.extend(
            found
                .into_iter()
                .map(|error| wrong(&format!("/matching_rules{}", error.pointer), "invalid", error.message)),
        );
    }
    let expression = body.pointer("/schedule/expression").and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(error) = expression.and_then(|expression| check_expression(expression).err()) {
        errors.push(wrong("/schedule/expression", "invalid", error.to_string()));
    }
    if body.get("webhooks").and_then(Value::as_array).is_some_and(|webhooks| webhooks.len() > MAX_ENDPOINTS) {
        errors.push(wrong("/webhooks", "invalid", format!("a job has at most {MAX_ENDPOINTS} endpoints")));
    }
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let JobBody { job_id, name, source, target, timezone, matching_rules, webhooks, schedule } = decode(body)?;
    let timezone = timezone.unwrap_or_else(|| "UTC".to_owned());
    let schedule = schedule.map(|ScheduleBody { expression, timezone: zone, window }| Schedule {
        expression,
        timezone: zone.unwrap_or_else(|| timezone.clone()),
        window,
    });
    let webhooks = webhooks.unwrap_or_default().into_iter();
    let webhooks = webhooks.map(|WebhookBody { endpoint_id, url }| WantedEndpoint { endpoint_id, url }).collect();
    let definition = JobDefinition { name, source, target, timezone, matching_rules, webhooks: Vec::new(), schedule };
    Ok((job_id, WantedJob { definition, webhooks }))
}

#[derive(Deserialize)]
struct DecideBody {
    reason: String,
}

#[derive(Deserialize)]
struct MakeBody {
    source_ids: Vec<String>,
    target_ids: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
struct ReviewBody {
    state: ReviewState,
    assignee: Option<String>,
    note: String,
}

/// Most records of one match by hand.
const MAX_MEMBERS: usize = 1_000;

/// A reason, with the key.
///
/// # Errors
/// As [`body::object`]; every wrong field and header at once.
pub fn decide(request: &Request, caller: &Caller) -> Result<(String, Option<Idempotency>), Problem> {
    let body = body::object(request, caller)?;
    let (DecideBody { reason }, idempotency) = both(shaped(&body, &DECIDE), idempotency(request, &body))?;
    Ok((reason, idempotency))
}

/// The records of a match and a reason, with the key.
///
/// # Errors
/// As [`decide`].
pub fn make_match(request: &Request, caller: &Caller) -> Result<(Choice, String, Option<Idempotency>), Problem> {
    let body = body::object(request, caller)?;
    let mut errors = MAKE_MATCH.check(&body);
    for side in ["source_ids", "target_ids"] {
        let count = body.get(side).and_then(Value::as_array).map(Vec::len);
        if count.is_some_and(|count| !(1..=MAX_MEMBERS).contains(&count)) {
            errors.push(wrong(&format!("/{side}"), "invalid", format!("must have 1 to {MAX_MEMBERS} ids")));
        }
    }
    let read = if errors.is_empty() { decode::<MakeBody>(&body) } else { Err(Problem::fields(errors)) };
    let (MakeBody { source_ids, target_ids, reason }, idempotency) = both(read, idempotency(request, &body))?;
    Ok((Choice::Make { source_ids, target_ids }, reason, idempotency))
}

/// What is thought of an exception, with the key.
///
/// # Errors
/// As [`decide`].
pub fn review(request: &Request, caller: &Caller) -> Result<(ReviewException, Option<Idempotency>), Problem> {
    let body = body::object(request, caller)?;
    let (ReviewBody { state, assignee, note }, idempotency) =
        both(shaped(&body, &REVIEW), idempotency(request, &body))?;
    let record_id = percent_decoded(request.path("record_id"));
    Ok((ReviewException { record_id, state, assignee, note }, idempotency))
}

fn shaped<T: DeserializeOwned>(body: &Value, shape: &Shape) -> Result<T, Problem> {
    let errors = shape.check(body);
    if errors.is_empty() { decode(body) } else { Err(Problem::fields(errors)) }
}

/// A part of a path as it was meant; what is no encoding stays as it is.
fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The key of a command without fields. A body is not needed; one that is there must be an empty object.
///
/// # Errors
/// As [`body::object`]; 400 for any field.
pub fn without_fields(request: &Request, caller: &Caller) -> Result<Option<Idempotency>, Problem> {
    const NOTHING: Shape = Shape { name: "Nothing", about: "", fields: &[] };
    let body = body::optional_object(request, caller)?;
    let errors = NOTHING.check(&body);
    let fields = if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) };
    Ok(both(fields, idempotency(request, &body))?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(body: &Value) -> Vec<String> {
        start_from(body).unwrap_err().errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn dates_are_judged_alone_and_together() {
        let body = |start: &str, end: &str| json!({"job_id": "j", "date_range": {"start": start, "end": end}});
        assert!(start_from(&body("2026-01-01", "2026-01-31")).is_ok());
        assert_eq!(pointers(&body("2026-02-01", "2026-01-01")), ["/date_range/end"]);
        assert_eq!(pointers(&body("2024-01-01", "2026-01-01")), ["/date_range"]);
        assert_eq!(pointers(&body("9999-12-01", "9999-12-31")), ["/date_range/end"]);
        assert_eq!(pointers(&body("2026-02-30", "soon")), ["/date_range/start", "/date_range/end"]);
    }

    #[test]
    fn a_records_id_may_be_encoded_or_not() {
        for (written, meant) in [
            ("gid://shopify/OrderTransaction/1", "gid://shopify/OrderTransaction/1"),
            ("gid%3A%2F%2Fshopify%2FOrderTransaction%2f1", "gid://shopify/OrderTransaction/1"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%c3%a4", "ä"),
            ("%ff", "%ff"),
        ] {
            assert_eq!(percent_decoded(written), meant);
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_start_is_said_at_once() {
        let body = json!({"reconciliation_id": "a/b c", "job_id": 7, "source_adapter": "paypal", "date_range": {"start": "2026-02-01", "end": "2026-01-01"}, "colour": "red"});
        assert_eq!(pointers(&body), ["/reconciliation_id", "/job_id", "/source_adapter", "/colour", "/date_range/end"]);
    }
}
