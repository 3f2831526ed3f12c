//! `start --wait`, as scripts and pipelines see it: one line per change.

use crate::{
    fake::{Fake, Reply, Run},
    samples,
};
use serde_json::{Value, json};

const START: &str = "reconciliation start --job job_shop --from 2026-03-01 --to 2026-03-31 --wait";
const RUN: &str = "GET /v1/reconciliations/march";
const SAGA: &str = "GET /admin/sagas/reconciliation/march";

fn started() -> Fake {
    let fake = Fake::start();
    fake.on(
        "POST /v1/reconciliations",
        Reply::json(
            202,
            &json!({"reconciliation_id": "march", "correlation_id": "month-end", "status": "running", "attempt": 1}),
        ),
    );
    fake
}

fn refused(fake: &Fake) {
    fake.on(SAGA, Reply::json(403, &json!({"message": "Forbidden"})));
}

fn start(fake: &Fake, more: &str) -> Run {
    fake.settler(&format!("{START} {more}"))
}

#[test]
fn a_platform_key_sees_the_steps() {
    let fake = started();
    let fetched = || samples::step("fetch_shopify_orders", "succeeded");
    fake.on(SAGA, Reply::json(404, &json!({})));
    fake.ok(SAGA, &samples::saga("running", &[samples::step("fetch_shopify_orders", "running")]));
    fake.ok(SAGA, &samples::saga("running", &[fetched(), samples::step("perform_matching", "running")]));
    fake.ok(SAGA, &samples::saga("completed", &[fetched(), samples::step("perform_matching", "succeeded")]));
    fake.on(RUN, Reply::json(404, &json!({})))
        .ok(RUN, &samples::running())
        .ok(RUN, &samples::running())
        .ok(RUN, &samples::clean());
    let run = start(&fake, "");
    assert_eq!(run.code, 0, "{run:?}");
    let wanted = "\
run march of job job_shop from 2026-03-01 to 2026-03-31 (correlation id month-end)
fetch_shopify_orders: running
run march: running
fetch_shopify_orders: succeeded (3.2 s)
perform_matching: running
perform_matching: succeeded (3.2 s)
run march: completed
";
    assert_eq!(run.stderr, wanted);
    assert!(run.stdout.contains("everything adds up"), "{}", run.stdout);
}

#[test]
fn a_tenants_key_sees_the_current_step_and_asks_for_more_only_once() {
    let fake = started();
    refused(&fake);
    fake.ok(RUN, &samples::running()).ok(RUN, &samples::running()).ok(RUN, &samples::completed());
    let run = start(&fake, "-o json");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stderr.contains("perform_matching: running\nrun march: running\nrun march: completed\n"),
        "{}",
        run.stderr
    );
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap(), samples::completed());
    assert_eq!(fake.lines().iter().filter(|line| *line == SAGA).count(), 1);
}

#[test]
fn a_retry_and_a_resume_can_be_followed_too() {
    for command in
        ["reconciliation retry march", "reconciliation resume march", "saga retry march", "saga resume march"]
    {
        let fake = Fake::start();
        let accepted = json!({"reconciliation_id": "march", "status": "running", "attempt": 2});
        for area in ["v1/reconciliations", "admin/sagas/reconciliation"] {
            for verb in ["retry", "resume"] {
                fake.on(&format!("POST /{area}/march/{verb}"), Reply::json(202, &accepted));
            }
        }
        // The read model still tells of the attempt before.
        fake.ok(SAGA, &samples::stuck_saga());
        let of_attempt_two = |mut run: Value| {
            run["attempt"] = json!(2);
            run
        };
        fake.ok(RUN, &of_attempt_two(samples::running())).ok(RUN, &of_attempt_two(samples::clean()));
        let run = fake.settler(&format!("{command} --wait"));
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stderr.starts_with("accepted: run march, attempt 2\n"), "{command}: {}", run.stderr);
        assert!(run.stderr.ends_with("run march: completed\n"), "{command}: {}", run.stderr);
        assert!(!run.stderr.contains("persist_results"), "{command}: {}", run.stderr);
        assert!(run.stdout.contains("everything adds up"), "{command}: {}", run.stdout);
    }
}

#[test]
fn differences_are_8_where_asked_for() {
    let fake = started();
    refused(&fake);
    fake.ok(RUN, &samples::completed());
    assert_eq!(start(&fake, "").code, 0);
    let run = start(&fake, "--fail-on-differences");
    assert_eq!(run.code, 8);
    assert!(run.stdout.contains("settler reconciliation unmatched march"), "the result is shown all the same");
}

#[test]
fn a_failed_run_is_4_with_its_failure() {
    let fake = started();
    refused(&fake);
    fake.ok(RUN, &samples::failed());
    let run = start(&fake, "");
    assert_eq!(run.code, 4, "{run:?}");
    for part in [
        "type: Settler.ProviderAccessDenied",
        "step: fetch_stripe_payments",
        "message: Stripe answered 401",
        "hint: give the connection working credentials",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn waiting_ends_at_its_timeout() {
    let fake = started();
    refused(&fake);
    fake.ok(RUN, &samples::running());
    let run = start(&fake, "--timeout 1");
    assert_eq!((run.code, run.stdout.as_str()), (7, ""));
    assert!(
        run.stderr.contains("has not ended within 1 s; it goes on. Look again with: settler reconciliation show march"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_bad_moment_of_the_api_does_not_end_the_waiting() {
    let fake = started();
    refused(&fake);
    fake.ok(RUN, &samples::running())
        .on(RUN, Reply::json(500, &json!({"title": "Internal error"})))
        .ok(RUN, &samples::clean());
    let run = start(&fake, "");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("the run goes on, trying again"), "{}", run.stderr);
}

#[test]
fn a_declined_start_lists_the_fields() {
    let fake = Fake::start();
    let errors = json!([{"pointer": "/date_range", "code": "invalid", "detail": "start 2026-03-01 lies after end"}]);
    fake.on(
        "POST /v1/reconciliations",
        Reply::json(422, &json!({"title": "The request cannot be carried out", "errors": errors})),
    );
    let run = start(&fake, "");
    assert_eq!((run.code, fake.calls().len()), (4, 1));
    assert!(run.stderr.contains("  /date_range: start 2026-03-01 lies after end"), "{}", run.stderr);
}
