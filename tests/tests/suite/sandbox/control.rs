//! The control API: datasets, faults, the request log and webhooks.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::client::Sandbox;

#[tokio::test]
async fn the_same_arguments_give_the_same_data_to_any_shop() {
    let sandbox = Sandbox::start().await;
    let (a, b) = (sandbox.dataset("left", "typical", 80).await, sandbox.dataset("right", "typical", 80).await);
    assert_eq!(sandbox.truth(&a).await, sandbox.truth(&b).await);
    assert_eq!(a.counts, b.counts);
    assert_ne!(a.stripe_api_key, b.stripe_api_key);
    assert_eq!(sandbox.stripe_all(&a, "charges", "", 100).await, sandbox.stripe_all(&b, "charges", "", 100).await);
    let query = "{ orders(first: 5) { nodes { id name email transactions(first: 3) { id paymentId amountSet { shopMoney { amount } } } } } }";
    let read = |body: Value| body["data"].clone();
    assert_eq!(read(sandbox.graphql(&a, query, json!({})).await), read(sandbox.graphql(&b, query, json!({})).await));
    let other = sandbox.dataset_with("left", "typical", 80, json!({ "seed": 6 })).await;
    assert_ne!(sandbox.truth(&other).await, sandbox.truth(&b).await);
    assert_eq!(sandbox.stripe(&a, "charges").await.0, 401, "the replaced shop's key still opens");
}

#[tokio::test]
async fn bad_input_names_its_field() {
    let sandbox = Sandbox::start().await;
    let good =
        json!({ "shop": "s", "preset": "clean", "orders": 1, "seed": 1, "start": "2026-01-01", "end": "2026-01-31" });
    let cases = [
        ("shop", json!("Not A Shop")),
        ("shop", Value::Null),
        ("preset", json!("purple")),
        ("orders", json!(-1)),
        ("orders", json!("many")),
        ("seed", json!(1.5)),
        ("start", json!("2026-02-30")),
        ("end", json!("2025-12-31")),
        ("end", json!("2028-12-31")),
        ("colour", json!("red")),
    ];
    for (field, value) in cases {
        let mut body = good.clone();
        body[field] = value.clone();
        let (status, answer) = sandbox.post("/_control/datasets", body).await;
        assert_eq!(
            (status.as_u16(), answer["error"]["field"].as_str()),
            (422, Some(field)),
            "{field} = {value}: {answer}"
        );
    }
    for body in ["{", "[]", ""] {
        let (status, answer) = Sandbox::send(sandbox.request(Method::POST, "/_control/datasets").body(body)).await;
        assert_eq!((status.as_u16(), answer["error"]["field"].as_str()), (400, Some("body")));
    }
    for (field, body) in [
        ("provider", json!({ "provider": "paypal", "status": 500 })),
        ("status", json!({ "provider": "stripe" })),
        ("status", json!({ "provider": "stripe", "status": 99 })),
        ("probability", json!({ "provider": "stripe", "status": 500, "probability": 2 })),
        ("malformed", json!({ "provider": "stripe", "malformed": "yes" })),
        ("replace_field", json!({ "provider": "stripe", "replace_with": 1 })),
        ("colour", json!({ "provider": "stripe", "status": 500, "colour": "red" })),
    ] {
        let (status, answer) = sandbox.post("/_control/faults", body).await;
        assert_eq!((status.as_u16(), answer["error"]["field"].as_str()), (422, Some(field)), "{answer}");
    }
    assert_eq!(sandbox.get("/_control/datasets/nobody/truth").await.0, 404);
    assert_eq!(sandbox.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn faults_happen_as_often_as_asked() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("faulty", "clean", 10).await;
    sandbox
        .post(
            "/_control/faults",
            json!({ "provider": "stripe", "status": 429, "retry_after_s": 2, "count": 2, "path_contains": "charges" }),
        )
        .await;
    assert_eq!(sandbox.stripe(&shop, "refunds").await.0, 200);
    for expected in [429, 429, 200] {
        assert_eq!(sandbox.stripe(&shop, "charges").await.0, expected);
    }
    sandbox.post("/_control/faults", json!({ "provider": "shopify", "status": 503, "retry_after_s": 7 })).await;
    let request = sandbox.request(Method::POST, "/shopify/faulty/admin/api/2026-10/graphql.json").body("{}");
    let response = request.send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().expect("text")), (503, "7"));
    assert_eq!(sandbox.stripe(&shop, "charges").await.0, 200, "a fault of one provider hit the other");
    let cleared = sandbox.request(Method::DELETE, "/_control/faults").send().await.expect("an answer");
    assert_eq!(cleared.status(), 204);
    sandbox.graphql(&shop, "{ shop { name } }", json!({})).await;
}

