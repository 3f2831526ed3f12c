//! Sagas and events, which platform keys may read.

use crate::{fake::Fake, samples};
use serde_json::json;

#[test]
fn a_saga_reads_like_a_story() {
    let fake = Fake::start();
    let going = samples::saga(
        "running",
        &[samples::step("fetch_shopify_orders", "succeeded"), samples::step("fetch_stripe_payments", "running")],
    );
    let done = samples::saga("completed", &[samples::step("fetch_shopify_orders", "succeeded")]);
    for (id, saga) in [("running", going), ("completed", done), ("failed", samples::failed_saga())] {
        fake.ok(&format!("GET /admin/sagas/reconciliation/{id}"), &saga);
        let run = fake.settler(&format!("saga status {id}"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{id}");
        insta::assert_snapshot!(format!("saga_{id}"), run.stdout);
    }
}

#[test]
fn sagas_are_listed_by_status() {
    let fake = Fake::start();
    fake.ok("GET /admin/sagas", &json!({"items": [samples::failed_saga()], "next_cursor": null}));
    let run = fake.settler("saga list --status failed");
    assert_eq!(fake.lines(), ["GET /admin/sagas?status=failed&limit=50"]);
    insta::assert_snapshot!("saga_list", run.stdout);
}

#[test]
fn events_are_listed_by_aggregate_and_by_correlation() {
    let fake = Fake::start();
    let event = |sequence: u64, kind: &str, data| json!({"id": "e", "aggregate_id": "march", "aggregate_type": "reconciliation", "sequence": sequence, "event_type": kind, "event_version": 1, "data": data, "metadata": {"tenant_id": "acme", "user_id": "key_1", "timestamp": "2026-04-01T06:00:00.000Z", "correlation_id": "month-end"}, "created_at": "2026-04-01T06:00:00.100Z"});
    let events = json!({"items": [
        event(1, "ReconciliationStarted", json!({"job_id": "job_shop", "date_range": {"start": "2026-03-01", "end": "2026-03-31"}, "none": null})),
        event(2, "OrdersFetched", json!({"attempt": 1, "count": 1204, "digest": "0123456789abcdef0123456789abcdef0123456789abcdef"})),
    ], "next_cursor": null});
    fake.ok("GET /admin/events/reconciliation/march", &events).ok("GET /admin/events/correlation/month-end", &events);
    let by_aggregate = fake.settler("events list reconciliation march --as-of 2026-04-01T06:00:00Z --tenant acme");
    let by_correlation = fake.settler("events list --correlation month-end");
    assert_eq!(
        fake.lines(),
        [
            "GET /admin/events/reconciliation/march?as_of=2026-04-01T06%3A00%3A00Z&limit=50&tenant_id=acme",
            "GET /admin/events/correlation/month-end?limit=50"
        ]
    );
    insta::assert_snapshot!("events", format!("{}\n{}", by_aggregate.stdout, by_correlation.stdout));
}
