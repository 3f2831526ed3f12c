//! Who may see and do what.

use super::client::{Stack, january};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 10, 51).await;
    let summary = stack.reconcile(0, &shop).await;
    let id = summary["reconciliation_id"].as_str().unwrap();
    let tag = summary["job_id"].as_str().unwrap();
    for path in ["", "/matches", "/suggestions", "/unmatched", "/excluded", "/orders", "/report?format=csv"] {
        let answer = stack.get(&format!("/v1/reconciliations/{id}{path}"), stack.key(1)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.body);
    }
    assert_eq!(stack.get(&format!("/v1/jobs/{tag}"), stack.key(1)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stack.start(1, january(&shop.job_id)).await.status, StatusCode::NOT_FOUND);
    let listed = stack.all(&format!("/v1/reconciliations?job_id={}", shop.job_id), stack.key(1)).await;
    assert!(listed.is_empty());
}

#[tokio::test]
async fn keys_open_only_what_they_are_for() {
    let stack = Stack::up();
    for key in ["", "sk_wrong", "' or 1=1"] {
        let answer = stack.get("/v1/reconciliations", key).await;
        assert!(
            [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status),
            "{key:?}: {}",
            answer.status
        );
    }
    for path in ["/admin/sagas", "/admin/dead-letter-queue", "/admin/events/reconciliation/x"] {
        assert_eq!(stack.get(path, stack.key(0)).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let mut body = january("job_x");
    body["tenant_id"] = json!("somebody-else");
    assert_eq!(stack.start(0, body).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stack.get("/healthz", "").await.status, StatusCode::OK);
    let unknown = stack.get("/v1/nothing-here", stack.key(0)).await;
    assert_eq!((unknown.status, unknown.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
}

#[tokio::test]
async fn a_platform_key_names_the_tenant() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 10, 52).await;
    let path = format!("/v1/jobs/{}", shop.job_id);
    let named =
        stack.call_with(Method::GET, &path, stack.admin_key(), None, &[("Settler-Tenant", stack.tenant(0))]).await;
    assert_eq!(named.status, StatusCode::OK, "{}", named.body);
    let other =
        stack.call_with(Method::GET, &path, stack.admin_key(), None, &[("Settler-Tenant", stack.tenant(1))]).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn credentials_go_in_and_never_come_out() {
    let stack = Stack::up();
    let secret = "sk_test_never_show_me_0123456789";
    let body = json!({ "adapter": "stripe", "credentials": { "api_key": secret } });
    let put = stack.call(Method::PUT, "/v1/connections/secretive", stack.key(0), Some(body)).await;
    assert!(put.status.is_success(), "{}", put.body);
    let shown = stack.get("/v1/connections/secretive", stack.key(0)).await;
    assert_eq!(shown.status, StatusCode::OK);
    let path = format!("/admin/events/connection/secretive?tenant_id={}", stack.tenant(0));
    let events = stack.get(&path, stack.admin_key()).await;
    assert_eq!(events.status, StatusCode::OK, "{}", events.body);
    for answer in [put, shown, events] {
        assert!(!answer.body.to_string().contains(secret), "{}", answer.body);
    }
}
