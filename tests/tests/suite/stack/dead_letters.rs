//! A poisoned message lands in the list with its reason, is resolved with notes; another is redriven and succeeds.

use super::{
    client::{Stack, january, unique},
    queues::{queue, sqs},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

/// The first letter of the list that `wanted` takes, once it is there.
async fn letter(stack: &Stack, query: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let all = stack.all(&format!("/admin/dead-letter-queue?{query}"), stack.admin_key()).await;
        if let Some(found) = all.into_iter().find(&wanted) {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "no such dead letter: {query}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn post(stack: &Stack, path: &str, body: Option<Value>) -> Value {
    let answer = stack.call(Method::POST, &format!("/admin/dead-letter-queue/{path}"), stack.admin_key(), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    answer.body
}

/// A start of a run as the bus tells of it.
fn bell(tenant: &str, run: &str) -> Value {
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "ReconciliationStarted", "source": "settler",
        "account": "000000000000", "time": "2026-11-02T06:00:00Z", "region": "us-east-1", "resources": [],
        "detail": {
            "tenant_id": tenant, "aggregate_type": "reconciliation", "aggregate_id": run, "version": 1, "prev_version": 0,
            "event_types": ["ReconciliationStarted"], "correlation_id": "corr-poison",
        },
    })
}

#[tokio::test]
async fn a_poisoned_message_is_listed_with_its_reason_and_resolved_with_notes() {
    let stack = Stack::up();
    let sqs = sqs(&stack);
    let url = queue(&sqs, "SagaQueue").await;
    let poison = format!("{{poison {}", unique("p"));
    let sent = sqs.send_message().queue_url(&url).message_body(&poison).send().await.unwrap();
    let id = sent.message_id().unwrap().to_owned();
    let listed = letter(&stack, "state=new&source=saga-control", |letter| letter["id"] == id.as_str()).await;
    assert_eq!((&listed["error_type"], &listed["retry_count"]), (&json!("Settler.InvalidInput"), &json!(1)));
    assert!(listed["error_message"].as_str().unwrap().contains("not a message of this queue"), "{listed}");
    let shown = stack.get(&format!("/admin/dead-letter-queue/{id}"), stack.admin_key()).await.body;
    assert_eq!(shown["payload"], poison.as_str());
    let notes = json!({ "notes": "sent by a test; nothing to repair" });
    let resolved = post(&stack, &format!("{id}/resolve"), Some(notes.clone())).await;
    assert_eq!((&resolved["state"], &resolved["resolution_notes"]), (&json!("resolved"), &notes["notes"]));
    let redriven =
        stack.call(Method::POST, &format!("/admin/dead-letter-queue/{id}/redrive"), stack.admin_key(), None).await;
    assert_eq!(redriven.status, StatusCode::CONFLICT);
    assert_eq!(
        stack.get("/admin/dead-letter-queue", stack.key(0)).await.status,
        StatusCode::FORBIDDEN,
        "operators only"
    );
}

#[tokio::test]
async fn a_message_that_came_too_early_is_redriven_and_succeeds() {
    let stack = Stack::up();
    let sqs = sqs(&stack);
    let url = queue(&sqs, "SagaQueue").await;
    let run = unique("late");
    let bell = bell(stack.tenant(0), &run).to_string();
    sqs.send_message().queue_url(&url).message_body(&bell).send().await.unwrap();
    let of_run = |letter: &Value| letter["saga_id"] == run.as_str();
    let lost = letter(&stack, "state=new", of_run).await;
    assert_eq!((&lost["error_type"], &lost["tenant_id"]), (&json!("Settler.NotFound"), &json!(stack.tenant(0))));
    let id = lost["id"].as_str().unwrap().to_owned();

    // Sent back while its cause is still there, it comes back under its id with its count.
    post(&stack, &format!("{id}/redrive"), None).await;
    let back = letter(&stack, "state=new", |letter| of_run(letter) && letter["returns"] == 1).await;
    assert_eq!((&back["id"], &back["retry_count"], &back["first_seen"]), (&json!(id), &json!(2), &lost["first_seen"]));

    // The run that it spoke of exists now.
    let shop = stack.shop(0, "clean", 10, 91).await;
    let mut start = january(&shop.job_id);
    start["reconciliation_id"] = json!(run);
    assert_eq!(stack.start(0, start).await.status, StatusCode::ACCEPTED);
    let set = json!({ "source": "saga-control", "error_type": "Settler.NotFound", "tenant_id": stack.tenant(0), "rate_per_s": 20 });
    let mut counted = set.clone();
    counted["dry_run"] = json!(true);
    let counted = post(&stack, "redrive", Some(counted)).await;
    assert!(counted["ids"].as_array().unwrap().contains(&json!(id)) && counted["redriven"] == 0, "{counted}");
    let sent = post(&stack, "redrive", Some(set)).await;
    assert!(sent["ids"].as_array().unwrap().contains(&json!(id)) && sent["failed"] == json!([]), "{sent}");
    assert_eq!(stack.ended(0, &run).await["status"], "completed");
    let shown = stack.get(&format!("/admin/dead-letter-queue/{id}"), stack.admin_key()).await.body;
    assert_eq!((&shown["state"], &shown["returns"]), (&json!("redriven"), &json!(1)), "{shown}");
}
