use crate::{
    fake::{Fake, Reply},
    samples,
};
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_start_sends_what_was_asked_for() {
    let fake = Fake::start();
    let started =
        json!({"reconciliation_id": "march", "correlation_id": "month-end", "status": "running", "attempt": 1});
    fake.on("POST /v1/reconciliations", Reply::json(202, &started).with("idempotent-replayed", "true"));
    let run = fake.settler("reconciliation start --job job_shop --from 2026-03-01 --to 2026-03-31 --id march --correlation-id month-end --idempotency-key k1");
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        run.stdout,
        "reconciliation  march\ncorrelation id  month-end\nstatus          running\nattempt         1\n"
    );
    assert!(run.stderr.contains("nothing new was started"), "{}", run.stderr);
    let call = &fake.calls()[0];
    assert_eq!(call.header("idempotency-key"), Some("k1"));
    let wanted = json!({"job_id": "job_shop", "date_range": {"start": "2026-03-01", "end": "2026-03-31"}, "reconciliation_id": "march", "correlation_id": "month-end"});
    assert_eq!(call.body, wanted);

    fake.settler("reconciliation start --job job_shop --from 2026-03-01 --to 2026-03-31");
    let call = &fake.calls()[1];
    assert_eq!(call.header("idempotency-key"), None);
    assert_eq!(call.body, json!({"job_id": "job_shop", "date_range": {"start": "2026-03-01", "end": "2026-03-31"}}));
}

#[test]
fn show_fits_on_a_screen() {
    let fake = Fake::start();
    for (id, run) in [
        ("running", samples::running()),
        ("completed", samples::completed()),
        ("clean", samples::clean()),
        ("failed", samples::failed()),
    ] {
        fake.ok(&format!("GET /v1/reconciliations/{id}"), &run);
        let shown = fake.settler(&format!("reconciliation show {id}"));
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{id}");
        insta::assert_snapshot!(format!("show_{id}"), shown.stdout);
    }
}

#[test]
fn show_tells_what_a_run_cost_when_asked() {
    let fake = Fake::start();
    let mut run = samples::completed();
    let line = |resource: &str, quantity_milli: u64, price: u64, amount: u64| {
        json!({
            "resource": resource, "quantity_milli": quantity_milli, "price_micro_usd_per_million": price,
            "amount_nano_usd": amount,
        })
    };
    run["cost"] = json!({
        "total_nano_usd": 1_780_167, "prices": "us-east-1, on demand, November 2025", "invocations": 34, "complete": true,
        "tenant_secrets": 2, "tenant_monthly_nano_usd": 800_000_000,
        "lines": [
            line("dynamodb_write_units", 1_048_000, 625_000, 655_000),
            line("lambda_gb_seconds", 10_510, 16_666_700, 175_167),
            line("state_transitions", 38_000, 25_000_000, 950_000),
        ],
    });
    fake.ok("GET /v1/reconciliations/march", &run);
    let shown = fake.settler("reconciliation show march --cost");
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("show_cost", shown.stdout);
    fake.settler("reconciliation show march");
    assert_eq!(fake.lines(), ["GET /v1/reconciliations/march?cost=true", "GET /v1/reconciliations/march"]);
}

#[test]
fn show_can_fail_on_differences() {
    let fake = Fake::start();
    for (id, run, code) in [
        ("a", samples::completed(), 8),
        ("b", samples::clean(), 0),
        ("c", samples::failed(), 8),
        ("d", samples::running(), 8),
    ] {
        fake.ok(&format!("GET /v1/reconciliations/{id}"), &run);
        assert_eq!(fake.settler(&format!("reconciliation show {id} --fail-on-differences")).code, code, "{id}");
    }
    let run = fake.settler("reconciliation show a --fail-on-differences -o json");
    assert!(run.stderr.contains("differences: 16 unmatched, 8 suggested, 2 discrepant"), "{}", run.stderr);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap(), samples::completed());
}

#[test]
fn runs_are_listed_by_filter() {
    let fake = Fake::start();
    fake.ok(
        "GET /v1/reconciliations",
        &json!({"items": [samples::completed(), samples::failed()], "next_cursor": null}),
    );
    let run = fake.settler("reconciliation list --status failed --job job_shop --from 2026-01-01 --to 2026-12-31");
    assert_eq!(
        fake.lines(),
        ["GET /v1/reconciliations?status=failed&job_id=job_shop&from=2026-01-01&to=2026-12-31&limit=50"]
    );
    insta::assert_snapshot!("list", run.stdout);
}

fn item(number: u64) -> Value {
    json!({"order_id": format!("o{number}"), "order_name": format!("#{number}"), "currency": "EUR", "total_minor": number, "received_minor": 0, "refunded_minor": 0, "matched_minor": 0, "state": if number.is_multiple_of(2) { "paid" } else { "unpaid" }})
}

