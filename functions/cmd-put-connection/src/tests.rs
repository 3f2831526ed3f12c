//! The handler over stores in memory: every sample event, and that credentials never come back.

use crate::handler::Handler;
use application::ConnectionService;
use domain::{
    TenantId,
    ports::{Blobs, Secrets},
};
use event_store::{EventStore, MemoryStore, StreamKey};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use testkit::{FixedClock, MemoryBlobs, MemorySecrets, SequentialIds, sample_events};

struct World {
    store: MemoryStore,
    secrets: Arc<MemorySecrets>,
    uploads: Arc<MemoryBlobs>,
    handler: Handler,
}

fn world() -> World {
    let (store, secrets, uploads) =
        (MemoryStore::new(), Arc::new(MemorySecrets::default()), Arc::new(MemoryBlobs::default()));
    let (events, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(store.clone()), Arc::default(), Arc::default());
    let handler = Handler {
        service: ConnectionService::new(events.clone(), secrets.clone(), clock.clone(), ids.clone())
            .with_uploads(uploads.clone()),
        audit: Audit::new(events, clock, ids),
    };
    World { store, secrets, uploads, handler }
}

const FILE: &str = "Datum;Betrag\n31.01.2026;12,50\n";

impl World {
    async fn upload(&self, place: &str, text: &str) {
        self.uploads.put(&format!("uploads/{place}"), "text/csv", text.into()).await.unwrap();
    }

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
        world.upload("acme/upl_example", FILE).await;
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

#[tokio::test]
async fn a_csv_connection_is_held_against_the_file_that_was_uploaded() {
    let wrong = |held: &Held| -> Vec<(String, String)> {
        held.wrong().into_iter().map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).collect()
    };
    let put =
        |mapping: Value| json!({"adapter": "csv", "credentials": {"upload_id": "upl_example", "mapping": mapping}});
    let good = json!({"amount": "Betrag", "date": "Datum", "format": "dmy", "currency_code": "EUR"});
    let world = world();
    let held = world.ask(&with_body(&put(good.clone()))).await;
    assert_eq!(wrong(&held), [("/credentials/upload_id".into(), "not_found".into())]);
    // Another tenant's file of the same name is nobody's here.
    world.upload("other/upl_example", FILE).await;
    assert_eq!(world.ask(&with_body(&put(good.clone()))).await.status, 422);
    world.upload("acme/upl_example", FILE).await;
    let held = world.ask(&with_body(&put(json!({"amount": "Betrag", "date": "Tag", "colour": "red"})))).await;
    assert_eq!(wrong(&held), [("/credentials/mapping/colour".into(), "unknown_field".into())]);
    let held = world.ask(&with_body(&put(json!({"amount": "Betrag", "date": "Tag"})))).await;
    let missing = ("/credentials/mapping".to_owned(), "missing_column".to_owned());
    assert_eq!(wrong(&held), [missing.clone(), missing]);
    assert!(held.body.to_string().contains("the file has `Datum`, `Betrag`"), "{}", held.body);
    world.upload("acme/upl_example", "").await;
    let held = world.ask(&with_body(&put(good.clone()))).await;
    assert_eq!(wrong(&held), [("/credentials/upload_id".into(), "empty_file".into())]);
    world.upload("acme/upl_example", FILE).await;
    assert_eq!(world.ask(&with_body(&put(good))).await.status, 201);
}
