//! Every sample event reaches its command with what it says; what commands do is tested on completed runs of the saga.

use crate::handler::Handler;
use application::DecisionService;
use event_store::{EventStore, MemoryStore};
use http_api::{
    audit::Audit,
    held::{Held, hold},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FixedClock, MemoryBlobs, SequentialIds, sample_events};

fn handler() -> Handler {
    let (store, clock, ids): (Arc<dyn EventStore>, Arc<FixedClock>, Arc<SequentialIds>) =
        (Arc::new(MemoryStore::new()), Arc::default(), Arc::default());
    let service = DecisionService::new(store.clone(), Arc::new(MemoryBlobs::default()), clock.clone(), ids.clone());
    Handler { service, audit: Audit::new(store, clock, ids) }
}

async fn ask(event: &Value) -> Held {
    hold(event, &handler().handle(event.clone()).await.unwrap()).unwrap()
}

fn sample(name: &str) -> Value {
    sample_events("cmd-decide-matches").remove(name).unwrap()
}

#[tokio::test]
async fn every_sample_event_reads_and_reaches_its_command() {
    let samples = sample_events("cmd-decide-matches");
    let names: Vec<&str> = samples.keys().map(String::as_str).collect();
    assert_eq!(names, ["break", "confirm", "make", "many-wrong-fields", "reject", "review"]);
    for (name, event) in &samples {
        // There is no such run: the command has looked for it, so it was asked with what it understands.
        let expected = if name == "many-wrong-fields" { 400 } else { 404 };
        let held = ask(event).await;
        assert_eq!(held.status, expected, "{name}: {}", held.body);
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let held = ask(&sample("many-wrong-fields")).await;
    let expected = [
        ("/source_ids", "invalid"),
        ("/target_ids/0", "wrong_type"),
        ("/reason", "invalid"),
        ("/colour", "unknown_field"),
    ];
    let mut wrong = held.wrong();
    wrong.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(wrong, expected);
    for (name, body, pointer) in [
        ("confirm", json!({}), "/reason"),
        ("reject", json!({"reason": "x".repeat(1_001)}), "/reason"),
        ("review", json!({"state": "closed", "note": "x"}), "/state"),
        ("review", json!({"state": "open"}), "/note"),
    ] {
        let mut event = sample(name);
        event["body"] = json!(body.to_string());
        let held = ask(&event).await;
        assert_eq!((held.status, held.wrong()[0].0), (400, pointer), "{name} {body}");
    }
    let mut route = sample("confirm");
    route["routeKey"] = json!("$default");
    assert_eq!(ask(&route).await.status, 404);
}
