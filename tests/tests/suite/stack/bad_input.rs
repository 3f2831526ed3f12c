//! Bad input: the right status, a problem document, every field at once, and nothing changed.

use super::client::{Stack, january};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn wrong_starts_are_refused_with_a_problem_that_names_the_fields() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 10, 61).await;
    let with = |name: &str, value: Value| {
        let mut body = january(&shop.job_id);
        body[name] = value;
        body.to_string().into_bytes()
    };
    let range = |start: &str, end: &str| with("date_range", json!({ "start": start, "end": end }));
    let cases: Vec<(&str, Vec<u8>, u16, &[&str])> = vec![
        ("not json", b"{".to_vec(), 400, &[]),
        ("array", b"[]".to_vec(), 400, &[]),
        ("empty", Vec::new(), 400, &[]),
        ("deep", b"[".repeat(50_000), 400, &[]),
        ("unknown field", with("colour", json!("red")), 400, &["/colour"]),
        ("nothing", b"{}".to_vec(), 400, &["/job_id", "/date_range"]),
        ("end first", range("2026-02-01", "2026-01-01"), 400, &["/date_range"]),
        ("no such day", range("2026-02-30", "2026-03-01"), 400, &["/date_range/start"]),
        ("400 days", range("2025-01-01", "2026-02-05"), 400, &["/date_range"]),
        ("odd id", with("reconciliation_id", json!("a/b c")), 400, &["/reconciliation_id"]),
        ("long id", with("reconciliation_id", json!("x".repeat(65))), 400, &["/reconciliation_id"]),
        ("number as job", with("job_id", json!(7)), 400, &["/job_id"]),
        ("unknown job", with("job_id", json!("job_nope")), 404, &[]),
        ("another adapter", with("source_adapter", json!("stripe")), 422, &["/source_adapter"]),
    ];
    for (name, body, status, pointers) in cases {
        let answer = stack.call_raw(Method::POST, "/v1/reconciliations", stack.key(0), body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{name}");
        assert!(answer.body["code"].is_string() && answer.body["request_id"].is_string(), "{name}: {}", answer.body);
        let named: Vec<_> = answer.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| error["pointer"].as_str().unwrap())
            .collect();
        for pointer in pointers {
            assert!(named.iter().any(|named| named.starts_with(pointer)), "{name}: {pointer} is not among {named:?}");
        }
    }
    assert!(
        stack.all(&format!("/v1/reconciliations?job_id={}", shop.job_id), stack.key(0)).await.is_empty(),
        "nothing was started"
    );
}

#[tokio::test]
async fn wrong_queries_are_refused() {
    let stack = Stack::up();
    for (path, status) in [
        ("/v1/reconciliations?limit=0", StatusCode::BAD_REQUEST),
        ("/v1/reconciliations?limit=201", StatusCode::BAD_REQUEST),
        ("/v1/reconciliations?limit=x", StatusCode::BAD_REQUEST),
        ("/v1/reconciliations?cursor=bm90LWEtY3Vyc29y", StatusCode::BAD_REQUEST),
        ("/v1/reconciliations?status=sideways", StatusCode::BAD_REQUEST),
        ("/v1/reconciliations/recon_nope", StatusCode::NOT_FOUND),
        ("/v1/jobs/job_nope", StatusCode::NOT_FOUND),
    ] {
        let answer = stack.get(path, stack.key(0)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
}
