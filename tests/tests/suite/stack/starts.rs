//! Starting: once, however often it is asked for.

use super::client::{Stack, january, unique};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

#[tokio::test]
async fn fifty_equal_starts_are_one_run() {
    let stack = Arc::new(Stack::up());
    let shop = stack.shop(0, "clean", 40, 41).await;
    let id = unique("same");
    let body = json!({ "reconciliation_id": id, "job_id": shop.job_id, "date_range": { "start": "2026-01-01", "end": "2026-01-31" } });
    let starts: Vec<_> = (0..50)
        .map(|_| {
            let (stack, body) = (Arc::clone(&stack), body.clone());
            tokio::spawn(async move { stack.start(0, body).await })
        })
        .collect();
    let mut answers = BTreeSet::new();
    for start in starts {
        let answer = start.await.unwrap();
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        answers.insert((answer.text("reconciliation_id"), answer.text("correlation_id")));
    }
    assert_eq!(answers.len(), 1);
    let summary = stack.ended(0, &id).await;
    assert_eq!((summary["status"].as_str(), summary["attempt"].as_u64()), (Some("completed"), Some(1)));
    let events = stack.event_types(0, "reconciliation", &id).await;
    for once in
        ["ReconciliationStarted", "OrdersFetched", "PaymentsFetched", "ResultsPublished", "ReconciliationCompleted"]
    {
        assert_eq!(events.iter().filter(|event| *event == once).count(), 1, "{events:?}");
    }
    let ledger = stack.event_types(0, "saga", &id).await;
    assert_eq!(ledger.iter().filter(|event| *event == "SagaStarted").count(), 1, "{ledger:?}");
    assert_eq!(ledger.iter().filter(|event| *event == "Completed").count(), 1, "{ledger:?}");
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_request() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 10, 42).await;
    let key = unique("idem");
    let send = async |body: Value| {
        stack
            .call_with(Method::POST, "/v1/reconciliations", stack.key(0), Some(body), &[("Idempotency-Key", &key)])
            .await
    };
    let first = send(january(&shop.job_id)).await;
    let again = send(january(&shop.job_id)).await;
    assert_eq!((first.status, again.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(first.body, again.body);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    let other =
        send(json!({ "job_id": shop.job_id, "date_range": { "start": "2026-01-02", "end": "2026-01-31" } })).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.body);
    stack.ended(0, &first.text("reconciliation_id")).await;
}

#[tokio::test]
async fn an_id_belongs_to_one_request() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 10, 43).await;
    let id = unique("taken");
    let body = |start: &str| json!({ "reconciliation_id": id, "job_id": shop.job_id, "date_range": { "start": start, "end": "2026-01-31" } });
    assert_eq!(stack.start(0, body("2026-01-01")).await.status, StatusCode::ACCEPTED);
    assert_eq!(stack.start(0, body("2026-01-05")).await.status, StatusCode::CONFLICT);
    stack.ended(0, &id).await;
    // An id is taken within its tenant only.
    let elsewhere = stack.shop(1, "clean", 10, 43).await;
    let other = json!({ "reconciliation_id": id, "job_id": elsewhere.job_id, "date_range": { "start": "2026-01-01", "end": "2026-01-31" } });
    assert_eq!(stack.start(1, other).await.status, StatusCode::ACCEPTED);
    assert_eq!(stack.ended(1, &id).await["status"], "completed");
}
