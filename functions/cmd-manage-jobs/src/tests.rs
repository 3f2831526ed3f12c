//! The handler over the store in memory: every sample event, and everything that can be wrong with a job.

use crate::handler::Handler;
use application::{Caller, ConnectionService, JobService, ManagedJobs};
use async_trait::async_trait;
use domain::{
    ConnectionId, JobId, TenantId,
    connection::Adapter,
    ports::{PortError, ScheduleError, Schedules, Secrets},
    schedule::Schedule,
};
use event_store::{EventStore, MemoryStore, StreamKey};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use testkit::{CountedEntropy, FixedClock, MemorySecrets, SequentialIds, sample_events};
use webhooks::{AllowedOrigins, Deliveries, MemoryDeliveries};

struct World {
    store: MemoryStore,
    handler: Handler,
    secrets: Arc<MemorySecrets>,
    deliveries: Arc<MemoryDeliveries>,
    scheduler: Arc<Scheduler>,
}

/// Entries by tenant and job. Expressions with a `W` are not to its taste.
#[derive(Debug, Default)]
struct Scheduler(Mutex<BTreeMap<String, Schedule>>);

#[async_trait]
impl Schedules for Scheduler {
    async fn put(&self, tenant: &TenantId, job: &JobId, schedule: &Schedule) -> Result<(), ScheduleError> {
        if schedule.expression.contains('W') {
            return Err(ScheduleError::Invalid("Invalid Schedule Expression".into()));
        }
        self.0.lock().unwrap().insert(format!("{tenant}/{job}"), schedule.clone());
        Ok(())
    }

    async fn delete(&self, tenant: &TenantId, job: &JobId) -> Result<(), PortError> {
        self.0.lock().unwrap().remove(&format!("{tenant}/{job}"));
        Ok(())
    }
}

impl Scheduler {
    fn entries(&self) -> Vec<(String, String)> {
        let entries = self.0.lock().unwrap();
        entries.iter().map(|(name, schedule)| (name.clone(), schedule.expression.clone())).collect()
    }
}

/// Tenant `acme` has the connections `shop` and `payments`.
async fn world() -> World {
    let store = MemoryStore::new();
    let (events, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(store.clone()), Arc::default(), Arc::default());
    let caller = Caller { tenant: TenantId::parse("acme").unwrap(), key_id: "key_acme".into() };
    let secrets = Arc::new(MemorySecrets::default());
    let connections = ConnectionService::new(events.clone(), secrets.clone(), clock.clone(), ids.clone());
    for (name, adapter, credentials) in [
        ("shop", Adapter::Shopify, json!({"shop": "acme", "access_token": "shpat_example"})),
        ("payments", Adapter::Stripe, json!({"api_key": "rk_test_example"})),
    ] {
        connections.put(&caller, ConnectionId::parse(name).unwrap(), adapter, credentials).await.unwrap();
    }
    let (deliveries, scheduler) = (Arc::new(MemoryDeliveries::default()), Arc::new(Scheduler::default()));
    let service = ManagedJobs {
        jobs: JobService::new(events.clone(), clock.clone(), ids.clone()),
        deliveries: deliveries.clone(),
        secrets: secrets.clone(),
        schedules: scheduler.clone(),
        entropy: Arc::new(CountedEntropy::default()),
        allowed: AllowedOrigins::default(),
    };
    let handler = Handler { service, audit: Audit::new(events, clock, ids) };
    World { store, handler, secrets, deliveries, scheduler }
}

impl World {
    async fn ask(&self, event: &Value) -> Held {
        hold(event, &self.handler.handle(event.clone()).await.unwrap()).unwrap()
    }

    /// Names of the secrets that belong to endpoints.
    fn endpoint_secrets(&self) -> Vec<String> {
        self.secrets.names().into_iter().filter(|name| name.contains("/webhook/")).collect()
    }

    fn jobs(&self) -> usize {
        self.store
            .changes()
            .iter()
            .filter(|change| change.stream.aggregate_type == "job" && change.version == 1)
            .count()
    }
}

fn sample(name: &str) -> Value {
    sample_events("cmd-manage-jobs").remove(name).unwrap()
}

/// The sample's body with some members changed; null takes a member out.
fn changed(name: &str, changes: &Value) -> Value {
    let mut event = sample(name);
    let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    for (member, value) in changes.as_object().unwrap().clone() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(&member);
        } else {
            body[member] = value;
        }
    }
    event["body"] = json!(body.to_string());
    event
}

