//! The handler over stores in memory: every sample event, and that credentials never come back.

use crate::handler::Handler;
use application::ConnectionService;
use domain::{TenantId, ports::Secrets};
use event_store::{EventStore, MemoryStore, StreamKey};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use testkit::{FixedClock, MemorySecrets, SequentialIds, sample_events};

struct World {
    store: MemoryStore,
    secrets: Arc<MemorySecrets>,
    handler: Handler,
}

fn world() -> World {
    let (store, secrets) = (MemoryStore::new(), Arc::new(MemorySecrets::default()));
    let (events, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(store.clone()), Arc::default(), Arc::default());
    let handler = Handler {
        service: ConnectionService::new(events.clone(), secrets.clone(), clock.clone(), ids.clone()),
        audit: Audit::new(events, clock, ids),
    };
    World { store, secrets, handler }
}

impl World {
    async fn ask(&self, event: &Value) -> Held {
        let answer = self.handler.handle(event.clone()).await.unwrap();
        assert!(!answer.to_string().contains("_example"), "a credential came back: {answer}");
        hold(event, &answer).unwrap()
    }
}

fn sample(name: &str) -> Value {
    sample_events("cmd-put-connection").remove(name).unwrap()
}

fn with_body(body: &Value) -> Value {
    let mut event = sample("shopify");
    event["body"] = json!(body.to_string());
    event
}

#[tokio::test]
async fn every_sample_event_is_answered_as_the_document_says() {
    for (name, event) in sample_events("cmd-put-connection") {
        let world = world();
        let held = world.ask(&event).await;
        let wrong = name == "wrong-credentials";
        assert_eq!(held.status, if wrong { 400 } else { 201 }, "{name}");
        assert_eq!(world.secrets.names().is_empty(), wrong, "{name}");
    }
}

#[tokio::test]
async fn a_connection_is_made_once_and_then_given_new_credentials() {
    let world = world();
    let first = world.ask(&sample("stripe")).await;
    assert_eq!(first.body, json!({"connection_id": "payments", "adapter": "stripe", "version": 1}));
    let second = world.ask(&sample("stripe")).await;
    assert_eq!((second.status, &second.body["version"], second.header("etag")), (200, &json!(2), "\"2\""));
    assert_eq!(world.secrets.get("acme/payments").await.unwrap(), r#"{"api_key":"rk_test_example"}"#);
}

#[tokio::test]
async fn every_bad_body_gets_its_status_and_its_fields() {
    let world = world();
    let shop = json!({"shop": "acme", "access_token": "shpat_example"});
    for (what, body, status, wrong) in [
        ("empty", json!({}), 400, vec![("/adapter", "missing"), ("/credentials", "missing")]),
        ("array", json!([]), 400, vec![("", "wrong_type")]),
        (
            "unknown adapter",
            json!({"adapter": "paypal", "credentials": {"key": "sk_example"}, "x": 1}),
            400,
            vec![("/adapter", "invalid"), ("/x", "unknown_field")],
        ),
        (
            "credentials as text",
            json!({"adapter": "stripe", "credentials": "rk_test_example"}),
            400,
            vec![("/credentials", "wrong_type")],
        ),
        (
            "another adapter's credentials",
            json!({"adapter": "stripe", "credentials": shop}),
            400,
            vec![
                ("/credentials/access_token", "unknown_field"),
                ("/credentials/shop", "unknown_field"),
                ("/credentials/api_key", "missing"),
            ],
        ),
        (
            "a shop that is a host",
            json!({"adapter": "shopify", "credentials": {"shop": "evil.example/", "access_token": "shpat_example"}}),
            400,
            vec![("/credentials/shop", "invalid")],
        ),
        ("another tenant", json!({"tenant_id": "other", "adapter": "stripe", "credentials": {}}), 403, vec![]),
        ("too large", json!({"adapter": "stripe", "credentials": {"api_key": "x".repeat(300_000)}}), 413, vec![]),
    ] {
        let held = world.ask(&with_body(&body)).await;
        assert_eq!(held.status, status, "{what}: {}", held.body);
        let (found, wrong): (BTreeSet<_>, BTreeSet<_>) =
            (held.wrong().into_iter().collect(), wrong.into_iter().collect());
        assert_eq!(found, wrong, "{what}");
    }
    assert!(world.secrets.names().is_empty());
}

#[tokio::test]
async fn the_id_is_judged_together_with_the_body() {
    let world = world();
    let mut event = with_body(&json!({"adapter": "stripe", "credentials": {}}));
    event["pathParameters"]["id"] = json!("a b");
    let held = world.ask(&event).await;
    assert_eq!((held.status, held.wrong()), (400, vec![("path:id", "invalid"), ("/credentials/api_key", "missing")]));
}

#[tokio::test]
async fn an_operators_call_leaves_a_trace_with_the_tenant() {
    let world = world();
    let mut event = sample("stripe");
    event["requestContext"]["authorizer"]["lambda"] = json!({"key_id": "key_platform", "scopes": "admin"});
    event["headers"]["settler-tenant"] = json!("acme");
    assert_eq!(world.ask(&event).await.status, 201);
    let audit = StreamKey::new(&TenantId::parse("acme").unwrap(), "audit", "20260301");
    let commits = world.store.load(&audit, 0).await.unwrap();
    assert_eq!(commits[0].events[0].data, json!({"route": "PUT /v1/connections/{id}", "key_id": "key_platform"}));
}

#[tokio::test]
async fn other_routes_are_none() {
    let mut event = sample("stripe");
    event["routeKey"] = json!("$default");
    assert_eq!(world().ask(&event).await.status, 404);
}
