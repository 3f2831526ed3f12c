use crate::fake::{Fake, Reply};
use serde_json::{Value, json};

const ENDPOINT: &str = "we_01jd5q4x7mfz8v3k2n9t6c0h1e";

fn job() -> Value {
    json!({
        "job_id": "job_shop", "name": "Web shop", "source": {"adapter": "shopify", "connection": "shop"},
        "target": {"adapter": "stripe", "connection": "pay"}, "timezone": "UTC", "version": 2,
        "webhooks": [
            {"endpoint_id": ENDPOINT, "url": "https://books.example/hook", "secret": "whsec_c2VjcmV0"},
            {"endpoint_id": "we_old", "url": "https://old.example/", "disabled": {"at": "2026-03-01T00:00:00.000Z", "reason": "the endpoint answered 410 Gone"}},
        ],
        "schedule": {"expression": "cron(0 6 1 * ? *)", "timezone": "Europe/Berlin", "window": "previous_month"},
    })
}

fn delivery(state: &str) -> Value {
    json!({
        "delivery_id": "3d2b1c7e-5a1f-5f0e-9c4b-2f1f6a9b7c3d", "endpoint_id": ENDPOINT, "reconciliation_id": "march", "attempt": 1,
        "url": "https://books.example/hook", "event_type": "reconciliation.completed", "payload": {}, "state": state,
        "round": 1, "tries": 2, "created_at": "2026-04-01T06:00:09.000Z",
        "attempts": [
            {"at": "2026-04-01T06:00:10.000Z", "duration_ms": 5000, "problem": "no answer in time"},
            {"at": "2026-04-01T06:00:20.000Z", "duration_ms": 31, "status": 204},
        ],
    })
}

#[test]
fn webhooks_and_a_schedule_are_set_and_shown_with_the_secret() {
    let fake = Fake::start();
    fake.on("POST /v1/jobs", Reply::json(201, &job()));
    let run = fake.settler(
        "job create --name 'Web shop' --source-connection shop --target-connection pay --webhook https://books.example/hook \
         --schedule 'cron(0 6 1 * ? *)' --schedule-window previous_month --schedule-timezone Europe/Berlin",
    );
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("whsec_c2VjcmV0 (shown this once)"), "{}", run.stdout);
    assert!(run.stdout.contains("cron(0 6 1 * ? *) in Europe/Berlin, previous month"), "{}", run.stdout);
    assert!(run.stdout.contains("disabled: the endpoint answered 410 Gone"), "{}", run.stdout);
    let body = &fake.calls()[0].body;
    assert_eq!(body["webhooks"], json!([{"url": "https://books.example/hook"}]));
    assert_eq!(
        body["schedule"],
        json!({"expression": "cron(0 6 1 * ? *)", "timezone": "Europe/Berlin", "window": "previous_month"})
    );
}

#[test]
fn an_update_keeps_endpoints_and_schedule_unless_it_drops_them() {
    let fake = Fake::start();
    fake.on("GET /v1/jobs/job_shop", Reply::json(200, &job()).with("etag", "\"2\""))
        .ok("PUT /v1/jobs/job_shop", &job());
    assert_eq!(fake.settler("job update job_shop --name other").code, 0);
    assert_eq!(fake.settler("job update job_shop --no-webhooks --no-schedule").code, 0);
    let calls = fake.calls();
    assert_eq!(calls[1].body["webhooks"][0], json!({"endpoint_id": ENDPOINT, "url": "https://books.example/hook"}));
    assert_eq!(calls[1].body["schedule"], job()["schedule"]);
    assert!(calls[3].body.get("webhooks").is_none() && calls[3].body.get("schedule").is_none(), "{}", calls[3].body);
    for wrong in [
        "--schedule 'rate(1 day)'",
        "--schedule-window previous_day",
        "--schedule x --schedule-window P1M",
        "--webhook https://a --no-webhooks",
    ] {
        assert_eq!(fake.settler(&format!("job update job_shop {wrong}")).code, 2, "{wrong}");
    }
}

#[test]
fn deliveries_tell_what_the_endpoint_said() {
    let fake = Fake::start();
    let mut failed = delivery("failed");
    failed["failed"] = "retries_exhausted".into();
    failed["attempts"] =
        json!([{"at": "2026-04-01T06:00:10.000Z", "duration_ms": 12, "status": 500, "problem": "answered 500"}]);
    fake.ok(
        &format!("GET /v1/webhooks/{ENDPOINT}/deliveries"),
        &json!({"items": [delivery("delivered"), failed], "next_cursor": null}),
    );
    let run = fake.settler(&format!("webhook deliveries {ENDPOINT}"));
    assert!(run.stdout.contains("answered 204 in 31 ms"), "{}", run.stdout);
    assert!(run.stdout.contains("answered 500; given up: retries exhausted"), "{}", run.stdout);
}

#[test]
fn a_delivery_is_replayed_and_a_secret_rotated() {
    let fake = Fake::start();
    let id = "3d2b1c7e-5a1f-5f0e-9c4b-2f1f6a9b7c3d";
    fake.on(&format!("POST /v1/webhooks/{ENDPOINT}/deliveries/{id}/replay"), Reply::json(202, &delivery("pending")));
    let run = fake.settler(&format!("webhook replay {ENDPOINT} {id}"));
    assert_eq!((run.code, run.stdout.contains("pending")), (0, true), "{run:?}");
    let rotated = json!({"endpoint_id": ENDPOINT, "url": "https://books.example/hook", "secret": "whsec_bmV3", "previous_valid_until": "2026-04-02T06:00:00.000Z"});
    fake.ok(&format!("POST /v1/jobs/job_shop/webhooks/{ENDPOINT}/rotate"), &rotated);
    let run = fake.settler(&format!("webhook rotate job_shop {ENDPOINT}"));
    assert!(run.stdout.contains("whsec_bmV3") && run.stdout.contains("2026-04-02"), "{run:?}");
    fake.on(
        &format!("POST /v1/webhooks/we_x/deliveries/{id}/replay"),
        Reply::json(404, &json!({"title": "Not found"})),
    );
    assert_eq!(fake.settler(&format!("webhook replay we_x {id}")).code, 3);
}