#[tokio::test]
async fn every_sample_event_is_answered_as_the_document_says() {
    let samples = sample_events("cmd-manage-jobs");
    let names: Vec<&str> = samples.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["create", "create-with-webhook-and-schedule", "delete", "many-wrong-fields", "replace", "rotate"]
    );
    let world = world().await;
    for (name, status) in [("many-wrong-fields", 400), ("create", 201), ("replace", 200), ("delete", 204)] {
        assert_eq!(world.ask(&samples[name]).await.status, status, "{name}");
    }
    assert_eq!(world.ask(&samples["replace"]).await.status, 404, "after the deletion");
    assert_eq!(world.ask(&samples["rotate"]).await.status, 404, "an endpoint that is not there");
    let scheduled = self::world().await.ask(&samples["create-with-webhook-and-schedule"]).await;
    assert_eq!((scheduled.status, &scheduled.body["schedule"]["timezone"]), (201, &json!("Europe/Berlin")));
}

#[tokio::test]
async fn a_job_is_shown_as_it_was_given() {
    let world = world().await;
    let held = world.ask(&sample("create")).await;
    assert_eq!(
        held.body,
        json!({
            "job_id": "job_shop", "name": "Shop against Stripe", "timezone": "Europe/Berlin", "version": 1, "webhooks": [],
            "source": {"adapter": "shopify", "connection": "shop"}, "target": {"adapter": "stripe", "connection": "payments"},
            "matching_rules": {"gateways": ["stripe", "shopify_payments"]},
        })
    );
    assert_eq!((held.header("location"), held.header("etag")), ("/v1/jobs/job_shop", "\"1\""));
    let again = world.ask(&sample("create")).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (201, &held.body, "true"));
    let reused = world.ask(&changed("create", &json!({"name": "other"}))).await;
    assert_eq!((reused.status, &reused.body["code"]), (422, &json!("idempotency_key_reused")));
    let replaced = world.ask(&sample("replace")).await;
    assert_eq!((&replaced.body["version"], replaced.body.get("matching_rules")), (&json!(2), None));
}

#[tokio::test]
async fn a_name_and_a_zone_have_defaults_and_limits() {
    let world = world().await;
    let mut event = changed("create", &json!({"job_id": null, "timezone": null}));
    event["headers"].as_object_mut().unwrap().remove("idempotency-key");
    let held = world.ask(&event).await;
    assert_eq!((held.status, &held.body["timezone"]), (201, &json!("UTC")));
    assert!(held.body["job_id"].as_str().unwrap().starts_with("job_"));
    for (name, code) in [(String::new(), "invalid"), ("x".repeat(201), "too_long")] {
        assert_eq!(world.ask(&changed("create", &json!({"name": name}))).await.wrong(), [("/name", code)]);
    }
    assert_eq!(world.jobs(), 1);
}

#[tokio::test]
async fn the_many_wrong_fields_are_all_named() {
    let held = world().await.ask(&sample("many-wrong-fields")).await;
    assert_eq!(
        held.wrong(),
        [
            ("/name", "invalid"),
            ("/source/adapter", "invalid"),
            ("/source/connection", "invalid"),
            ("/target", "missing"),
            ("/timezone", "invalid"),
            ("/schedule/window", "missing"),
            ("/matching_rules/amount_days", "invalid"),
        ]
    );
}

