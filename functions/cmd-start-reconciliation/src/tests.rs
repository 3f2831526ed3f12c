//! The handler over the store in memory: every sample event, and everything that can be wrong with a request.

use crate::handler::Handler;
use application::{Caller, ConnectionService, JobService, ReconciliationService};
use domain::{
    ConnectionId, JobId, TenantId,
    connection::Adapter,
    job::{Job, JobDefinition, Side},
    reconciliation::Reconciliation,
    schedule::{Period, Schedule},
};
use event_store::{EventStore, MemoryStore, StreamKey, load};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use testkit::{FixedClock, MemorySecrets, SequentialIds, sample_events};

struct World {
    store: MemoryStore,
    handler: Handler,
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// Tenant `acme` has the job `job_shop`.
async fn world() -> World {
    let store = MemoryStore::new();
    let (events, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(store.clone()), Arc::default(), Arc::default());
    let caller = Caller { tenant: acme(), key_id: "key_acme".into() };
    let secrets = Arc::new(MemorySecrets::default());
    let connections = ConnectionService::new(events.clone(), secrets, clock.clone(), ids.clone());
    let mut sides = Vec::new();
    for (name, adapter, credentials) in [
        ("shop", Adapter::Shopify, json!({"shop": "acme", "access_token": "shpat_example"})),
        ("payments", Adapter::Stripe, json!({"api_key": "rk_test_example"})),
    ] {
        let connection = ConnectionId::parse(name).unwrap();
        connections.put(&caller, connection.clone(), adapter, credentials).await.unwrap();
        sides.push(Side { adapter, connection });
    }
    let definition = JobDefinition {
        name: "Shop".into(),
        source: sides[0].clone(),
        target: sides[1].clone(),
        timezone: "Europe/Berlin".into(),
        matching_rules: None,
        webhooks: Vec::new(),
        schedule: Some(Schedule {
            expression: "cron(0 6 1 * ? *)".into(),
            timezone: "Europe/Berlin".into(),
            window: Period::PreviousMonth,
        }),
    };
    let jobs = JobService::new(events.clone(), clock.clone(), ids.clone());
    jobs.create(&caller, Some(JobId::parse("job_shop").unwrap()), definition, None).await.unwrap();
    let handler = Handler {
        service: ReconciliationService::new(events.clone(), clock.clone(), ids.clone()),
        audit: Audit::new(events, clock, ids),
    };
    World { store, handler }
}

impl World {
    async fn ask(&self, event: &Value) -> Held {
        hold(event, &self.handler.handle(event.clone()).await.unwrap()).unwrap()
    }

    async fn version(&self, aggregate_type: &str, id: &str) -> u64 {
        let head = self.store.head(&StreamKey::new(&acme(), aggregate_type, id)).await.unwrap();
        head.map_or(0, |head| head.version)
    }

    /// How many runs there are, of any tenant.
    fn runs(&self) -> usize {
        let changes = self.store.changes();
        let streams: BTreeSet<_> = changes.iter().map(|change| &change.stream).collect();
        streams.iter().filter(|stream| stream.aggregate_type == "reconciliation").count()
    }
}

fn sample(name: &str) -> Value {
    sample_events("cmd-start-reconciliation").remove(name).unwrap()
}

/// A start with this text as its body.
fn with_body(body: &str) -> Value {
    let mut event = sample("start-with-id");
    event["body"] = json!(body);
    event
}

fn body() -> Value {
    json!({"job_id": "job_shop", "date_range": {"start": "2026-02-01", "end": "2026-02-28"}})
}

/// The usual body with some members changed.
fn changed(changes: &Value) -> Value {
    let mut body = body();
    for (name, value) in changes.as_object().unwrap().clone() {
        body[name] = value;
    }
    body
}

#[tokio::test]
async fn every_sample_event_is_answered_as_the_document_says() {
    let samples = sample_events("cmd-start-reconciliation");
    let names: Vec<&str> = samples.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["many-wrong-fields", "scheduled", "scheduled-without-time", "start", "start-by-operator", "start-with-id"]
    );
    for (name, event) in &samples {
        let world = world().await;
        if event.get("scheduler").is_some() {
            let started = world.handler.handle(event.clone()).await.unwrap();
            assert_eq!(started["status"], "running", "{name}");
        } else {
            let held = world.ask(event).await;
            assert_eq!(held.status, if name == "many-wrong-fields" { 400 } else { 202 }, "{name}");
        }
        assert_eq!(world.runs(), usize::from(name != "many-wrong-fields"), "{name}");
    }
}

