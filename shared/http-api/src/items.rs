//! Things as they are shown: the words of `domain` in the words of the API.

use crate::problem::Problem;
use domain::{
    EndpointId, JobId, Timestamp,
    decision::{Review, ReviewState},
    job::JobDefinition,
    matches::{Exception, Exclusion, Match, OrderResult},
};
use serde::Serialize;
use serde_json::{Number, Value, json};
use std::collections::BTreeMap;
use webhooks::Delivery;

fn value(of: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(of).map_err(|error| Problem::internal(format!("an answer cannot be written: {error}")))
}

/// `secrets` are those that are shown this once, by endpoint.
///
/// # Errors
/// A definition that cannot be written as JSON, which is a defect.
pub fn job_with_secrets(
    id: &JobId,
    definition: &JobDefinition,
    version: u64,
    secrets: &BTreeMap<EndpointId, String>,
) -> Result<Value, Problem> {
    let mut body = job(id, definition, version)?;
    for (place, endpoint) in definition.webhooks.iter().enumerate() {
        if let Some(secret) = secrets.get(&endpoint.endpoint_id) {
            body["webhooks"][place]["secret"] = json!(secret);
        }
    }
    Ok(body)
}

/// A delivery without what is not the caller's business: its tenant is the caller's own, its job the endpoint's.
///
/// # Errors
/// As [`job`].
pub fn delivery(delivery: &Delivery) -> Result<Value, Problem> {
    let mut body = value(delivery)?;
    if let Some(members) = body.as_object_mut() {
        for inner in ["tenant_id", "job_id", "busy_until"] {
            members.remove(inner);
        }
    }
    Ok(body)
}

/// # Errors
/// A definition that cannot be written as JSON, which is a defect.
pub fn job(id: &JobId, definition: &JobDefinition, version: u64) -> Result<Value, Problem> {
    let mut body = value(definition)?;
    body["job_id"] = json!(id);
    body["webhooks"] = value(&definition.webhooks)?;
    body["version"] = json!(version);
    Ok(body)
}

/// Ten-thousandths as a JSON number between 0 and 1: digits are written, nothing is divided.
fn confidence(basis_points: u16) -> Result<Number, Problem> {
    let digits = format!("{}.{:04}", basis_points / 10_000, basis_points % 10_000);
    let digits = digits.trim_end_matches('0');
    let digits = if digits.ends_with('.') { format!("{digits}0") } else { digits.to_owned() };
    digits.parse().map_err(|_| Problem::internal(format!("confidence {basis_points}")))
}

/// How a match of the engine stands: by its own rules, or because people decided so in an earlier run.
#[must_use]
pub fn standing(found: &Match) -> &'static str {
    match found.rule.split_once('@') {
        Some(("confirmed", _)) => "confirmed",
        Some(("manual", _)) => "manual",
        _ => "auto",
    }
}

/// `status` is `auto`, `confirmed`, `manual` or `suggested`.
///
/// # Errors
/// A match that cannot be written as JSON, which is a defect.
pub fn matched(found: &Match, status: &str, matched_at: Timestamp) -> Result<Value, Problem> {
    let mut body = verdict(found, status)?;
    body["matched_at"] = json!(matched_at);
    Ok(body)
}

/// The same without a time: a match that was not published.
///
/// # Errors
/// As [`matched`].
pub fn verdict(found: &Match, status: &str) -> Result<Value, Problem> {
    Ok(json!({
        "match_id": found.id(),
        "kind": value(&found.kind)?,
        "status": status,
        "source_ids": found.source_ids,
        "target_ids": found.target_ids,
        "order_names": found.order_names,
        "amount_minor": found.amount_minor,
        "currency": found.currency,
        "confidence": confidence(found.confidence_bp)?,
        "rule": found.rule,
        "matched_fields": found.matched_fields,
        "margin": found.margin,
        "difference": value(&found.difference)?,
        "cross_period": found.cross_period,
    }))
}

/// An exception with what people think of it.
///
/// # Errors
/// As [`matched`].
pub fn unmatched(exception: &Exception, review: Option<&Review>) -> Result<Value, Problem> {
    let mut body = value(exception)?;
    body["order_name"] = json!(exception.order_name);
    body["candidates"] = value(&exception.candidates)?;
    let here = review.map(|review| (review.state, &review.assignee, &review.note));
    let carried = exception.review.as_ref().map(|review| (review.state, &review.assignee, &review.note));
    let said = here.or(carried);
    body["state"] = json!(said.map_or(ReviewState::Open, |(state, ..)| state));
    if let Some((_, assignee, note)) = said {
        body["assignee"] = json!(assignee);
        body["note"] = json!(note);
    }
    if let Some(fields) = body.as_object_mut() {
        fields.remove("review");
    }
    Ok(body)
}

/// # Errors
/// As [`matched`].
pub fn excluded(exclusion: &Exclusion) -> Result<Value, Problem> {
    let mut body = value(exclusion)?;
    body["order_name"] = json!(exclusion.order_name);
    Ok(body)
}

/// # Errors
/// As [`matched`].
pub fn order(order: &OrderResult) -> Result<Value, Problem> {
    value(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_said_is_shown_until_this_one_says_otherwise() {
        let open = |review: Value| -> Exception {
            let mut exception = json!({
                "record_id": "ch_1", "side": "target", "class": "missing", "amount_minor": 5, "currency": "USD",
                "occurred_at": "2026-01-02T00:00:00Z", "reason": "missing_source", "explanation": "…",
            });
            exception["review"] = review;
            serde_json::from_value(exception).unwrap()
        };
        let carried = open(json!({"state": "accepted", "assignee": "ann", "note": "cash"}));
        let shown = unmatched(&carried, None).unwrap();
        assert_eq!(
            (&shown["state"], &shown["assignee"], &shown["note"]),
            (&json!("accepted"), &json!("ann"), &json!("cash"))
        );
        assert!(shown.get("review").is_none());
        let here = Review {
            attempt: 1,
            record_id: "ch_1".into(),
            side: domain::record::Side::Target,
            state: ReviewState::WrittenOff,
            assignee: None,
            note: "no longer".into(),
        };
        let shown = unmatched(&carried, Some(&here)).unwrap();
        assert_eq!((&shown["state"], &shown["assignee"]), (&json!("written_off"), &Value::Null));
        assert_eq!(unmatched(&open(Value::Null), None).unwrap()["state"], "open");
    }

    #[test]
    fn confidence_is_written_digit_by_digit() {
        for (basis_points, text) in [(10_000, "1.0"), (9_500, "0.95"), (9_999, "0.9999"), (1, "0.0001"), (0, "0.0")] {
            assert_eq!(confidence(basis_points).unwrap().to_string(), text);
        }
    }
}
