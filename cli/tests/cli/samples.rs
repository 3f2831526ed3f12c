//! What the API answers, with figures that add up.

use serde_json::{Value, json};

pub fn running() -> Value {
    json!({
        "reconciliation_id": "march", "job_id": "job_shop", "tenant_id": "acme", "status": "running", "attempt": 1,
        "correlation_id": "month-end", "date_range": {"start": "2026-03-01", "end": "2026-03-31"}, "timezone": "Europe/Berlin",
        "source_adapter": "shopify", "target_adapter": "stripe", "current_step": "perform_matching",
        "total_source_records": 0, "total_target_records": 0, "matched_count": 0, "matched_target_count": 0,
        "accuracy_percentage": null, "totals": [], "warnings": [], "started_at": "2026-04-01T06:00:00.000Z", "completed_at": null,
        "duration_ms": null, "failure": null, "version": 1, "as_of": "2026-04-01T06:00:00.000Z"
    })
}

pub fn completed() -> Value {
    let mut run = running();
    let figures = json!({
        "status": "completed", "current_step": "notify_webhooks", "total_source_records": 1_204, "total_target_records": 1_201,
        "matched_count": 1_190, "matched_source_count": 1_190, "matched_target_count": 1_191, "suggested_source_count": 4,
        "suggested_target_count": 4, "unmatched_source_count": 10, "unmatched_target_count": 6, "excluded_source_count": 31,
        "excluded_target_count": 12, "discrepancy_count": 2, "errors_count": 0, "accuracy_percentage": 99.00,
        "totals": [
            {"currency": "EUR", "exponent": 2,
             "source": {"in_scope_minor": 12_345_678, "matched_minor": 12_200_000, "suggested_minor": 45_678, "unmatched_minor": 100_000, "excluded_minor": -5_000},
             "target": {"in_scope_minor": 12_300_000, "matched_minor": 12_199_900, "suggested_minor": 45_678, "unmatched_minor": 54_422, "excluded_minor": 0},
             "difference": {"fee": -140, "fx": 0, "tip": 40, "rounding": 0, "partial": 0, "unexplained": 0}},
            {"currency": "JPY", "exponent": 0,
             "source": {"in_scope_minor": 98_000, "matched_minor": 98_000, "suggested_minor": 0, "unmatched_minor": 0, "excluded_minor": 0},
             "target": {"in_scope_minor": 98_000, "matched_minor": 98_000, "suggested_minor": 0, "unmatched_minor": 0, "excluded_minor": 0},
             "difference": {"fee": 0, "fx": 0, "tip": 0, "rounding": 0, "partial": 0, "unexplained": 0}}
        ],
        "warnings": [{"code": "many_excluded", "message": "more than a fifth of the records was left out"}],
        "completed_at": "2026-04-01T06:00:12.345Z", "duration_ms": 12_345, "version": 5
    });
    merge(&mut run, figures);
    run
}

/// Completed, and nothing is open.
pub fn clean() -> Value {
    let mut run = completed();
    let zero = json!({
        "matched_count": 1_204, "matched_source_count": 1_204, "matched_target_count": 1_201, "suggested_source_count": 0,
        "suggested_target_count": 0, "unmatched_source_count": 0, "unmatched_target_count": 0, "discrepancy_count": 0,
        "accuracy_percentage": 100.0, "warnings": []
    });
    for side in ["source", "target"] {
        let amounts = &mut run["totals"][0][side];
        amounts["matched_minor"] = amounts["in_scope_minor"].clone();
        amounts["suggested_minor"] = 0.into();
        amounts["unmatched_minor"] = 0.into();
    }
    // target - source, as the amounts above have it.
    run["totals"][0]["difference"] =
        json!({"fee": -45_718, "fx": 0, "tip": 40, "rounding": 0, "partial": 0, "unexplained": 0});
    merge(&mut run, zero);
    run
}

pub fn failed() -> Value {
    let mut run = running();
    merge(&mut run, json!({"status": "failed", "duration_ms": 4_200, "errors_count": 1, "failure": failure()}));
    run
}

pub fn failure() -> Value {
    json!({"type": "Settler.ProviderAccessDenied", "message": "Stripe answered 401", "step": "fetch_stripe_payments", "retryable": false})
}

pub fn step(name: &str, status: &str) -> Value {
    let mut step = json!({"step": name, "status": status, "started_at": "2026-04-01T06:00:01.000Z", "tries": 1, "pages": 0, "records": 0});
    if status != "running" {
        step["ended_at"] = "2026-04-01T06:00:04.250Z".into();
    }
    step
}

pub fn saga(status: &str, steps: &[Value]) -> Value {
    json!({
        "saga_id": "march", "saga_type": "reconciliation", "tenant_id": "acme", "status": status, "attempt": 1,
        "execution_arn": "arn:aws:states:eu-central-1:000000000000:execution:saga:abc-a1", "current_step": null, "retry_count": 0,
        "error": null, "steps": steps, "started_at": "2026-04-01T06:00:00.500Z", "updated_at": "2026-04-01T06:00:09.000Z", "version": 9,
        "as_of": "2026-04-01T06:00:09.000Z"
    })
}

pub fn failed_saga() -> Value {
    let mut orders = step("fetch_shopify_orders", "succeeded");
    merge(&mut orders, json!({"pages": 5, "records": 1_204}));
    let mut payments = step("fetch_stripe_payments", "failed");
    merge(&mut payments, json!({"tries": 3, "failure": failure()}));
    let mut saga = saga("failed", &[orders, payments]);
    merge(&mut saga, json!({"error": failure(), "retry_count": 2}));
    saga
}

/// One undo was done, the other an operator answers for.
pub fn skipped_saga() -> Value {
    let mut matching = step("perform_matching", "undo_skipped");
    merge(&mut matching, json!({"undo_skipped": "withdrawn by hand"}));
    let mut results = step("persist_results", "undone");
    merge(&mut results, json!({"failure": failure()}));
    let mut saga = saga("failed", &[matching, results]);
    merge(&mut saga, json!({"error": failure()}));
    saga
}

pub fn waiting_saga() -> Value {
    let mut payments = step("fetch_stripe_payments", "waiting");
    let until = "2026-04-01T06:01:00.000Z";
    merge(
        &mut payments,
        json!({"waiting": {"reason": "circuit_open", "until": until, "since": "2026-04-01T06:00:08.000Z"}}),
    );
    let mut saga = saga("running", &[step("fetch_shopify_orders", "succeeded"), payments]);
    merge(&mut saga, json!({ "next_retry_at": until }));
    saga
}

/// The last step died without a word, and one undo keeps failing.
pub fn stuck_saga() -> Value {
    let mut results = step("persist_results", "undo_failed");
    merge(&mut results, json!({ "undo_failure": failure() }));
    let mut saga = saga("stuck", &[step("perform_matching", "succeeded"), results]);
    let crashed =
        json!({"type": "Settler.StepCrashed", "message": "its process died", "step": "finish", "retryable": true});
    merge(&mut saga, json!({ "error": crashed }));
    saga
}

fn merge(into: &mut Value, from: Value) {
    let Value::Object(fields) = from else { unreachable!("an object") };
    into.as_object_mut().unwrap().extend(fields);
}
