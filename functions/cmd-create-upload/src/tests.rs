//! The handler over a bucket in memory: every sample event, and whose upload it is.

use crate::handler::Handler;
use application::UploadService;
use domain::TenantId;
use event_store::{EventStore, MemoryStore, StreamKey};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FixedClock, MemoryBlobs, SequentialIds, sample_events};

struct World {
    store: MemoryStore,
    handler: Handler,
}

fn world() -> World {
    let store = MemoryStore::new();
    let (events, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(store.clone()), Arc::default(), Arc::default());
    let handler = Handler {
        service: UploadService::new(Arc::new(MemoryBlobs::default()), clock.clone(), ids.clone()),
        audit: Audit::new(events, clock, ids),
    };
    World { store, handler }
}

impl World {
    async fn ask(&self, event: &Value) -> Held {
        let answer = self.handler.handle(event.clone()).await.unwrap();
        hold(event, &answer).unwrap()
    }
}

fn sample(name: &str) -> Value {
    sample_events("cmd-create-upload").remove(name).unwrap()
}

#[tokio::test]
async fn every_sample_event_is_answered_as_the_document_says() {
    for (name, event) in sample_events("cmd-create-upload") {
        let expected = if name == "unknown-field" { 400 } else { 201 };
        assert_eq!(world().ask(&event).await.status, expected, "{name}");
    }
}

#[tokio::test]
async fn the_address_is_the_tenants_own_and_a_key_repeats_the_upload() {
    let world = world();
    let first = world.ask(&sample("plain")).await;
    let id = first.body["upload_id"].as_str().unwrap();
    assert_eq!(first.body["url"], json!(format!("memory://uploads/acme/{id}?put&valid_s=900")));
    assert_ne!(world.ask(&sample("plain")).await.body["upload_id"], first.body["upload_id"]);
    let keyed = world.ask(&sample("repeatable")).await;
    assert_eq!(world.ask(&sample("repeatable")).await.body["upload_id"], keyed.body["upload_id"]);
    let mut elsewhere = sample("repeatable");
    elsewhere["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
    assert_ne!(world.ask(&elsewhere).await.body["upload_id"], keyed.body["upload_id"]);
}

#[tokio::test]
async fn an_empty_body_is_as_good_as_an_object_and_another_tenant_is_refused() {
    let world = world();
    let mut event = sample("plain");
    for (body, status) in
        [(Value::Null, 201), (json!(""), 201), (json!("{"), 400), (json!("{\"tenant_id\": \"other\"}"), 403)]
    {
        event["body"] = body;
        assert_eq!(world.ask(&event).await.status, status, "{event}");
    }
}

#[tokio::test]
async fn an_operators_call_leaves_a_trace_with_the_tenant() {
    let world = world();
    let mut event = sample("plain");
    event["requestContext"]["authorizer"]["lambda"] = json!({"key_id": "key_platform", "scopes": "admin"});
    event["headers"]["settler-tenant"] = json!("acme");
    assert_eq!(world.ask(&event).await.status, 201);
    let audit = StreamKey::new(&TenantId::parse("acme").unwrap(), "audit", "20260301");
    let commits = world.store.load(&audit, 0).await.unwrap();
    assert_eq!(commits[0].events[0].data, json!({"route": "POST /v1/uploads", "key_id": "key_platform"}));
}
