//! Usage, error hotspots and projections.

use crate::fake::{Fake, Reply};
use serde_json::{Value, json};

fn rebuild(phase: &str, finished: bool) -> Value {
    json!({
        "number": 3, "scope": "all", "phase": phase, "started_at": "2026-04-01T06:00:00.000Z",
        "updated_at": "2026-04-01T06:00:01.000Z", "finished_at": finished.then_some("2026-04-01T06:00:01.000Z"),
        "total": 1204, "done": if finished { 1204 } else { 300 }, "unfolded_count": 0, "unfolded": [],
    })
}

fn projections(rebuild: &Value) -> Value {
    let item = |name: &str, follows: &str, rebuild: Value| json!({"projection": name, "aggregate_type": follows, "live": 2, "building": null, "live_format": 1, "format": 1, "rebuild": rebuild});
    json!({"items": [
        item("reconciliation_summary", "reconciliation", rebuild.clone()),
        item("saga_state", "saga", Value::Null),
    ], "next_cursor": null, "as_of": "2026-04-01T06:00:02.000Z"})
}

fn comparison(inexact: &Value, exact: u64) -> Value {
    json!({"checked": 2400, "exact": exact, "inexact": inexact, "next_cursor": null, "as_of": "2026-04-01T06:00:02.000Z"})
}

#[test]
fn usage_is_shown_by_day_with_its_total() {
    let fake = Fake::start();
    let day = |day: &str, failures: u64| json!({"day": day, "reconciliations": 4, "records": 2408, "matches": 1180, "successes": 4 - failures, "failures": failures, "duration_ms": 42_000, "as_of": "2026-03-01T06:00:00.000Z"});
    fake.ok("GET /v1/usage", &json!({"items": [day("2026-03-01", 1), day("2026-03-02", 0)], "next_cursor": null}));
    let run = fake.settler("usage --from 2026-03-01 --to 2026-03-31");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(fake.lines(), ["GET /v1/usage?from=2026-03-01&to=2026-03-31&limit=200"]);
    insta::assert_snapshot!("usage", run.stdout);
    assert_eq!(fake.settler("usage --from 2026-02-30").code, 2);
}

#[test]
fn hotspots_stand_with_the_most_frequent_first() {
    let fake = Fake::start();
    let spot = |count: u64, error: &str| json!({"job_id": "job_shop", "reconciliation_id": "march", "error_type": error, "step": "fetch_stripe_payments", "count": count, "first_seen": "2026-04-01T06:00:00.000Z", "last_seen": "2026-04-01T06:05:00.000Z", "last_message": "stripe answered 503"});
    fake.ok("GET /v1/error-hotspots", &json!({"items": [spot(1, "Settler.ProviderThrottled"), spot(7, "Settler.ProviderUnavailable")], "next_cursor": null}));
    let run = fake.settler("error-hotspots --job job_shop");
    assert_eq!(fake.lines(), ["GET /v1/error-hotspots?job_id=job_shop&limit=50"]);
    insta::assert_snapshot!("error_hotspots", run.stdout);
}

#[test]
fn status_proves_completeness_or_names_what_is_missing() {
    let fake = Fake::start();
    fake.ok("GET /admin/projections", &projections(&rebuild("done", true)));
    fake.ok("GET /admin/projections/comparison", &comparison(&json!([]), 2400));
    let run = fake.settler("projections status");
    assert_eq!(run.code, 0, "{run:?}");
    insta::assert_snapshot!("projections_exact", run.stdout);

    let fake = Fake::start();
    let pair = |standing: &str, error: Value| json!({"projection": "saga_state", "projection_version": 2, "tenant_id": "acme", "aggregate_type": "saga", "aggregate_id": "march", "standing": standing, "checkpoint": 4, "head": 9, "position": null, "error": error});
    let inexact = json!([
        pair("behind", Value::Null),
        pair("parked", json!("NobodyKnows at sequence 5 cannot be applied: unknown variant"))
    ]);
    fake.ok("GET /admin/projections", &projections(&rebuild("folding", false)));
    fake.ok("GET /admin/projections/comparison", &comparison(&inexact, 2398));
    let run = fake.settler("projections status");
    assert_eq!((run.code, run.stderr.as_str()), (8, "error: 2 of 2,400 pairs are not exact\n"));
    insta::assert_snapshot!("projections_inexact", run.stdout);
    let json: Value = serde_json::from_str(&fake.settler("-o json projections status").stdout).unwrap();
    assert_eq!((&json["exact"], &json["inexact"][1]["standing"]), (&json!(2398), &json!("parked")));
}