#[tokio::test]
async fn connections_break_bodies_break_and_answers_come_late() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("broken", "clean", 10).await;
    let request = || {
        sandbox
            .request(Method::GET, "/stripe/v1/charges")
            .bearer_auth(&shop.stripe_api_key)
            .header("stripe-version", "2026-09-30.endive")
    };
    sandbox.post("/_control/faults", json!({ "provider": "stripe", "drop_connection": true })).await;
    assert!(request().send().await.is_err(), "a closed connection answered");
    sandbox.request(Method::DELETE, "/_control/faults").send().await.expect("an answer");
    sandbox.post("/_control/faults", json!({ "provider": "stripe", "malformed": true, "count": 1 })).await;
    let response = request().send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert!(serde_json::from_str::<Value>(&response.text().await.expect("a body")).is_err());
    sandbox.post("/_control/faults", json!({ "provider": "stripe", "delay_ms": 120, "count": 1 })).await;
    let before = Instant::now();
    assert_eq!(request().send().await.expect("an answer").status(), 200);
    assert!(before.elapsed().as_millis() >= 120);
    let (_, log) = sandbox.get("/_control/requests").await;
    let last = log["last"].as_array().expect("a list");
    assert_eq!(log["total"].as_u64(), Some(last.len() as u64));
    assert_eq!(log["by_provider"]["stripe"], log["total"]);
    assert!(
        last.iter().any(|entry| entry["status"] == 0)
            && last.iter().all(|entry| entry["at_ms"].as_i64().expect("time") > 0)
    );
}

#[tokio::test]
async fn a_field_of_an_answer_can_be_changed_or_taken_away() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("altered", "clean", 10).await;
    for fault in [
        json!({ "provider": "stripe", "replace_field": "currency", "replace_with": "zzz", "count": 1 }),
        json!({ "provider": "stripe", "replace_field": "amount", "path_contains": "charges", "count": 1 }),
    ] {
        assert_eq!(sandbox.post("/_control/faults", fault).await.0, 201);
    }
    let (status, altered) = sandbox.stripe(&shop, "charges").await;
    let (_, whole) = sandbox.stripe(&shop, "charges").await;
    assert_eq!(status, 200);
    for (altered, whole) in
        altered["data"].as_array().expect("a list").iter().zip(whole["data"].as_array().expect("a list"))
    {
        assert_eq!((&altered["currency"], &whole["currency"]), (&json!("zzz"), &json!("usd")));
        assert!(altered.get("amount").is_none() && whole["amount"].is_i64());
        assert_eq!(altered["amount_captured"], whole["amount_captured"]);
    }
    assert!(altered["data"].as_array().is_some_and(|charges| charges.len() > 5));
}

fn sign(key: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn webhooks_are_verified() {
    let sandbox = Sandbox::start().await;
    let key = b"twenty-four bytes of key";
    let secret = json!({ "secret": format!("whsec_{}", STANDARD.encode(key)) });
    let put = sandbox.request(Method::PUT, "/_control/hooks/mine").body(secret.to_string());
    assert_eq!(put.send().await.expect("an answer").status(), 204);
    let now_s = settler_tests::sandbox::times::now_ms() / 1000;
    let body = r#"{"type":"reconciliation.completed"}"#;
    let good = sign(key, "msg_1", now_s, body);
    let deliver = |id: &'static str, at_s: i64, signature: String| {
        let request = sandbox
            .request(Method::POST, "/hooks/mine")
            .header("webhook-id", id)
            .header("webhook-timestamp", at_s.to_string());
        request.header("webhook-signature", signature).body(body).send()
    };
    assert_eq!(deliver("msg_1", now_s, format!("v1,bm90aGluZw== {good}")).await.expect("an answer").status(), 204);
    assert_eq!(deliver("msg_2", now_s, good.clone()).await.expect("an answer").status(), 401);
    assert_eq!(
        deliver("msg_1", now_s - 900, sign(key, "msg_1", now_s - 900, body)).await.expect("an answer").status(),
        401
    );
    let (_, hook) = sandbox.get("/_control/hooks/mine").await;
    let valid: Vec<Option<bool>> =
        hook["items"].as_array().expect("a list").iter().map(|item| item["valid"].as_bool()).collect();
    assert_eq!(valid, [Some(true), Some(false), Some(false)]);
    assert_eq!(hook["items"][0]["body"]["type"], "reconciliation.completed");
    assert_eq!(sandbox.get("/_control/hooks/yours").await.0, 404);
}