#[tokio::test]
async fn connections_must_be_there_and_fit() {
    let world = world().await;
    let held = world
        .ask(&changed("create", &json!({"source": {"adapter": "shopify", "connection": "missing"}, "target": {"adapter": "stripe", "connection": "shop"}}),
        ))
        .await;
    let unknown = "unknown_connection";
    assert_eq!(
        (held.status, held.wrong()),
        (422, vec![("/source/connection", unknown), ("/target/connection", unknown)])
    );
    let mut foreign = sample("create");
    foreign["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
    assert_eq!(world.ask(&foreign).await.wrong().len(), 2, "another tenant's connections are none");
}

#[tokio::test]
async fn every_bad_body_gets_its_status() {
    let world = world().await;
    for name in ["create", "replace"] {
        for (body, status) in [
            ("{".to_owned(), 400),
            ("[]".to_owned(), 400),
            ("null".to_owned(), 400),
            (json!({"tenant_id": "other"}).to_string(), 403),
            (format!("\"{}\"", "x".repeat(1 << 20)), 413),
        ] {
            let mut event = sample(name);
            event["body"] = json!(body);
            assert_eq!(world.ask(&event).await.status, status, "{name} {body:.20}");
        }
        for (member, value) in [("source", json!("shop")), ("matching_rules", json!([])), ("timezone", json!(1))] {
            let held = world.ask(&changed(name, &json!({ member: value }))).await;
            assert_eq!((held.status, held.wrong()), (400, vec![(&*format!("/{member}"), "wrong_type")]), "{name}");
        }
        let rules = json!({"matching_rules": {"colour": 1}, "colour": 1});
        let held = world.ask(&changed(name, &rules)).await;
        assert_eq!(held.status, 400, "{name}");
        assert_eq!(held.wrong().len(), 2, "{name}: {}", held.body);
    }
    assert_eq!(world.jobs(), 0);
}

#[tokio::test]
async fn etags_guard_changes() {
    let world = world().await;
    world.ask(&sample("create")).await;
    let with = |name: &str, tag: &str| {
        let mut event = sample(name);
        event["headers"]["if-match"] = json!(tag);
        event
    };
    assert_eq!(world.ask(&with("replace", "\"7\"")).await.status, 412);
    assert_eq!(world.ask(&with("replace", "\"1\"")).await.header("etag"), "\"2\"");
    assert_eq!(world.ask(&with("delete", "\"1\"")).await.status, 412);
    let odd = world.ask(&with("delete", "7")).await;
    assert_eq!((odd.status, odd.wrong()), (400, vec![("header:If-Match", "invalid")]));
    let mut both = changed("replace", &json!({"name": ""}));
    both["headers"]["if-match"] = json!("7");
    assert_eq!(world.ask(&both).await.wrong(), [("/name", "invalid"), ("header:If-Match", "invalid")]);
    assert_eq!(world.ask(&with("delete", "*")).await.status, 204);
}

#[tokio::test]
async fn another_tenants_job_does_not_exist() {
    let world = world().await;
    world.ask(&sample("create")).await;
    for name in ["replace", "delete"] {
        let mut event = sample(name);
        event["pathParameters"]["id"] = json!("a b");
        assert_eq!(world.ask(&event).await.status, 404, "{name}: an id that cannot exist");
    }
    let mut foreign = sample("delete");
    foreign["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
    assert_eq!(world.ask(&foreign).await.status, 404);
    let acme = TenantId::parse("acme").unwrap();
    let head = world.store.head(&StreamKey::new(&acme, "job", "job_shop")).await.unwrap();
    assert_eq!(head.map(|head| head.version), Some(1));
}

const HOOK: &str = "https://books.example/hook";

/// The endpoint in an answer: id and secret.
fn endpoint(held: &Held, place: usize) -> (String, Option<String>) {
    let endpoint = &held.body["webhooks"][place];
    (endpoint["endpoint_id"].as_str().unwrap().to_owned(), endpoint["secret"].as_str().map(str::to_owned))
}

fn rotate(endpoint_id: &str, key: &str) -> Value {
    let mut event = sample("rotate");
    event["pathParameters"]["endpoint_id"] = json!(endpoint_id);
    event["rawPath"] = json!(format!("/v1/jobs/job_shop/webhooks/{endpoint_id}/rotate"));
    event["headers"]["idempotency-key"] = json!(key);
    event
}

#[tokio::test]
async fn a_secret_is_shown_when_the_endpoint_is_new_and_never_again() {
    let world = world().await;
    let create = changed("create", &json!({"webhooks": [{"url": HOOK}]}));
    let created = world.ask(&create).await;
    let (id, secret) = endpoint(&created, 0);
    assert!(id.starts_with("we_") && secret.as_ref().is_some_and(|secret| secret.starts_with("whsec_")));
    assert_eq!(world.endpoint_secrets(), [format!("acme/webhook/{id}")]);
    let acme = TenantId::parse("acme").unwrap();
    let registered = world.deliveries.job_of(&acme, &domain::EndpointId::parse(id.as_str()).unwrap()).await.unwrap();
    assert_eq!(registered.map(|job| job.to_string()), Some("job_shop".into()));
    // The first answer again: its client may never have seen it.
    let again = world.ask(&create).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &created.body));
    let replaced =
        world.ask(&changed("replace", &json!({"webhooks": [{"url": HOOK}, {"url": "https://b.example/"}]}))).await;
    assert_eq!(endpoint(&replaced, 0), (id.clone(), None), "the same endpoint, its secret not shown");
    assert!(endpoint(&replaced, 1).1.is_some());
    // By its id it may move.
    let moved = json!({"webhooks": [{"endpoint_id": id, "url": "https://moved.example/"}]});
    let moved = world.ask(&changed("replace", &moved)).await;
    assert_eq!(
        (endpoint(&moved, 0), &moved.body["webhooks"][0]["url"]),
        ((id.clone(), None), &json!("https://moved.example/"))
    );
    assert_eq!(world.endpoint_secrets(), [format!("acme/webhook/{id}")], "the dropped endpoint's secret is gone");
    let stored = world.store.load(&StreamKey::new(&acme, "job", "job_shop"), 0).await.unwrap();
    assert!(!format!("{stored:?}").contains("whsec"), "no event holds a secret");
    world.ask(&sample("delete")).await;
    assert_eq!(world.endpoint_secrets(), Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_is_rotated_once_per_key_and_the_last_one_stays_valid() {
    let world = world().await;
    let (id, first) = endpoint(&world.ask(&changed("create", &json!({"webhooks": [{"url": HOOK}]}))).await, 0);
    let rotated = world.ask(&rotate(&id, "k1")).await;
    assert_eq!((rotated.status, &rotated.body["previous_valid_until"]), (200, &json!("2026-03-02T12:00:00.000Z")));
    assert_ne!(rotated.body["secret"].as_str(), first.as_deref());
    let again = world.ask(&rotate(&id, "k1")).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &rotated.body));
    let next = world.ask(&rotate(&id, "k2")).await;
    assert_ne!(next.body["secret"], rotated.body["secret"]);
    let acme = TenantId::parse("acme").unwrap();
    let events = world.store.load(&StreamKey::new(&acme, "job", "job_shop"), 0).await.unwrap();
    assert_eq!(events.len(), 3);
    // A rotation whose event was lost: the secret that nobody saw is the one that is shown next.
    let name = format!("acme/webhook/{id}");
    let present = webhooks::EndpointSecret::read(&world.secrets.get(&name).await.unwrap()).unwrap();
    let unseen = present.rotated(&[99; 32], domain::Timestamp::from_millis(0));
    world.secrets.put(&name, &unseen.write().unwrap()).await.unwrap();
    assert_eq!(world.ask(&rotate(&id, "k3")).await.body["secret"], unseen.current());
    for (id, status) in [("we_other", 404), ("a b", 404)] {
        assert_eq!(world.ask(&rotate(id, "k4")).await.status, status);
    }
    let mut with_body = rotate(&id, "k5");
    with_body["body"] = json!("{\"secret\": \"whsec_mine\"}");
    assert_eq!(world.ask(&with_body).await.wrong(), [("/secret", "unknown_field")]);
}