fn pages(fake: &Fake, part: &str) {
    let page =
        |from, to, next: Option<&str>| json!({"items": (from..to).map(item).collect::<Vec<_>>(), "next_cursor": next});
    let path = format!("GET /v1/reconciliations/march/{part}");
    fake.ok(&path, &page(0, 200, Some("c/1="))).ok(&path, &page(200, 400, Some("c2"))).ok(&path, &page(400, 450, None));
}

#[test]
fn all_pages_are_followed() {
    let fake = Fake::start();
    pages(&fake, "orders");
    let run = fake.settler("reconciliation orders march --state paid --all -o jsonl");
    assert_eq!((run.code, run.stdout.lines().count(), run.stderr.as_str()), (0, 450, ""));
    let asked = ["state=paid&limit=200", "state=paid&limit=200&cursor=c%2F1%3D", "state=paid&limit=200&cursor=c2"];
    assert_eq!(fake.lines(), asked.map(|query| format!("GET /v1/reconciliations/march/orders?{query}")));
}

#[test]
fn a_limit_ends_the_paging_and_says_so() {
    let fake = Fake::start();
    pages(&fake, "matches");
    let run = fake.settler("reconciliation matches march --limit 250 -o json");
    assert_eq!(serde_json::from_str::<Vec<Value>>(&run.stdout).unwrap().len(), 250);
    assert!(run.stderr.contains("there are more matches"), "{}", run.stderr);
    assert_eq!(fake.lines()[1], "GET /v1/reconciliations/march/matches?limit=50&cursor=c%2F1%3D");
}

#[test]
fn a_list_that_does_not_move_ends() {
    let fake = Fake::start();
    fake.ok("GET /v1/reconciliations/march/orders", &json!({"items": [item(1)], "next_cursor": "same"}));
    let run = fake.settler("reconciliation orders march --all");
    assert_eq!((run.code, fake.calls().len()), (1, 2));
}

#[test]
fn nothing_found_is_said_beside_the_data() {
    let fake = Fake::start();
    fake.ok("GET /v1/reconciliations/march/unmatched", &json!({"items": [], "next_cursor": null}));
    let run = fake.settler("reconciliation unmatched march");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", "no unmatched records\n"));
    assert_eq!(fake.settler("reconciliation unmatched march -o json").stdout, "[]\n");
}

#[test]
fn orders_come_with_their_states() {
    let fake = Fake::start();
    pages(&fake, "orders");
    let run = fake.settler("reconciliation orders march --limit 3");
    assert!(run.stdout.ends_with("\n2 paid · 1 unpaid (of those shown)\n"), "{}", run.stdout);
}

#[test]
fn json_is_passed_on_as_it_came() {
    let fake = Fake::start();
    let raw = r#"{"items":[{"z":1.10,"a":{"new_field":[1,2]},"confidence":0.950}],"next_cursor":null}"#;
    fake.on("GET /v1/reconciliations/march/matches", Reply::text(200, raw));
    assert_eq!(
        fake.settler("reconciliation matches march -o jsonl").stdout,
        "{\"z\":1.10,\"a\":{\"new_field\":[1,2]},\"confidence\":0.950}\n"
    );
    let pretty = "[\n  {\n    \"z\": 1.10,\n    \"a\": {\n      \"new_field\": [\n        1,\n        2\n      ]\n    },\n    \"confidence\": 0.950\n  }\n]\n";
    assert_eq!(fake.settler("reconciliation matches march -o json").stdout, pretty);
}

fn movement(id: &str, order: Option<&str>, minor: i64, currency: &str) -> Value {
    json!({"record_id": id, "side": "source", "class": "missing", "order_name": order, "amount_minor": minor, "currency": currency, "occurred_at": "2026-03-31T22:30:00.000Z", "reason": "missing_target", "explanation": "No payment of 120.00 EUR was found at Stripe within 3 days.\u{1b}[2J", "candidates": [], "state": "open"})
}

