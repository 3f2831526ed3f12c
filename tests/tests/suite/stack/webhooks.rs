//! Webhooks on the running stack: an endpoint that is down and comes back, one that is gone, one that must not be.

use super::client::{Answer, Shop, Stack, january, unique};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Long enough for all waits of the local stack (some 20 s) and the emulator's polling.
const LIMIT: Duration = Duration::from_secs(120);

/// An endpoint of a job at the sandbox.
struct Hook {
    name: String,
    endpoint_id: String,
    secret: String,
}

impl Hook {
    fn url(stack: &Stack, name: &str) -> String {
        format!("{}/hooks/{name}", stack.text("sandbox_url").trim_end_matches('/'))
    }

    /// Adds an endpoint to the shop's job and tells the sandbox its secret.
    async fn add(stack: &Stack, shop: &Shop) -> Self {
        let name = unique("hook");
        let answer = set_webhooks(stack, shop, json!([{ "url": Self::url(stack, &name) }])).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let text = |field: &str| answer.body["webhooks"][0][field].as_str().unwrap().to_owned();
        let hook = Self { name, endpoint_id: text("endpoint_id"), secret: text("secret") };
        hook.expect_secret(stack, &hook.secret).await;
        hook
    }

    async fn expect_secret(&self, stack: &Stack, secret: &str) {
        stack.control(Method::PUT, &format!("hooks/{}", self.name), Some(json!({ "secret": secret }))).await;
    }

    async fn fault(&self, stack: &Stack, mut fault: Value) {
        fault["provider"] = json!("hooks");
        fault["path_contains"] = json!(self.name);
        stack.control(Method::POST, "faults", Some(fault)).await;
    }

    /// What the sandbox has received.
    async fn received(&self, stack: &Stack) -> Vec<Value> {
        let hook = stack.control(Method::GET, &format!("hooks/{}", self.name), None).await;
        hook["items"].as_array().cloned().unwrap_or_else(|| panic!("no list in {hook}"))
    }

    /// The endpoint's deliveries once the newest of `count` has ended.
    async fn ended(&self, stack: &Stack, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let path = format!("/v1/webhooks/{}/deliveries", self.endpoint_id);
            let all = stack.all(&path, stack.key(0)).await;
            if all.len() == count && all[0]["state"] != "pending" {
                return all;
            }
            assert!(begun.elapsed() < LIMIT, "{all:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

async fn set_webhooks(stack: &Stack, shop: &Shop, webhooks: Value) -> Answer {
    let path = format!("/v1/jobs/{}", shop.job_id);
    let job = stack.get(&path, stack.key(0)).await.body;
    let body = json!({ "name": job["name"], "source": job["source"], "target": job["target"], "webhooks": webhooks });
    stack.call(Method::PUT, &path, stack.key(0), Some(body)).await
}

fn tries(delivery: &Value) -> Vec<Option<u64>> {
    delivery["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].as_u64()).collect()
}

#[tokio::test]
async fn an_endpoint_that_was_down_gets_each_event_once_with_a_valid_signature() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 91).await;
    let hook = Hook::add(&stack, &shop).await;
    hook.fault(&stack, json!({ "status": 503, "count": 2 })).await;
    hook.fault(&stack, json!({ "drop_connection": true, "count": 1 })).await;
    let summary = stack.reconcile(0, &shop).await;
    assert_eq!(summary["status"], "completed");
    let deliveries = hook.ended(&stack, 1).await;
    stack.control(Method::DELETE, "faults", None).await;
    let delivery = &deliveries[0];
    assert_eq!(
        (&delivery["state"], &delivery["event_type"]),
        (&json!("delivered"), &json!("reconciliation.completed"))
    );
    let answers = tries(delivery);
    assert_eq!(answers.last(), Some(&Some(204)), "{delivery}");
    assert!((3..=4).contains(&answers.len()), "two or three tries failed: {delivery}");
    let received = hook.received(&stack).await;
    assert_eq!(received.len(), 1, "delivered once");
    assert_eq!((&received[0]["valid"], &received[0]["webhook_id"]), (&json!(true), &delivery["delivery_id"]));
    let data = &received[0]["body"]["data"];
    assert_eq!(data["reconciliation_id"], summary["reconciliation_id"]);
    assert_eq!(data["summary"]["source"]["matched"], summary["matched_source_count"]);
    assert!(data["report_url"].as_str().is_some_and(|url| url.starts_with("http")), "{data}");
}

#[tokio::test]
async fn a_run_that_fails_is_told_too() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 92).await;
    let hook = Hook::add(&stack, &shop).await;
    let job = stack.get(&format!("/v1/jobs/{}", shop.job_id), stack.key(0)).await.body;
    let connection = job["target"]["connection"].as_str().unwrap();
    let wrong = json!({ "adapter": "stripe", "credentials": { "api_key": "rk_test_wrong" } });
    stack.call(Method::PUT, &format!("/v1/connections/{connection}"), stack.key(0), Some(wrong)).await;
    let summary = stack.reconcile(0, &shop).await;
    assert_eq!(summary["status"], "failed", "{summary}");
    hook.ended(&stack, 1).await;
    let received = hook.received(&stack).await;
    assert_eq!((received.len(), &received[0]["valid"]), (1, &json!(true)));
    let body = &received[0]["body"];
    assert_eq!((&body["type"], &body["data"]["summary"]), (&json!("reconciliation.failed"), &Value::Null));
    assert_eq!(body["data"]["failure"]["type"], "Settler.ProviderAccessDenied");
}