#[test]
fn a_rebuild_is_waited_for() {
    let fake = Fake::start();
    let started = json!({"rebuilds": [{"projection": "reconciliation_summary", "rebuild": rebuild("announcing", false), "resumed": false}]});
    fake.on("POST /admin/projections/rebuild", Reply::json(202, &started));
    fake.ok("GET /admin/projections", &projections(&rebuild("done", true)));
    let run = fake.settler("projections rebuild --projection reconciliation_summary");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("rebuild 3 of reconciliation_summary was asked for"), "{}", run.stderr);
    insta::assert_snapshot!("projections_rebuilt", run.stdout);
    assert_eq!(fake.settler("projections rebuild --from 2026-03-01T00:00:00Z").code, 2);
}

#[test]
fn what_could_not_be_folded_is_named() {
    let fake = Fake::start();
    let mut blocked = rebuild("blocked", true);
    blocked["unfolded_count"] = json!(1);
    blocked["unfolded"] = json!([{"tenant_id": "acme", "aggregate_type": "saga", "aggregate_id": "march", "position": 5, "error": "NobodyKnows"}]);
    let started = json!({"rebuilds": [{"projection": "reconciliation_summary", "rebuild": rebuild("counting", false), "resumed": true}]});
    fake.on("POST /admin/projections/rebuild", Reply::json(202, &started));
    fake.ok("GET /admin/projections", &projections(&blocked));
    let run = fake.settler("projections rebuild");
    assert_eq!(run.code, 8, "{run:?}");
    assert!(run.stderr.contains("saga march of acme stopped at sequence 5: NobodyKnows"), "{}", run.stderr);
}

#[test]
fn migrate_makes_anew_what_the_release_stores_otherwise() {
    let fake = Fake::start();
    let mut behind = projections(&rebuild("done", true));
    behind["items"][0]["format"] = json!(2);
    let mut done = behind.clone();
    done["items"][0]["live_format"] = json!(2);
    let started = json!({"rebuilds": [{"projection": "reconciliation_summary", "rebuild": rebuild("announcing", false), "resumed": false}]});
    fake.on("POST /admin/projections/rebuild", Reply::json(202, &started));
    fake.ok("GET /admin/projections/comparison", &comparison(&json!([]), 2400));

    fake.ok("GET /admin/projections", &behind);
    let plan = fake.settler("migrate --dry-run");
    assert_eq!((plan.code, plan.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("migrate_plan", plan.stdout);
    assert_eq!(fake.lines(), ["GET /admin/projections?limit=200"]);

    // Looked at before, while it is waited for, and after.
    let fake_done = Fake::start();
    fake_done.on("POST /admin/projections/rebuild", Reply::json(202, &started));
    fake_done.ok("GET /admin/projections/comparison", &comparison(&json!([]), 2400));
    fake_done.ok("GET /admin/projections", &behind);
    fake_done.ok("GET /admin/projections", &done);
    let run = fake_done.settler("migrate");
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.stdout, "exact for 100 % of aggregates as of 2026-04-01 06:00:02 UTC (2,400 compared)\n");
    assert!(run.stderr.contains("rebuild 3 of reconciliation_summary was asked for"), "{}", run.stderr);
    let asked = &fake_done.calls()[1];
    assert_eq!(asked.body, json!({"projection": "reconciliation_summary"}));

    let run = fake_done.settler("migrate");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout, "nothing to migrate: every read model is stored as this release stores it\n");
}

#[test]
fn migrate_says_what_could_not_be_migrated() {
    let fake = Fake::start();
    let mut blocked = rebuild("blocked", true);
    blocked["unfolded_count"] = json!(1);
    blocked["unfolded"] = json!([{"tenant_id": "acme", "aggregate_type": "saga", "aggregate_id": "march", "position": 5, "error": "NobodyKnows"}]);
    let mut behind = projections(&blocked);
    behind["items"][0]["format"] = json!(2);
    fake.ok("GET /admin/projections", &behind);
    let started = json!({"rebuilds": [{"projection": "reconciliation_summary", "rebuild": rebuild("counting", false), "resumed": true}]});
    fake.on("POST /admin/projections/rebuild", Reply::json(202, &started));
    let run = fake.settler("migrate");
    assert_eq!(run.code, 8, "{run:?}");
    assert!(run.stderr.contains("saga march of acme stopped at sequence 5: NobodyKnows"), "{}", run.stderr);
}

#[test]
fn a_pair_is_unparked() {
    let fake = Fake::start();
    let answer = json!({"projection": "saga_state", "tenant_id": "acme", "aggregate_id": "march"});
    fake.on("POST /admin/projections/unpark", Reply::json(202, &answer));
    let run = fake.settler("projections unpark saga_state march --tenant acme");
    assert_eq!((run.code, fake.lines()), (0, vec!["POST /admin/projections/unpark?tenant_id=acme".to_owned()]));
}