#[test]
fn results_are_tables_that_read_well() {
    let fake = Fake::start();
    let found = |kind: &str, status: &str| json!({"match_id": "m", "kind": kind, "status": status, "source_ids": ["gid://shopify/OrderTransaction/1001"], "target_ids": ["ch_1", "ch_2"], "order_names": ["#1001"], "amount_minor": 12_000, "currency": "EUR", "confidence": 0.9875, "rule": "strong_id@1", "matched_fields": ["strong_id", "amount"], "margin": null, "difference": {"fee": -59, "fx": 0, "tip": 0, "rounding": 0, "partial": 0, "unexplained": 0}, "cross_period": true, "matched_at": "2026-04-01T06:00:00.000Z"});
    let page = |items: Vec<Value>| json!({"items": items, "next_cursor": null});
    fake.ok("GET /v1/reconciliations/march/matches", &page(vec![found("group", "auto"), found("pair", "manual")]));
    fake.ok("GET /v1/reconciliations/march/suggestions", &page(vec![found("set", "suggested")]));
    let mut decided = movement("re_9", None, -1_500, "JPY");
    decided["state"] = "accepted".into();
    decided["assignee"] = "Ada".into();
    fake.ok(
        "GET /v1/reconciliations/march/unmatched",
        &page(vec![movement("gid://shopify/OrderTransaction/7", Some("#1002"), 12_000, "EUR"), decided]),
    );
    fake.ok("GET /v1/reconciliations/march/excluded", &page(vec![movement("ch_8", None, 500, "KWD")]));
    for part in ["matches", "suggestions", "unmatched", "excluded"] {
        let run = fake.settler(&format!("reconciliation {part} march"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{part}");
        insta::assert_snapshot!(part, run.stdout);
    }
}

#[test]
fn a_report_is_downloaded_without_the_key() {
    let (fake, store) = (Fake::start(), Fake::start());
    let url = format!("{}/report.csv?X-Amz-Signature=abc", store.url);
    fake.ok("GET /v1/reconciliations/march/report", &json!({"url": url, "expires_at": "2026-04-01T07:00:00Z"}));
    store.on("GET /report.csv", Reply::text(200, "id,amount\n1,2\n"));
    let run = fake.settler("reconciliation report march --format csv");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "id,amount\n1,2\n", ""));
    assert_eq!(fake.lines(), ["GET /v1/reconciliations/march/report?format=csv"]);
    let download = &store.calls()[0];
    assert_eq!(
        (download.line.as_str(), download.header("authorization"), download.header("settler-tenant")),
        ("GET /report.csv?X-Amz-Signature=abc", None, None)
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("march.csv");
    let run = fake.settler(&format!("reconciliation report march --format csv --output {}", file.display()));
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert!(run.stderr.contains("(14 bytes)"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "id,amount\n1,2\n");
}

#[test]
fn a_download_that_fails_leaves_no_file_and_no_signature() {
    let (fake, store) = (Fake::start(), Fake::start());
    fake.ok("GET /v1/reconciliations/march/report", &json!({"url": format!("{}/gone?X-Amz-Signature=abc", store.url)}));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("march.csv");
    let run = fake.settler(&format!("reconciliation report march --format jsonl --output {}", file.display()));
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("/gone was answered 404"), "{}", run.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn verdict(source: &str, target: &str, status: &str, rule: &str) -> Value {
    json!({
        "match_id": format!("{source}{target}"), "kind": "pair", "status": status, "source_ids": [source], "target_ids": [target],
        "order_names": ["#1001"], "amount_minor": 10_050, "currency": "EUR", "confidence": 0.97, "rule": rule,
        "matched_fields": ["amount"], "margin": null, "cross_period": false,
        "difference": {"fee": 0, "fx": 0, "tip": 0, "rounding": 0, "partial": 0, "unexplained": 0}
    })
}

#[test]
fn other_rules_are_tried_and_the_difference_is_shown() {
    let fake = Fake::start();
    let figures = |rules: &str, matched: u64| {
        json!({
            "rule_set_version": rules, "matched_source_count": matched, "matched_target_count": matched, "suggested_source_count": 3,
            "suggested_target_count": 3, "unmatched_source_count": 2, "unmatched_target_count": 1, "excluded_source_count": 0,
            "excluded_target_count": 0, "discrepancy_count": 1, "accuracy_percentage": 98.7
        })
    };
    let answer = json!({
        "reconciliation_id": "march", "attempt": 1, "before": figures("shop@1", 520), "after": figures("shop@1+1a2b3c4d", 522),
        "added_count": 12, "removed_count": 1, "changed_count": 1,
        "amount_at_risk": [{"currency": "EUR", "exponent": 2, "added_minor": 120_600, "removed_minor": 10_050}],
        "added": vec![verdict("s1", "t1", "auto", "tolerance@1"); 12],
        "removed": [verdict("s2", "t2", "auto", "amount_window@1")],
        "changed": [{"before": verdict("s3", "t3", "suggested", "amount_window@1"), "after": verdict("s3", "t3", "auto", "tolerance@1")}],
    });
    fake.ok("POST /admin/dry-run", &answer);
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.json");
    std::fs::write(&rules, r#"{"amount_days": 5}"#).unwrap();
    let command = format!("reconciliation dry-run march --rules {} --tenant acme", rules.display());
    let run = fake.settler(&command);
    assert_eq!(run.code, 0, "{run:?}");
    insta::assert_snapshot!("dry_run", run.stdout);
    assert_eq!(fake.lines(), ["POST /admin/dry-run?tenant_id=acme"]);
    assert_eq!(fake.calls()[0].body, json!({"reconciliation_id": "march", "matching_rules": {"amount_days": 5}}));
    assert_eq!(fake.settler(&format!("{command} --fail-on-differences")).code, 8);
    std::fs::write(&rules, "{").unwrap();
    let broken = fake.settler(&command);
    assert_eq!((broken.code, broken.stderr.contains("is not JSON: line 1")), (2, true), "{broken:?}");
}
