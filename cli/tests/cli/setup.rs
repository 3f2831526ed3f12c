//! Configuration, access, errors and the network: what holds for every command.

use crate::fake::{Fake, KEY, Reply, settler, words};
use serde_json::json;
use std::{fs, net::TcpListener};

fn jobs(fake: &Fake) {
    fake.ok("GET /v1/jobs", &json!({"items": [], "next_cursor": null}));
}

#[test]
fn whatever_is_missing_is_named_at_once() {
    let run = settler(&words("job list"), &[("HOME", "/nowhere")], "");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    for part in ["SETTLER_API_URL", "SETTLER_API_KEY", "/nowhere/.config/settler/config.json"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    let run = settler(&words("job list"), &[("SETTLER_API_URL", "http://127.0.0.1:1")], "");
    assert!(!run.stderr.contains("SETTLER_API_URL") && run.stderr.contains("SETTLER_API_KEY"), "{}", run.stderr);
}

#[test]
fn a_flag_beats_the_environment_beats_the_file() {
    let (by_flag, by_env, by_file) = (Fake::start(), Fake::start(), Fake::start());
    [&by_flag, &by_env, &by_file].into_iter().for_each(jobs);
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("settler")).unwrap();
    let file = home.path().join("settler/config.json");
    fs::write(&file, json!({"api_url": by_file.url, "api_key": "sk_file", "tenant": "of-file"}).to_string()).unwrap();
    let home = home.path().to_str().unwrap();
    let env = [
        ("XDG_CONFIG_HOME", home),
        ("SETTLER_API_URL", &by_env.url),
        ("SETTLER_API_KEY", "sk_env"),
        ("SETTLER_TENANT", "of-env"),
    ];

    let flags = format!("job list --api-url {} --api-key sk_flag --tenant of-flag", by_flag.url);
    assert_eq!(settler(&words(&flags), &env, "").code, 0);
    assert_eq!(settler(&words("job list"), &env, "").code, 0);
    assert_eq!(settler(&words("job list"), &env[..1], "").code, 0);

    for (fake, key, tenant) in
        [(&by_flag, "sk_flag", "of-flag"), (&by_env, "sk_env", "of-env"), (&by_file, "sk_file", "of-file")]
    {
        let calls = fake.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].header("authorization"), Some(format!("Bearer {key}").as_str()));
        assert_eq!(calls[0].header("settler-tenant"), Some(tenant));
    }
}

#[test]
fn a_broken_file_is_named_and_not_quoted() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("settler")).unwrap();
    fs::write(home.path().join("settler/config.json"), format!("{{\"api_key\": \"{KEY}\", \"apikey\": \"{KEY}\"}}"))
        .unwrap();
    let run = settler(&words("job list"), &[("XDG_CONFIG_HOME", home.path().to_str().unwrap())], "");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("config.json is not as expected (line 1"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let fake = Fake::start();
    jobs(&fake);
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("settler")).unwrap();
    let file = home.path().join("settler/config.json");
    fs::write(&file, json!({"api_url": fake.url, "api_key": KEY}).to_string()).unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let run = settler(&words("job list"), &[("XDG_CONFIG_HOME", home.path().to_str().unwrap())], "");
        assert_eq!((run.code, run.stderr.contains("chmod 600")), (0, warned), "{}", run.stderr);
    }
}

#[test]
fn a_tenant_is_a_header_on_v1_and_a_filter_on_admin() {
    let fake = Fake::start();
    jobs(&fake);
    fake.ok("GET /admin/sagas", &json!({"items": []}));
    fake.settler("job list --tenant acme");
    fake.settler("saga list --tenant acme --status running");
    let calls = fake.calls();
    assert_eq!((calls[0].line.as_str(), calls[0].header("settler-tenant")), ("GET /v1/jobs?limit=50", Some("acme")));
    assert_eq!(
        (calls[1].line.as_str(), calls[1].header("settler-tenant")),
        ("GET /admin/sagas?status=running&limit=50&tenant_id=acme", None)
    );
}

#[test]
fn each_kind_of_answer_has_its_exit_code() {
    let kinds = [(400, 4), (413, 4), (422, 4), (404, 3), (409, 5), (412, 5), (401, 6), (403, 6), (500, 1), (418, 1)];
    for (status, code) in kinds {
        let fake = Fake::start();
        let problem = json!({"title": "No", "status": status, "detail": "because", "code": "some_code", "request_id": "r-7", "errors": [{"pointer": "/name", "detail": "is missing"}, {"pointer": "/timezone", "detail": "is no zone"}]});
        fake.on("GET /v1/jobs/j", Reply::json(status, &problem));
        let run = fake.settler("job show j");
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{status}");
        for part in [
            "error: No: because",
            "  /name: is missing",
            "  /timezone: is no zone",
            "request id: r-7",
            &format!("GET /v1/jobs/j answered {status} (some_code)"),
        ] {
            assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
        }
    }
}