#[tokio::test]
async fn endpoints_that_cannot_be_are_named_with_all_else_that_is_wrong() {
    let world = world().await;
    for url in [
        "http://books.example/",
        "https://10.0.0.1/",
        "https://localhost:80@127.0.0.1/",
        "https://[::1]/",
        "ftp://x",
        "no url",
    ] {
        let held = world.ask(&changed("create", &json!({"webhooks": [{"url": HOOK}, {"url": url}]}))).await;
        assert_eq!((held.status, held.wrong()), (400, vec![("/webhooks/1/url", "invalid")]), "{url}");
    }
    let twice = json!({"webhooks": [{"url": HOOK}, {"url": HOOK}, {"endpoint_id": "we_x", "url": "https://x.example"}], "source": {"adapter": "shopify", "connection": "missing"}});
    let held = world.ask(&changed("create", &twice)).await;
    assert_eq!(
        (held.status, held.wrong()),
        (
            422,
            vec![
                ("/webhooks/1", "unknown_endpoint"),
                ("/webhooks/2", "unknown_endpoint"),
                ("/source/connection", "unknown_connection")
            ]
        )
    );
    let many: Vec<Value> = (0..11).map(|n| json!({"url": format!("https://{n}.example/")})).collect();
    assert_eq!(world.ask(&changed("create", &json!({"webhooks": many}))).await.wrong(), [("/webhooks", "invalid")]);
    assert_eq!(
        world.ask(&changed("create", &json!({"webhooks": [{}]}))).await.wrong(),
        [("/webhooks/0/url", "missing")]
    );
    assert_eq!((world.jobs(), world.endpoint_secrets()), (0, Vec::new()), "nothing was made for what was refused");
}

