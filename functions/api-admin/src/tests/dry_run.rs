//! What a dry run refuses; what it finds is tried on the stack, where runs have results.

use super::{sample, world};
use serde_json::json;

#[tokio::test]
async fn a_run_that_is_unknown_or_has_no_result_cannot_be_tried() {
    let world = world(&["acme"]).await;
    let held = world.ask(&sample("dry-run")).await;
    assert_eq!(held.status, 409, "{}", held.body);
    assert!(held.body["detail"].as_str().unwrap().contains("has no result to compare with"), "{}", held.body);
    let mut unknown = sample("dry-run");
    unknown["body"] = json!(r#"{"reconciliation_id": "nowhere", "matching_rules": {}}"#);
    assert_eq!(world.ask(&unknown).await.status, 404);
    unknown["queryStringParameters"] = json!({});
    assert_eq!(world.ask(&unknown).await.status, 404, "nobody has it");
}

#[tokio::test]
async fn all_that_is_wrong_is_named_at_once() {
    let world = world(&["acme"]).await;
    let mut event = sample("dry-run");
    event["body"] = json!(r#"{"reconciliation_id": "a b", "matching_rules": 5, "colour": "red"}"#);
    let held = world.ask(&event).await;
    let mut wrong: Vec<_> = held.wrong().into_iter().map(|(pointer, _)| pointer).collect();
    wrong.sort_unstable();
    assert_eq!((held.status, wrong), (400, vec!["/colour", "/matching_rules", "/reconciliation_id"]), "{}", held.body);
}
