//! The handler over the store in memory: every sample event, and everything that can be wrong with a job.

use crate::handler::Handler;
use application::{Caller, ConnectionService, JobService};
use domain::{ConnectionId, TenantId, connection::Adapter};
use event_store::{EventStore, MemoryStore, StreamKey};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FixedClock, MemorySecrets, SequentialIds, sample_events};

struct World {
    store: MemoryStore,
    handler: Handler,
}

/// Tenant `acme` has the connections `shop` and `payments`.
async fn world() -> World {
    let store = MemoryStore::new();
    let (events, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(store.clone()), Arc::default(), Arc::default());
    let caller = Caller { tenant: TenantId::parse("acme").unwrap(), key_id: "key_acme".into() };
    let secrets = Arc::new(MemorySecrets::default());
    let connections = ConnectionService::new(events.clone(), secrets, clock.clone(), ids.clone());
    for (name, adapter, credentials) in [
        ("shop", Adapter::Shopify, json!({"shop": "acme", "access_token": "shpat_example"})),
        ("payments", Adapter::Stripe, json!({"api_key": "rk_test_example"})),
    ] {
        connections.put(&caller, ConnectionId::parse(name).unwrap(), adapter, credentials).await.unwrap();
    }
    let handler = Handler {
        service: JobService::new(events.clone(), clock.clone(), ids.clone()),
        audit: Audit::new(events, clock, ids),
    };
    World { store, handler }
}

impl World {
    async fn ask(&self, event: &Value) -> Held {
        hold(event, &self.handler.handle(event.clone()).await.unwrap()).unwrap()
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
    assert_eq!(names, ["create", "delete", "many-wrong-fields", "replace"]);
    let world = world().await;
    for (name, status) in [("many-wrong-fields", 400), ("create", 201), ("replace", 200), ("delete", 204)] {
        assert_eq!(world.ask(&samples[name]).await.status, status, "{name}");
    }
    assert_eq!(world.ask(&samples["replace"]).await.status, 404, "after the deletion");
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
            ("/schedule", "not_available"),
            ("/matching_rules/amount_days", "invalid"),
        ]
    );
}

#[tokio::test]
async fn what_is_not_built_is_refused_and_says_so() {
    let world = world().await;
    let asked = json!({
        "webhooks": [{"url": "https://example.com/hook"}],
        "schedule": {"expression": "rate(1 day)", "timezone": "UTC", "window": "P1M"},
    });
    for name in ["create", "replace"] {
        let held = world.ask(&changed(name, &asked)).await;
        assert_eq!(held.wrong(), [("/schedule", "not_available"), ("/webhooks", "not_available")], "{name}");
        assert_eq!(held.status, 422, "{name}");
        for error in held.body["errors"].as_array().unwrap() {
            assert!(error["detail"].as_str().unwrap().contains("not available yet; leave the field out"), "{error}");
        }
    }
    let held = world.ask(&changed("create", &json!({"webhooks": []}))).await;
    assert_eq!(held.wrong(), [("/webhooks", "not_available")], "an empty list too: nobody may think that it is heeded");
    assert_eq!(world.jobs(), 0);
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