#[tokio::test]
async fn a_secret_is_rotated_without_a_gap_and_a_delivery_replayed() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 93).await;
    let hook = Hook::add(&stack, &shop).await;
    stack.reconcile(0, &shop).await;
    let delivery = hook.ended(&stack, 1).await.remove(0);
    let rotate = format!("/v1/jobs/{}/webhooks/{}/rotate", shop.job_id, hook.endpoint_id);
    let rotated = stack.call(Method::POST, &rotate, stack.key(0), None).await;
    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.body);
    let new = rotated.text("secret");
    assert_ne!(new, hook.secret);
    let replay =
        format!("/v1/webhooks/{}/deliveries/{}/replay", hook.endpoint_id, delivery["delivery_id"].as_str().unwrap());
    // The receiver still knows the old secret only; then only the new one.
    for (secret, count) in [(hook.secret.as_str(), 2), (new.as_str(), 3)] {
        hook.expect_secret(&stack, secret).await;
        let before = hook.received(&stack).await.len();
        let answer = stack.call(Method::POST, &replay, stack.key(0), None).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        let delivered = hook.ended(&stack, 1).await.remove(0);
        assert_eq!((&delivered["state"], &delivered["round"]), (&json!("delivered"), &json!(count)));
        let received = hook.received(&stack).await;
        let last = received.last().unwrap();
        assert!(received.len() > before || before == 0, "{received:?}");
        assert_eq!((&last["valid"], &last["webhook_id"]), (&json!(true), &delivery["delivery_id"]));
        assert_eq!(last["headers"]["webhook-signature"].as_str().unwrap().split(' ').count(), 2);
    }
    // Neither endpoint nor delivery exists for another tenant.
    let list = format!("/v1/webhooks/{}/deliveries", hook.endpoint_id);
    assert_eq!(stack.get(&list, stack.key(1)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stack.call(Method::POST, &replay, stack.key(1), None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stack.call(Method::POST, &rotate, stack.key(1), None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 94).await;
    let hook = Hook::add(&stack, &shop).await;
    hook.fault(&stack, json!({ "status": 410, "count": 1 })).await;
    stack.reconcile(0, &shop).await;
    let delivery = hook.ended(&stack, 1).await.remove(0);
    stack.control(Method::DELETE, "faults", None).await;
    assert_eq!((&delivery["failed"], tries(&delivery)), (&json!("endpoint_gone"), vec![Some(410)]));
    let job = stack.get(&format!("/v1/jobs/{}", shop.job_id), stack.key(0)).await.body;
    assert!(job["webhooks"][0]["disabled"]["reason"].as_str().unwrap().contains("410"), "{job}");
    // The next run tells it nothing; naming it again does.
    let body = json!({ "job_id": shop.job_id, "date_range": { "start": "2026-01-01", "end": "2026-01-30" } });
    let started = stack.start(0, body).await;
    stack.ended(0, &started.text("reconciliation_id")).await;
    let again = set_webhooks(&stack, &shop, json!([{ "url": Hook::url(&stack, &hook.name) }])).await;
    assert_eq!(again.body["webhooks"][0]["endpoint_id"], hook.endpoint_id.as_str());
    assert!(again.body["webhooks"][0].get("disabled").is_none(), "{}", again.body);
    let told = stack.start(0, january(&shop.job_id)).await;
    stack.ended(0, &told.text("reconciliation_id")).await;
    let deliveries = hook.ended(&stack, 2).await;
    assert_eq!(deliveries[0]["reconciliation_id"], told.text("reconciliation_id"));
}

#[tokio::test]
async fn a_private_address_is_refused_when_it_is_named_and_when_a_name_leads_to_it() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 95).await;
    for url in [
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://2130706433/",
        "http://example.com/",
        // The allowed origin, but another port of the same machine.
        "http://127.0.0.1:1/hooks/x",
    ] {
        let answer = set_webhooks(&stack, &shop, json!([{ "url": url }])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{url}: {}", answer.body);
        assert_eq!(answer.body["errors"][0]["pointer"], "/webhooks/0/url", "{url}");
    }
    let answer = set_webhooks(&stack, &shop, json!([{ "url": "https://localhost:9/hook" }])).await;
    assert_eq!(answer.status, StatusCode::OK, "a name is judged when it is resolved: {}", answer.body);
    let endpoint_id = answer.body["webhooks"][0]["endpoint_id"].as_str().unwrap().to_owned();
    let hook = Hook { name: String::new(), endpoint_id, secret: String::new() };
    stack.reconcile(0, &shop).await;
    let delivery = hook.ended(&stack, 1).await.remove(0);
    assert_eq!((&delivery["state"], &delivery["failed"]), (&json!("failed"), &json!("retries_exhausted")));
    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 10);
    for attempt in attempts {
        assert!(attempt["status"].is_null(), "{attempt}");
        assert!(attempt["problem"].as_str().unwrap().contains("does not lead to a public address"), "{attempt}");
    }
}
