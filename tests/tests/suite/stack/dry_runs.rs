//! Other rules over a past run: the difference is told, and nothing of the run changes.

use super::{
    client::{Answer, Shop, Stack},
    command_line::settler,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::sleep;

async fn tried(stack: &Stack, id: &str, rules: &Value) -> Answer {
    let body = json!({ "reconciliation_id": id, "matching_rules": rules });
    let path = format!("/admin/dry-run?tenant_id={}", stack.tenant(0));
    stack.call(Method::POST, &path, stack.admin_key(), Some(body)).await
}

async fn run(stack: &Stack) -> (Shop, String) {
    let shop = stack.shop(0, "no-refs", 300, 57).await;
    let summary = stack.reconcile(0, &shop).await;
    (shop, summary["reconciliation_id"].as_str().unwrap().to_owned())
}

/// The run in its last step: it counts as completed before those who wait for it are told.
async fn at_rest(stack: &Stack, id: &str) -> Value {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let run = stack.get(&format!("/v1/reconciliations/{id}"), stack.key(0)).await.body;
        if run["current_step"] == "notify_webhooks" {
            return run;
        }
        assert!(Instant::now() < limit, "{run}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn other_rules_show_their_difference_and_change_nothing() {
    let stack = Stack::up();
    let (_shop, id) = run(&stack).await;
    let before = at_rest(&stack, &id).await;
    let matches = stack.list(0, &id, "matches").await;

    let same = tried(&stack, &id, &json!({})).await;
    assert_eq!(same.status, StatusCode::OK, "{}", same.body);
    for count in ["added_count", "removed_count", "changed_count"] {
        assert_eq!(same.body[count], 0, "{}", same.body);
    }
    assert_eq!(same.body["before"], same.body["after"]);
    assert_eq!(same.body["before"]["matched_source_count"], before["matched_source_count"]);

    // Without tier 5 what it joined is weighed by tier 6, which is told as removed, added or changed.
    let other =
        tried(&stack, &id, &json!({ "exact_amounts": false, "tolerance": { "automatic": "never" } })).await.body;
    let matched = |side: &str| other[side]["matched_source_count"].as_u64().unwrap();
    assert!(matched("after") < matched("before"), "{other}");
    assert_ne!(other["before"]["rule_set_version"], other["after"]["rule_set_version"]);
    let removed = other["amount_at_risk"][0]["removed_minor"].as_i64().unwrap();
    let different = other["removed"]
        .as_array()
        .unwrap()
        .iter()
        .chain(other["changed"].as_array().unwrap().iter().map(|change| &change["before"]));
    assert!(removed > 0 && different.count() > 0, "{other}");

    // From the command line, where rules that are not valid are named field by field.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    std::fs::write(&file, r#"{"exact_amounts": false}"#).unwrap();
    let command = ["reconciliation", "dry-run", &id, "--rules", file.to_str().unwrap(), "--tenant", stack.tenant(0)];
    let shown = settler(&stack, stack.admin_key(), &command);
    assert_eq!(shown.code, 0, "{}{}", shown.out, shown.err);
    assert!(shown.out.contains("Nothing was written"), "{}", shown.out);
    std::fs::write(&file, r#"{"amount_days": -1, "colour": 1}"#).unwrap();
    let refused = settler(&stack, stack.admin_key(), &command);
    for field in ["/matching_rules/amount_days", "/matching_rules/colour"] {
        assert!(refused.code != 0 && refused.err.contains(field), "{field}: {}", refused.err);
    }

    assert_eq!(stack.get(&format!("/v1/reconciliations/{id}"), stack.key(0)).await.body, before);
    assert_eq!(stack.list(0, &id, "matches").await, matches);
}

#[tokio::test]
async fn only_an_operator_may_try_rules() {
    let stack = Stack::up();
    let body = json!({ "reconciliation_id": "any", "matching_rules": {} });
    let answer = stack.call(Method::POST, "/admin/dry-run", stack.key(0), Some(body)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(tried(&stack, "nowhere", &json!({})).await.status, StatusCode::NOT_FOUND);
}
