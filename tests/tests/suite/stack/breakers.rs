//! A provider that is down for longer than all retries, and one that asks for patience.

use super::client::{Shop, Stack, january};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(180);

async fn circuit(stack: &Stack, key: &str) -> Option<Value> {
    let all = stack.all("/admin/circuit-breakers", stack.admin_key()).await;
    all.into_iter().find(|circuit| circuit["circuit"] == key)
}

/// The circuit once it is in this state.
async fn until(stack: &Stack, key: &str, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let found = circuit(stack, key).await;
        if let Some(circuit) = found.as_ref().filter(|circuit| circuit["state"] == state) {
            return circuit.clone();
        }
        assert!(begun.elapsed() < LIMIT, "{key} is not {state}: {found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// (when, status) of every request that Stripe has had, oldest first, from `after_ms` on.
async fn requests(stack: &Stack, after_ms: i64) -> Vec<(i64, u64)> {
    let log = stack.control(Method::GET, "requests", None).await;
    let all = log["last"].as_array().unwrap().iter().filter(|request| request["provider"] == "stripe");
    let all = all.map(|request| (request["at_ms"].as_i64().unwrap(), request["status"].as_u64().unwrap()));
    all.filter(|(at_ms, _)| *at_ms >= after_ms).collect()
}

fn millis(text: &Value) -> i64 {
    domain::Timestamp::parse(text.as_str().unwrap()).unwrap().millis()
}

fn history(circuit: &Value, after_ms: i64) -> Vec<(&str, i64)> {
    let all = circuit["history"].as_array().unwrap().iter();
    let all = all.map(|transition| (transition["reason"].as_str().unwrap(), millis(&transition["at"])));
    all.filter(|(_, at_ms)| *at_ms >= after_ms).collect()
}

async fn started(stack: &Stack, shop: &Shop) -> (String, i64) {
    let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let started = stack.start(0, january(&shop.job_id)).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
    (started.text("reconciliation_id"), now_ms)
}

async fn outage(fault: Value, seed: u32) {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, seed).await;
    let key = format!("stripe.{}", stack.tenant(0));
    stack.control(Method::POST, "faults", Some(fault)).await;
    let (run, begun_ms) = started(&stack, &shop).await;
    let opened = until(&stack, &key, "open").await;
    let opened_ms = history(&opened, begun_ms).first().expect("it opened in this test").1;

    // Down through a probe, so that the breaker is seen to try and to go on waiting.
    let waited = Instant::now();
    loop {
        let circuit = circuit(&stack, &key).await.unwrap();
        if history(&circuit, begun_ms).iter().any(|(reason, _)| *reason == "probe_failed") {
            break;
        }
        assert!(waited.elapsed() < LIMIT, "no probe went out: {circuit}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let summary = stack.get(&format!("/v1/reconciliations/{run}"), stack.key(0)).await.body;
    assert_eq!(summary["status"], "running", "it waits: {summary}");
    stack.control(Method::DELETE, "faults", None).await;

    let summary = stack.ended(0, &run).await;
    assert_eq!(summary["status"], "completed", "without help: {summary}");
    let closed = until(&stack, &key, "closed").await;
    let transitions = history(&closed, begun_ms);
    let failed_probes = transitions.iter().filter(|(reason, _)| *reason == "probe_failed").count();
    assert_eq!(transitions.last().map(|(reason, _)| *reason), Some("probes_succeeded"), "{transitions:?}");
    // Calls stopped: after the opening only probes met the outage, one per attempt to close.
    let failed = requests(&stack, opened_ms + 1).await.into_iter().filter(|(_, status)| *status != 200).count();
    assert_eq!(failed, failed_probes, "{transitions:?}");
    // And each probe came after the time that its opening had named.
    for pair in closed["history"]
        .as_array()
        .unwrap()
        .windows(2)
        .filter(|pair| pair[1]["reason"] == "probe_due" && millis(&pair[0]["at"]) >= begun_ms)
    {
        assert!(millis(&pair[1]["at"]) >= millis(&pair[0]["retry_at"]), "{pair:?}");
    }
}

#[tokio::test]
async fn a_provider_that_answers_503_is_left_alone_and_the_run_completes_when_it_is_back() {
    outage(json!({ "provider": "stripe", "status": 503 }), 73).await;
}

#[tokio::test]
async fn a_provider_that_drops_connections_is_left_alone_and_the_run_completes_when_it_is_back() {
    outage(json!({ "provider": "stripe", "drop_connection": true }), 74).await;
}

#[tokio::test]
async fn no_request_goes_out_before_the_time_that_the_provider_named() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 75).await;
    let retry_after_s = 12;
    let fault = json!({ "provider": "stripe", "status": 429, "retry_after_s": retry_after_s, "count": 1 });
    stack.control(Method::POST, "faults", Some(fault)).await;
    let (run, begun_ms) = started(&stack, &shop).await;
    let summary = stack.ended(0, &run).await;
    stack.control(Method::DELETE, "faults", None).await;
    assert_eq!(summary["status"], "completed", "{summary}");
    let requests = requests(&stack, begun_ms).await;
    let refused = requests.iter().position(|(_, status)| *status == 429).expect("it was throttled");
    let (refused_ms, next_ms) = (requests[refused].0, requests[refused + 1].0);
    assert!(next_ms - refused_ms >= retry_after_s * 1_000, "{requests:?}");
    let circuit = circuit(&stack, &format!("stripe.{}", stack.tenant(0))).await.unwrap();
    assert!(history(&circuit, begun_ms).iter().any(|(reason, _)| *reason == "throttled"), "{circuit}");
}

#[tokio::test]
async fn an_operator_holds_calls_back_and_lets_them_go_again() {
    let stack = Stack::up();
    let shop = stack.shop(1, "clean", 10, 76).await;
    let key = format!("stripe.{}", stack.tenant(1));
    let force = async |verb: &str| {
        let answer =
            stack.call(Method::POST, &format!("/admin/circuit-breakers/{key}/{verb}"), stack.admin_key(), None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    };
    assert_eq!(force("open").await["mode"], "forced_open");
    let started = stack.start(1, january(&shop.job_id)).await;
    let run = started.text("reconciliation_id");
    let path = format!("/admin/sagas/reconciliation/{run}?tenant_id={}", stack.tenant(1));
    let begun = Instant::now();
    // The orders are read meanwhile; the payments are not.
    loop {
        let saga = stack.get(&path, stack.admin_key()).await.body;
        let step = |name: &str| {
            saga["steps"].as_array().and_then(|steps| steps.iter().find(|step| step["step"] == name).cloned())
        };
        let orders = step("fetch_shopify_orders").is_some_and(|step| step["status"] == "succeeded");
        if let Some(payments) = step("fetch_stripe_payments").filter(|_| orders) {
            assert_eq!(payments["records"], 0, "{saga}");
            break;
        }
        assert!(begun.elapsed() < LIMIT, "{saga}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(force("auto").await["mode"], "automatic");
    assert_eq!(stack.ended(1, &run).await["status"], "completed");
}
