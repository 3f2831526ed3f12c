//! Usage and the care of read models, while runs go on.

use super::{
    client::{Shop, Stack, january},
    command_line::settler,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest wait for a rebuild on a busy machine.
const REBUILD_LIMIT: Duration = Duration::from_secs(240);

async fn rebuild(stack: &Stack, query: &str, body: Value) -> Value {
    let path = format!("/admin/projections/rebuild{query}");
    let answer = stack.call(Method::POST, &path, stack.admin_key(), Some(body)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    answer.body
}

/// Every projection, once none of them is being rebuilt any more.
async fn rebuilt(stack: &Stack) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let items = stack.all("/admin/projections", stack.admin_key()).await;
        let open = |item: &Value| !item["rebuild"].is_null() && item["rebuild"]["finished_at"].is_null();
        if !items.iter().any(open) {
            return items;
        }
        assert!(begun.elapsed() < REBUILD_LIMIT, "a rebuild does not end: {items:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// A read model as it is shown, without what differs between two looks.
async fn shown(stack: &Stack, shop: &Shop) -> Vec<Value> {
    stack.all(&format!("/v1/reconciliations?job_id={}", shop.job_id), stack.key(0)).await
}

async fn usage(stack: &Stack) -> Value {
    let days = stack.all("/v1/usage", stack.key(0)).await;
    days.last().cloned().unwrap_or_else(|| json!({ "reconciliations": 0, "successes": 0 }))
}

#[tokio::test]
async fn usage_counts_a_run_once_it_has_ended() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 91).await;
    let before = usage(&stack).await["successes"].as_u64().unwrap();
    let run = stack.reconcile(0, &shop).await;
    let id = run["reconciliation_id"].as_str().unwrap();
    // The list waits until this very run is in it; other tests' runs may be too.
    let path = format!("/v1/usage?min_version={}&reconciliation_id={id}", run["version"]);
    stack.get(&path, stack.key(0)).await;
    let begun = Instant::now();
    while usage(&stack).await["successes"].as_u64().unwrap() <= before {
        assert!(begun.elapsed() < REBUILD_LIMIT, "the run is not counted");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let wrong = stack.get("/v1/usage?from=2026-02-01&to=2026-01-01", stack.key(0)).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.body);
    let refused = stack.get("/admin/projections", stack.key(0)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_list_waits_for_what_its_reader_has_written() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 94).await;
    let listed = async |path: String, key: &str| {
        let page = stack.get(&path, key).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        page.body["items"].as_array().unwrap().clone()
    };
    let jobs = listed(format!("/v1/jobs?min_version=1&job_id={}&limit=200", shop.job_id), stack.key(0)).await;
    assert!(jobs.iter().any(|job| job["job_id"] == shop.job_id.as_str()), "{jobs:?}");
    let run = stack.reconcile(0, &shop).await;
    let id = run["reconciliation_id"].as_str().unwrap();
    let runs = format!("/v1/reconciliations?min_version={}&reconciliation_id={id}", run["version"]);
    let of_run = |items: Vec<Value>, field: &str| items.into_iter().find(|item| item[field] == id).unwrap();
    assert_eq!(of_run(listed(runs, stack.key(0)).await, "reconciliation_id")["status"], "completed");
    let saga = format!("/admin/sagas/reconciliation/{id}?tenant_id={}", stack.tenant(0));
    let version = stack.get(&saga, stack.admin_key()).await.body["version"].clone();
    let sagas = format!("/admin/sagas?tenant_id={}&saga_id={id}&min_version={version}", stack.tenant(0));
    assert_eq!(of_run(listed(sagas, stack.admin_key()).await, "saga_id")["status"], "completed");
}

#[tokio::test]
async fn read_models_are_rebuilt_while_runs_go_on_and_stay_the_same() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 92).await;
    let first = stack.reconcile(0, &shop).await;
    let id = first["reconciliation_id"].as_str().unwrap();

    // All of one, beside the live version, with a run in the middle of it.
    let started = rebuild(&stack, "", json!({ "projection": "reconciliation_summary" })).await;
    assert_eq!(started["rebuilds"].as_array().unwrap().len(), 1);
    let meanwhile = stack.start(0, january(&shop.job_id)).await;
    assert_eq!(meanwhile.status, StatusCode::ACCEPTED, "{}", meanwhile.body);
    let second = stack.ended(0, &meanwhile.text("reconciliation_id")).await;
    let states = rebuilt(&stack).await;
    let summary = states.iter().find(|state| state["projection"] == "reconciliation_summary").unwrap();
    assert_eq!(summary["rebuild"]["phase"], "done", "{summary}");
    assert!(summary["live"].as_u64().unwrap() >= 2 && summary["building"].is_null(), "{summary}");
    let listed = shown(&stack, &shop).await;
    let ids: Vec<_> = listed.iter().map(|run| run["reconciliation_id"].clone()).collect();
    assert!(ids.contains(&second["reconciliation_id"]) && ids.contains(&first["reconciliation_id"]), "{ids:?}");

    // One run and a range, in the live version: nothing changes.
    let query = format!("?tenant_id={}", stack.tenant(0));
    let one = rebuild(&stack, &query, json!({ "reconciliation_id": id })).await;
    assert_eq!(one["rebuilds"].as_array().unwrap().len(), 4);
    rebuilt(&stack).await;
    let range = json!({ "projection": "tenant_usage_view", "from": first["started_at"], "to": second["as_of"] });
    rebuild(&stack, "", range).await;
    let states = rebuilt(&stack).await;
    for state in states.iter().filter(|state| !state["rebuild"].is_null()) {
        assert_eq!(
            (&state["rebuild"]["phase"], &state["rebuild"]["unfolded_count"]),
            (&json!("done"), &json!(0)),
            "{state}"
        );
    }
    assert_eq!(shown(&stack, &shop).await, listed);
}

#[tokio::test]
async fn status_proves_completeness_from_the_command_line() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 20, 93).await;
    stack.reconcile(0, &shop).await;
    let begun = Instant::now();
    loop {
        let status = settler(&stack, stack.admin_key(), &["projections", "status"]);
        if status.code == 0 {
            assert!(status.out.contains("exact for 100 % of aggregates as of"), "{}", status.out);
            break;
        }
        // Other tests' runs may be in the middle of something; in the end everything is exact.
        assert_eq!(status.code, 8, "{}{}", status.out, status.err);
        assert!(begun.elapsed() < REBUILD_LIMIT, "{}{}", status.out, status.err);
    }
    let denied = settler(&stack, stack.key(0), &["projections", "status"]);
    assert_eq!(denied.code, 6, "{}", denied.err);
}
