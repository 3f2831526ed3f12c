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
    let skipped = samples::skipped_saga();
    let (failed, stuck) = (samples::failed_saga(), samples::stuck_saga());
    for (id, saga) in [
        ("running", going),
        ("waiting", samples::waiting_saga()),
        ("completed", done),
        ("failed", failed),
        ("skipped", skipped),
        ("stuck", stuck),
    ] {
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
    let mut then = events.clone();
    then["version"] = json!(2);
    then["state"] = json!({"status": "running", "attempt": 1});
    fake.ok("GET /admin/events/reconciliation/march", &then).ok("GET /admin/events/correlation/month-end", &events);
    let by_aggregate = fake.settler("events list reconciliation march --as-of 2026-04-01T06:00:00Z --tenant acme");
    let by_correlation = fake.settler("events list --correlation month-end");
    assert_eq!(
        fake.lines(),
        [
            "GET /admin/events/reconciliation/march?as_of=2026-04-01T06%3A00%3A00Z&limit=50&tenant_id=acme",
            "GET /admin/events/reconciliation/march?as_of=2026-04-01T06%3A00%3A00Z&limit=1&tenant_id=acme",
            "GET /admin/events/correlation/month-end?limit=50"
        ]
    );
    insta::assert_snapshot!("events", format!("{}\n{}", by_aggregate.stdout, by_correlation.stdout));
}

#[test]
fn the_state_at_a_point_in_time_comes_in_every_format() {
    let fake = Fake::start();
    let then = json!({"items": [], "next_cursor": null, "version": 7, "state": {"status": "paused"}});
    fake.ok("GET /admin/events/saga/march", &then);
    let as_of = "events list saga march --as-of 2026-04-01T06:00:00Z";
    let table = fake.settler(as_of);
    assert_eq!((table.code, table.stdout.as_str()), (0, "{\n  \"status\": \"paused\"\n}\n"));
    assert!(table.stderr.contains("after event 7"), "{}", table.stderr);
    let lines = fake.settler(&format!("{as_of} -o jsonl")).stdout;
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({"as_of": "2026-04-01T06:00:00Z", "version": 7, "state": {"status": "paused"}}));

    fake.ok("GET /admin/events/matches/march-a1", &json!({"items": [], "next_cursor": null}));
    let never = fake.settler("events list matches march-a1 --as-of 2026-04-01T06:00:00Z");
    assert!(never.code == 0 && never.stderr.contains("never folded"), "{never:?}");
}

fn audited(streams: u64, damaged: &serde_json::Value, next: Option<&str>) -> serde_json::Value {
    json!({
        "intact": damaged == &json!([]), "streams": streams, "commits": 2 * streams, "events": 9 * streams,
        "damaged": damaged, "rebuilt": [], "next_cursor": next,
    })
}

#[test]
fn an_audit_goes_on_until_all_is_verified() {
    let fake = Fake::start();
    fake.ok("POST /admin/events/verify?tenant_id=acme", &audited(500, &json!([]), Some("c1")));
    fake.ok("POST /admin/events/verify?cursor=c1&tenant_id=acme", &audited(20, &json!([]), None));
    let run = fake.settler("events verify --tenant acme");
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert_eq!(run.stderr, "intact: 4,680 events in 1,040 commits of 520 streams\n");
    assert_eq!(fake.calls()[0].body, json!({}));
    let json = fake.settler("events verify --tenant acme -o json").stdout;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["streams"],
        520,
        "one document, however many calls it took"
    );
}

#[test]
fn damage_is_named_and_ends_with_exit_code_8() {
    let fake = Fake::start();
    let damaged = json!([{"tenant_id": "acme", "aggregate_type": "reconciliation", "aggregate_id": "march", "sequence": 3, "detail": "the commit, or one before it, was altered: its hash does not fit. Restore it from the point-in-time backup"}]);
    fake.ok("POST /admin/events/verify", &audited(1, &damaged, None));
    let run = fake.settler("events verify reconciliation march --tenant acme");
    assert_eq!(run.code, 8);
    assert_eq!(fake.calls()[0].body, json!({"aggregate_type": "reconciliation", "aggregate_id": "march"}));
    insta::assert_snapshot!("events_damaged", format!("{}{}", run.stdout, run.stderr));
}

#[test]
fn heads_are_rebuilt_only_when_that_is_wanted() {
    let fake = Fake::start();
    let mut rebuilt = audited(4, &json!([]), None);
    rebuilt["rebuilt"] =
        json!([{"tenant_id": "acme", "aggregate_type": "saga", "aggregate_id": "march", "was": null, "version": 9}]);
    fake.ok("POST /admin/events/rebuild-heads", &rebuilt);
    let asked = fake.settler("events rebuild-heads");
    assert_eq!((asked.code, fake.lines().len()), (2, 0), "{asked:?}");
    let done = fake.settler("events rebuild-heads --yes");
    assert_eq!(done.code, 0);
    insta::assert_snapshot!("events_rebuilt", format!("{}{}", done.stdout, done.stderr));
}
