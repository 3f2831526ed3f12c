//! What a message in a dead-letter queue tells about itself. It comes from one of four:
//! - a consumer of ours, which wrote down why;
//! - a redrive policy, which says nothing: the consumer crashed;
//! - EventBridge, which could not deliver an event and says so in attributes;
//! - Lambda, whose record of a failed invocation holds the event or, for a stream, the place of its records.

use crate::sources::{Source, Sources};
use aws_lambda_events::event::sqs::SqsMessage;
use domain::{CorrelationId, ErrorName, TenantId, Timestamp, ids::MAX_ID_LENGTH};
use resilience::{
    Attributes, DeadLetter, Postmark,
    dead_letter::{Cause, MAX_ERROR_MESSAGE, letter_id},
};
use serde_json::Value;

/// What is written where not even the queue is known.
const UNKNOWN: &str = "unknown";
const UNKNOWN_RETRIES: u32 = 5;

/// The entry of a message; of any message.
#[must_use]
pub fn letter(message: &SqsMessage, sources: &Sources, now: Timestamp) -> DeadLetter {
    let attributes: Attributes = message
        .message_attributes
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.string_value.clone()?)))
        .collect();
    let body = message.body.clone().unwrap_or_default();
    let parsed: Value = serde_json::from_str(&body).unwrap_or_default();
    let source = source_of(message, &attributes, sources);
    let max_retries = source.map_or(UNKNOWN_RETRIES, |source| source.max_retries);
    let message_id = identity(message.message_id.as_deref().unwrap_or_default(), &body);
    let sent = message.attributes.get("SentTimestamp").and_then(|sent| sent.parse().ok()).map(Timestamp::from_millis);
    let postmark = Postmark::read(&attributes).filter(|postmark| is_id(&postmark.dead_letter_id));
    let failed = Failed::of(&attributes, &parsed, postmark.as_ref(), max_retries);
    let payload = failed.payload.unwrap_or(body);
    let known: Value = serde_json::from_str(&payload).unwrap_or_default();
    let subject = Subject::of(&known);
    DeadLetter {
        id: postmark.as_ref().map_or_else(|| message_id.clone(), |postmark| postmark.dead_letter_id.clone()),
        occurrence: message_id,
        source: source.map_or(UNKNOWN, |source| &source.source).to_owned(),
        tenant_id: subject.tenant,
        correlation_id: subject.correlation_id,
        saga_id: subject.saga_id,
        event_id: subject.event_id,
        error_type: failed.cause.error_type,
        error_message: failed.cause.error_message.chars().take(MAX_ERROR_MESSAGE).collect(),
        payload,
        retry_count: failed.attempts,
        max_retries,
        first_seen: postmark.map(|postmark| postmark.first_seen).or(sent).unwrap_or(now),
        last_seen: now,
    }
}

fn source_of<'a>(message: &SqsMessage, attributes: &Attributes, sources: &'a Sources) -> Option<&'a Source> {
    let by_target = attributes.get("TARGET_ARN").and_then(|target| sources.of_target(target));
    by_target.or_else(|| sources.of_queue(message.event_source_arn.as_deref()?))
}

fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(allowed)
}

/// A message's own id, or one of its content: keys and addresses are made of it.
fn identity(message_id: &str, body: &str) -> String {
    if is_id(message_id) { message_id.to_owned() } else { letter_id(message_id, body) }
}

struct Failed {
    cause: Cause,
    attempts: u32,
    /// What is to be sent again, where that is not the body itself.
    payload: Option<String>,
}

impl Failed {
    fn of(attributes: &Attributes, body: &Value, postmark: Option<&Postmark>, max_retries: u32) -> Self {
        let before = postmark.map_or(0, |postmark| postmark.attempts);
        if let Some(cause) = Cause::read(attributes) {
            return Self { cause, attempts: before.max(1), payload: None };
        }
        if let Some(code) = attributes.get("ERROR_CODE") {
            let error_message =
                attributes.get("ERROR_MESSAGE").cloned().unwrap_or_else(|| "could not be delivered".into());
            let attempts = attributes.get("RETRY_ATTEMPTS").and_then(|count| count.parse().ok()).unwrap_or(1);
            return Self { cause: Cause { error_type: code.clone(), error_message }, attempts, payload: None };
        }
        if let Some(condition) = body.pointer("/requestContext/condition").and_then(Value::as_str) {
            return Self::invocation(body, condition);
        }
        let name = ErrorName::ConsumerCrashed;
        let error_message = format!("the consumer ended {max_retries} times without saying why: look into its log");
        let cause = Cause { error_type: name.as_str().to_owned(), error_message };
        Self { cause, attempts: before.saturating_add(max_retries), payload: None }
    }

    /// Lambda's record of an invocation that failed for the last time.
    fn invocation(body: &Value, condition: &str) -> Self {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let attempts = body.pointer("/requestContext/approximateInvokeCount").and_then(Value::as_u64);
        let cause = Cause {
            error_type: text("/responsePayload/errorType").unwrap_or_else(|| condition.to_owned()),
            error_message: text("/responsePayload/errorMessage")
                .unwrap_or_else(|| "the function failed; its log says why".to_owned()),
        };
        let payload = body.get("requestPayload").map(Value::to_string);
        Self { cause, attempts: attempts.and_then(|count| u32::try_from(count).ok()).unwrap_or(1), payload }
    }
}

/// Whom a payload is about, as far as it says.
#[derive(Default)]
struct Subject {
    tenant: Option<TenantId>,
    correlation_id: Option<String>,
    saga_id: Option<String>,
    event_id: Option<String>,
}

impl Subject {
    /// Of an event of the bus, whose `detail` is a doorbell; of a doorbell, a delivery or a command itself.
    fn of(payload: &Value) -> Self {
        let about = ["detail", "scheduler"].iter().find_map(|name| payload.get(name)).unwrap_or(payload);
        let text = |name: &str| about.get(name).and_then(Value::as_str);
        let of_saga = text("aggregate_type").is_some_and(|kind| matches!(kind, "reconciliation" | "saga"));
        let saga_id = text("reconciliation_id").or_else(|| text("aggregate_id").filter(|_| of_saga));
        let is_bus_event = payload.get("detail-type").is_some();
        Self {
            tenant: text("tenant_id").and_then(|tenant| TenantId::parse(tenant).ok()),
            correlation_id: text("correlation_id")
                .and_then(|id| CorrelationId::parse(id).ok())
                .map(|id| id.to_string()),
            saga_id: saga_id.filter(|id| is_id(id)).map(str::to_owned),
            event_id: payload
                .get("id")
                .and_then(Value::as_str)
                .filter(|id| is_bus_event && is_id(id))
                .map(str::to_owned),
        }
    }
}