#[test]
fn the_gateways_own_errors_are_understood() {
    let fake = Fake::start();
    fake.on("GET /v1/jobs/j", Reply::text(403, r#"{"message":"Forbidden"}"#).with("apigw-requestid", "gw-1"));
    let run = fake.settler("job show j");
    assert_eq!(run.code, 6);
    assert!(
        run.stderr.contains("Not allowed: Forbidden") && run.stderr.contains("gw-1") && run.stderr.contains("hint:"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_platform_key_is_told_to_name_a_tenant() {
    let fake = Fake::start();
    fake.on(
        "GET /v1/jobs/j",
        Reply::json(
            400,
            &json!({"title": "x", "errors": [{"pointer": "header:Settler-Tenant", "detail": "is required"}]}),
        ),
    );
    fake.on(
        "GET /admin/sagas/reconciliation/r",
        Reply::json(409, &json!({"title": "x", "code": "ambiguous_id", "tenant_ids": ["a", "b"]})),
    );
    assert!(fake.settler("job show j").stderr.contains("--tenant, SETTLER_TENANT"));
    let ambiguous = fake.settler("saga status r");
    assert_eq!(ambiguous.code, 5);
    assert!(
        ambiguous.stderr.contains("tenants: a, b") && ambiguous.stderr.contains("--tenant"),
        "{}",
        ambiguous.stderr
    );
}

#[test]
fn reads_are_repeated_and_commands_are_not() {
    let fake = Fake::start();
    let busy = |status| Reply::json(status, &json!({"title": "Busy"})).with("retry-after", "0");
    fake.on("GET /v1/jobs/j", busy(503)).on("GET /v1/jobs/j", busy(429)).ok("GET /v1/jobs/j", &json!({"job_id": "j"}));
    fake.on("POST /v1/reconciliations", busy(503));
    assert_eq!(fake.settler("job show j").code, 0);
    let run = fake.settler("reconciliation start --job j --from 2026-03-01 --to 2026-03-31");
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(fake.lines(), ["GET /v1/jobs/j", "GET /v1/jobs/j", "GET /v1/jobs/j", "POST /v1/reconciliations"]);
}

#[test]
fn nobody_there_names_the_address_and_what_to_check() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let run = settler(&words("job list"), &[("SETTLER_API_URL", &url), ("SETTLER_API_KEY", KEY)], "");
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains(&format!("no answer from {url}/")) && run.stderr.contains("hint: check --api-url"),
        "{}",
        run.stderr
    );
    let run = settler(&words("job list --api-url settler.example"), &[("SETTLER_API_KEY", KEY)], "");
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn a_page_that_is_no_api_is_noticed() {
    let fake = Fake::start();
    fake.on("GET /v1/jobs/j", Reply::text(200, "<html>hello</html>"));
    let run = fake.settler("job show j");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("not in JSON"), "{}", run.stderr);
}

#[test]
fn a_redirect_does_not_take_the_key_along() {
    let (fake, elsewhere) = (Fake::start(), Fake::start());
    fake.on("GET /v1/jobs/j", Reply::text(302, "").with("location", &format!("{}/v1/jobs/j", elsewhere.url)));
    assert_eq!(fake.settler("job show j").code, 1);
    assert_eq!(elsewhere.lines(), Vec::<String>::new());
}

#[test]
fn names_under_localhost_lead_here_and_a_base_path_stays() {
    let fake = Fake::start();
    fake.ok("GET /_aws/execute-api/x/$default/v1/jobs", &json!({"items": []}));
    let url = format!("{}/_aws/execute-api/x/$default/", fake.url.replace("127.0.0.1", "api.execute-api.localhost"));
    let run = settler(
        &words("job list"),
        &[("SETTLER_API_URL", &url), ("SETTLER_API_KEY", KEY), ("http_proxy", "http://127.0.0.1:1")],
        "",
    );
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn usage_errors_are_2() {
    for line in [
        "",
        "job",
        "job create",
        "reconciliation start --job j --from 2026-02-30 --to 2026-03-01",
        "job list --limit 0",
        "job list --limit 5 --all",
        "events list saga",
    ] {
        let run = Fake::start().settler(line);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{line}: {run:?}");
    }
}