#[tokio::test]
async fn a_schedule_follows_its_job() {
    let world = world().await;
    let schedule = |expression: &str| json!({"schedule": {"expression": expression, "timezone": "Asia/Tokyo", "window": "previous_day"}});
    let created = world.ask(&changed("create", &schedule("cron(0 6 * * ? *)"))).await;
    assert_eq!(
        created.body["schedule"],
        json!({"expression": "cron(0 6 * * ? *)", "timezone": "Asia/Tokyo", "window": "previous_day"})
    );
    let entry = |expression: &str| vec![("acme/job_shop".to_owned(), expression.to_owned())];
    assert_eq!(world.scheduler.entries(), entry("cron(0 6 * * ? *)"));
    world.ask(&changed("replace", &schedule("rate(12 hours)"))).await;
    assert_eq!(world.scheduler.entries(), entry("rate(12 hours)"));
    // An entry that was lost is there again after the same command.
    world.scheduler.0.lock().unwrap().clear();
    assert_eq!(world.ask(&changed("replace", &schedule("rate(12 hours)"))).await.body["version"], 2);
    assert_eq!(world.scheduler.entries(), entry("rate(12 hours)"));
    world.ask(&sample("replace")).await;
    assert_eq!(world.scheduler.entries(), []);
    world.ask(&changed("replace", &schedule("rate(1 day)"))).await;
    world.ask(&sample("delete")).await;
    assert_eq!(world.scheduler.entries(), []);
}

#[tokio::test]
async fn a_schedule_that_cannot_be_is_refused_with_its_field() {
    let world = world().await;
    for (schedule, wrong) in [
        (json!({"expression": "0 6 1 * *", "window": "previous_month"}), ("/schedule/expression", "invalid")),
        (json!({"expression": "cron(0 25 1 * ? *)", "window": "previous_month"}), ("/schedule/expression", "invalid")),
        (json!({"expression": "rate(1 day)", "window": "P1M"}), ("/schedule/window", "invalid")),
        (
            json!({"expression": "rate(1 day)", "timezone": "Mars/Olympus", "window": "previous_day"}),
            ("/schedule/timezone", "invalid"),
        ),
        (
            json!({"expression": "rate(1 day)", "window": "previous_day", "flexible": 1}),
            ("/schedule/flexible", "unknown_field"),
        ),
        (json!({"window": "previous_day"}), ("/schedule/expression", "missing")),
        // Well formed, but not to the scheduler's taste.
        (json!({"expression": "cron(0 0 15W * ? *)", "window": "previous_day"}), ("/schedule", "invalid")),
    ] {
        let held = world.ask(&changed("create", &json!({"schedule": schedule}))).await;
        assert_eq!((held.status, held.wrong()), (400, vec![wrong]), "{schedule}");
    }
    assert_eq!((world.jobs(), world.scheduler.entries()), (0, Vec::new()));
}

#[tokio::test]
async fn what_is_made_for_a_command_that_is_declined_is_taken_away() {
    let world = world().await;
    world.ask(&changed("create", &json!({"webhooks": [{"url": HOOK}]}))).await;
    let secrets = world.endpoint_secrets();
    let mut taken = changed(
        "create",
        &json!({"name": "other", "webhooks": [{"url": "https://other.example/"}], "schedule": {"expression": "rate(1 day)", "window": "previous_day"}}),
    );
    taken["headers"]["idempotency-key"] = json!("another");
    assert_eq!(world.ask(&taken).await.status, 409);
    let mut stale = changed("replace", &json!({"webhooks": [{"url": "https://other.example/"}]}));
    stale["headers"]["if-match"] = json!("\"7\"");
    assert_eq!(world.ask(&stale).await.status, 412);
    assert_eq!((world.endpoint_secrets(), world.scheduler.entries()), (secrets, Vec::new()));
}
