use crate::fake::{Fake, Reply, words};
use serde_json::{Value, json};
use std::fs;

fn job() -> Value {
    json!({
        "job_id": "job_shop", "name": "Web shop", "source": {"adapter": "shopify", "connection": "shop"},
        "target": {"adapter": "stripe", "connection": "pay"}, "timezone": "UTC", "matching_rules": {"window_days": 3},
        "webhooks": [], "version": 3, "created_at": "2026-03-01T00:00:00.000Z",
        "updated_at": "2026-03-01T00:00:00.000Z", "as_of": "2026-03-01T00:00:00.000Z"
    })
}

#[test]
fn credentials_come_from_a_file_from_stdin_or_one_by_one() {
    let fake = Fake::start();
    fake.ok("PUT /v1/connections/shop", &json!({"connection_id": "shop", "adapter": "shopify", "version": 1}));
    let credentials = json!({"shop": "acme", "access_token": "shpat_secret"});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shopify.json");
    fs::write(&file, credentials.to_string()).unwrap();

    let run = fake.settler(&format!("connection put shop --adapter shopify --credentials-file {}", file.display()));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("shopify") && run.stdout.contains("not shown"), "{}", run.stdout);
    assert_eq!(
        fake.run(&words("connection put shop --adapter shopify --credentials-file -"), &credentials.to_string()).code,
        0
    );
    assert_eq!(
        fake.settler(
            "connection put shop --adapter shopify --credential shop=acme --credential access_token=shpat_secret"
        )
        .code,
        0
    );

    let calls = fake.calls();
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert_eq!(
            (call.line.as_str(), &call.body),
            ("PUT /v1/connections/shop", &json!({"adapter": "shopify", "credentials": credentials}))
        );
        assert_eq!(call.header("content-type"), Some("application/json"));
    }
}

#[test]
fn credentials_that_cannot_be_read_are_not_quoted() {
    let fake = Fake::start();
    let run = fake.run(&words("connection put shop --adapter shopify --credentials-file -"), "sk_live_secret");
    assert_eq!((run.code, fake.calls().len()), (2, 0));
    assert!(run.stderr.contains("stdin is not JSON: line 1"), "{}", run.stderr);
    assert_eq!(
        fake.settler("connection put shop --adapter shopify --credential sk_live_secretwithout").code,
        2,
        "clap quotes no value"
    );
}

#[test]
fn a_connection_is_shown() {
    let fake = Fake::start();
    fake.ok("GET /v1/connections/pay", &json!({"connection_id": "pay", "adapter": "stripe", "version": 1}));
    let run = fake.settler("connection show pay");
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "connection   pay\nadapter      stripe\ncredentials  stored, not shown\n")
    );
}

#[test]
fn a_job_is_created_from_flags() {
    let fake = Fake::start();
    fake.on("POST /v1/jobs", Reply::json(201, &job()));
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.json");
    fs::write(&rules, r#"{"window_days": 3}"#).unwrap();
    let line = format!(
        "job create --id job_shop --name 'Web shop' --source-connection shop --target-connection pay --timezone Europe/Berlin --rules {}",
        rules.display()
    );
    let run = fake.settler(&line);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.starts_with("job        job_shop\n"), "{}", run.stdout);
    let wanted = json!({
        "job_id": "job_shop", "name": "Web shop", "source": {"adapter": "shopify", "connection": "shop"},
        "target": {"adapter": "stripe", "connection": "pay"}, "timezone": "Europe/Berlin", "matching_rules": {"window_days": 3}
    });
    assert_eq!(fake.calls()[0].body, wanted);
}

#[test]
fn a_job_is_created_from_a_file() {
    let fake = Fake::start();
    fake.on("POST /v1/jobs", Reply::json(201, &job()));
    let definition = json!({"name": "n", "source": {"adapter": "shopify", "connection": "s"}, "target": {"adapter": "stripe", "connection": "t"}});
    assert_eq!(fake.run(&words("job create --file - --id job_x"), &definition.to_string()).code, 0);
    let mut wanted = definition;
    wanted["job_id"] = "job_x".into();
    assert_eq!(fake.calls()[0].body, wanted);
}

#[test]
fn what_a_new_job_lacks_is_named_at_once() {
    let run = Fake::start().settler("job create --name n");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--source-connection, --target-connection"), "{}", run.stderr);
}

#[test]
fn an_update_changes_what_is_named_and_keeps_the_rest() {
    let fake = Fake::start();
    fake.on("GET /v1/jobs/job_shop", Reply::json(200, &job()).with("etag", "\"3\""))
        .ok("PUT /v1/jobs/job_shop", &job());
    assert_eq!(fake.settler("job update job_shop --timezone Europe/Berlin --target-connection pay2").code, 0);
    let put = &fake.calls()[1];
    assert_eq!(put.header("if-match"), Some("\"3\""));
    let wanted = json!({
        "name": "Web shop", "source": {"adapter": "shopify", "connection": "shop"}, "target": {"adapter": "stripe", "connection": "pay2"},
        "timezone": "Europe/Berlin", "matching_rules": {"window_days": 3}
    });
    assert_eq!(put.body, wanted);
    assert_eq!(fake.settler("job update job_shop").code, 2, "nothing named");
}

#[test]
fn somebody_elses_change_in_between_is_a_conflict() {
    let fake = Fake::start();
    fake.on("GET /v1/jobs/job_shop", Reply::json(200, &job()).with("etag", "\"3\""));
    fake.on("PUT /v1/jobs/job_shop", Reply::json(412, &json!({"title": "The version is stale"})));
    let run = fake.settler("job update job_shop --name x");
    assert_eq!(run.code, 5);
    assert!(run.stderr.contains("changed meanwhile"), "{}", run.stderr);
}

#[test]
fn jobs_are_listed_and_shown() {
    let fake = Fake::start();
    fake.ok("GET /v1/jobs", &json!({"items": [job()], "next_cursor": null})).ok("GET /v1/jobs/job_shop", &job());
    let run = fake.settler("job list");
    assert!(run.stdout.contains("job_shop") && run.stdout.contains("shop (shopify)"), "{}", run.stdout);
    let run = fake.settler("job show job_shop");
    assert!(run.stdout.contains("time zone  UTC") && run.stdout.contains(r#"{"window_days":3}"#), "{}", run.stdout);
}

#[test]
fn deleting_wants_a_yes() {
    let fake = Fake::start();
    fake.on("DELETE /v1/jobs/job_shop", Reply::text(204, ""));
    let run = fake.settler("job delete job_shop");
    assert_eq!((run.code, fake.calls().len()), (2, 0));
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    let run = fake.settler("job delete job_shop --yes");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", "job job_shop deleted\n"));
    assert_eq!(fake.lines(), ["DELETE /v1/jobs/job_shop"]);
}