#[tokio::test]
async fn a_start_says_where_the_run_is() {
    let world = world().await;
    let held = world.ask(&sample("start-with-id")).await;
    assert_eq!(
        held.body,
        json!({"reconciliation_id": "february", "correlation_id": "corr-february", "status": "running", "attempt": 1, "version": 1})
    );
    assert_eq!((held.header("location"), held.header("etag")), ("/v1/reconciliations/february", "\"1\""));
    assert_eq!(held.header("idempotent-replayed"), "");
    assert_eq!(world.ask(&sample("start-with-id")).await.body, held.body, "the same start is the same answer");
}

#[tokio::test]
async fn a_key_repeats_its_answer_and_refuses_another_body() {
    let world = world().await;
    let first = world.ask(&sample("start")).await;
    let mut event = sample("start");
    event["body"] = json!(r#"{"date_range":{"end":"2026-02-28","start":"2026-02-01"},"job_id":"job_shop"}"#);
    let again = world.ask(&event).await;
    assert_eq!((again.status, &again.body), (202, &first.body), "whatever the order of the members");
    assert_eq!(again.header("idempotent-replayed"), "true");
    event["body"] = json!(changed(&json!({"correlation_id": "other"})).to_string());
    let reused = world.ask(&event).await;
    assert_eq!((reused.status, &reused.body["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(world.runs(), 1);
}

#[tokio::test]
async fn an_operator_acts_for_a_tenant_and_leaves_a_trace() {
    let world = world().await;
    assert_eq!(world.ask(&sample("start-by-operator")).await.status, 202);
    assert_eq!(world.version("reconciliation", "by-operator").await, 1);
    assert_eq!(world.version("audit", "20260301").await, 1);
    let mut nobody = sample("start-by-operator");
    nobody["headers"].as_object_mut().unwrap().remove("settler-tenant");
    let held = world.ask(&nobody).await;
    assert_eq!((held.status, held.wrong()), (400, vec![("header:Settler-Tenant", "invalid")]));
}

#[tokio::test]
async fn the_many_wrong_fields_are_all_named() {
    let held = world().await.ask(&sample("many-wrong-fields")).await;
    assert_eq!(held.status, 400);
    assert_eq!(
        held.wrong(),
        [
            ("/reconciliation_id", "invalid"),
            ("/job_id", "wrong_type"),
            ("/date_range/start", "invalid"),
            ("/colour", "unknown_field"),
        ]
    );
}

#[tokio::test]
async fn every_bad_body_gets_its_status_and_its_fields() {
    let world = world().await;
    for (what, body, status, wrong) in [
        ("no JSON", "{\"job_id\": ".to_owned(), 400, vec![]),
        ("nothing", String::new(), 400, vec![]),
        ("no object", "[]".to_owned(), 400, vec![("", "wrong_type")]),
        ("empty", "{}".to_owned(), 400, vec![("/job_id", "missing"), ("/date_range", "missing")]),
        ("megabyte", changed(&json!({"job_id": "x".repeat(1 << 20)})).to_string(), 413, vec![]),
        ("deep", "[".repeat(100_000), 400, vec![]),
        (
            "types",
            json!({"job_id": 1, "date_range": "february", "correlation_id": {}, "tenant_id": []}).to_string(),
            400,
            vec![
                ("/job_id", "wrong_type"),
                ("/date_range", "wrong_type"),
                ("/correlation_id", "wrong_type"),
                ("/tenant_id", "wrong_type"),
            ],
        ),
        (
            "odd ids",
            changed(&json!({"job_id": "a/b", "reconciliation_id": "", "correlation_id": "ü".repeat(3)})).to_string(),
            400,
            vec![("/reconciliation_id", "invalid"), ("/job_id", "invalid"), ("/correlation_id", "invalid")],
        ),
        ("long id", changed(&json!({"job_id": "x".repeat(65)})).to_string(), 400, vec![("/job_id", "invalid")]),
        (
            "end before start",
            changed(&json!({"date_range": {"start": "2026-02-28", "end": "2026-02-01"}})).to_string(),
            400,
            vec![("/date_range/end", "invalid")],
        ),
        (
            "400 days",
            changed(&json!({"date_range": {"start": "2025-01-01", "end": "2026-02-04"}})).to_string(),
            400,
            vec![("/date_range", "invalid")],
        ),
        (
            "half a range",
            changed(&json!({"date_range": {"start": "2026-02-01", "until": 1}})).to_string(),
            400,
            vec![("/date_range/end", "missing"), ("/date_range/until", "unknown_field")],
        ),
        (
            "adapters",
            changed(&json!({"source_adapter": "paypal", "target_adapter": 1})).to_string(),
            400,
            vec![("/source_adapter", "invalid"), ("/target_adapter", "wrong_type")],
        ),
        (
            "not the job's adapters",
            changed(&json!({"source_adapter": "stripe", "target_adapter": "shopify"})).to_string(),
            422,
            vec![("/source_adapter", "not_the_jobs_adapter"), ("/target_adapter", "not_the_jobs_adapter")],
        ),
        ("unknown job", changed(&json!({"job_id": "nowhere"})).to_string(), 404, vec![]),
        ("another tenant", changed(&json!({"tenant_id": "other"})).to_string(), 403, vec![]),
    ] {
        let held = world.ask(&with_body(&body)).await;
        assert_eq!((held.status, held.wrong()), (status, wrong), "{what}: {}", held.body);
    }
    assert_eq!(world.runs(), 0);
}

#[tokio::test]
async fn bodies_may_come_in_base64() {
    let world = world().await;
    let mut event = with_body("eyJqb2JfaWQiOiA3fQ==");
    event["isBase64Encoded"] = json!(true);
    assert_eq!(world.ask(&event).await.wrong(), [("/job_id", "wrong_type"), ("/date_range", "missing")]);
    event["body"] = json!("%%%");
    assert_eq!(world.ask(&event).await.status, 400);
}

#[tokio::test]
async fn headers_are_judged_together_with_the_body() {
    let mut event = with_body(&changed(&json!({"job_id": 7})).to_string());
    event["headers"]["idempotency-key"] = json!("a b");
    let held = world().await.ask(&event).await;
    assert_eq!(
        (held.status, held.wrong()),
        (400, vec![("/job_id", "wrong_type"), ("header:Idempotency-Key", "invalid")])
    );
}

#[tokio::test]
async fn an_id_with_other_content_is_a_conflict() {
    let world = world().await;
    assert_eq!(world.ask(&sample("start-with-id")).await.status, 202);
    let march = json!({"reconciliation_id": "february", "date_range": {"start": "2026-03-01", "end": "2026-03-31"}});
    let held = world.ask(&with_body(&changed(&march).to_string())).await;
    assert_eq!((held.status, &held.body["code"]), (409, &json!("conflict")));
    assert_eq!(world.version("reconciliation", "february").await, 1);
}

#[tokio::test]
async fn another_tenants_job_does_not_exist() {
    let world = world().await;
    let mut event = with_body(&body().to_string());
    event["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
    assert_eq!(world.ask(&event).await.status, 404);
    event["headers"]["settler-tenant"] = json!("acme");
    assert_eq!(world.ask(&event).await.status, 403, "a tenant's key names no other tenant");
    assert_eq!(world.runs(), 0);
}

#[tokio::test]
async fn a_schedule_that_fires_twice_starts_one_run_over_the_period_before() {
    // By the scheduler's time and by the clock, which is that of 1 March as well.
    for name in ["scheduled", "scheduled-without-time"] {
        let world = world().await;
        let first = world.handler.handle(sample(name)).await.unwrap();
        assert_eq!(world.handler.handle(sample(name)).await.unwrap(), first, "{name}");
        // An hour later it is still the same period.
        let later =
            json!({"scheduler": {"tenant_id": "acme", "job_id": "job_shop", "scheduled_time": "2026-03-31T21:59:59Z"}});
        assert_eq!(world.handler.handle(later).await.unwrap(), first, "{name}");
        assert_eq!(world.runs(), 1);
        let id = first["reconciliation_id"].as_str().unwrap();
        assert!(id.starts_with("sched-"), "{id}");
        let run = load::<Reconciliation>(&world.store, &acme(), id).await.unwrap().state.unwrap();
        let range = run.request.date_range;
        assert_eq!((range.start.as_str(), range.end.as_str()), ("2026-02-01", "2026-02-28"), "{name}");
        // In Berlin April has begun at 22:00 UTC.
        let next =
            json!({"scheduler": {"tenant_id": "acme", "job_id": "job_shop", "scheduled_time": "2026-03-31T22:00:00Z"}});
        assert_ne!(world.handler.handle(next).await.unwrap()["reconciliation_id"], first["reconciliation_id"]);
        assert_eq!(world.runs(), 2);
    }
}

#[tokio::test]
async fn a_schedule_that_outlived_its_job_starts_nothing() {
    let world = world().await;
    let job = load::<Job>(&world.store, &acme(), "job_shop").await.unwrap();
    let unscheduled = JobDefinition { schedule: None, ..job.state.current().unwrap().1.clone() };
    let caller = Caller { tenant: acme(), key_id: "key_acme".into() };
    let jobs = JobService::new(Arc::new(world.store.clone()), Arc::<FixedClock>::default(), Arc::new(UniqueIds));
    jobs.update(&caller, JobId::parse("job_shop").unwrap(), unscheduled, None).await.unwrap();
    assert_eq!(world.handler.handle(sample("scheduled")).await.unwrap()["status"], "ignored");
    jobs.delete(&caller, JobId::parse("job_shop").unwrap(), None).await.unwrap();
    assert_eq!(world.handler.handle(sample("scheduled")).await.unwrap()["status"], "ignored");
    assert_eq!(world.runs(), 0);
}

/// Beside the sequence that the handler draws from.
#[derive(Debug)]
struct UniqueIds;

impl domain::IdSource for UniqueIds {
    fn next(&self) -> u128 {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1 << 40);
        u128::from(COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_schedules_wrong_event_is_an_error_that_says_what_is_wrong() {
    let world = world().await;
    for (change, expected) in [
        (json!({"job_id": "nowhere"}), "nowhere"),
        (json!({"job_id": 7}), "invalid type"),
        (json!({"tenant_id": "a b"}), "1 to 64 characters"),
        (json!({"scheduled_time": "soon"}), "scheduled_time"),
        (json!({"window": "previous_month"}), "window"),
    ] {
        let mut event = sample("scheduled");
        for (field, value) in change.as_object().unwrap().clone() {
            event["scheduler"][field] = value;
        }
        let error = format!("{:?}", world.handler.handle(event).await.unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    for odd in [json!({"scheduler": 7}), json!({"scheduler": {}})] {
        world.handler.handle(odd).await.unwrap_err();
    }
    assert_eq!(world.runs(), 0);
}

#[tokio::test]
async fn what_is_no_request_gets_an_answer_too() {
    let world = world().await;
    let answer = world.handler.handle(json!({"Records": []})).await.unwrap();
    assert_eq!(answer["statusCode"], 500);
    let mut event = sample("start");
    event["routeKey"] = json!("$default");
    assert_eq!(world.ask(&event).await.status, 404);
}
