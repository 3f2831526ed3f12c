//! What a finished run says: right matches, every record in one class, every currency adds up, the same every time.

use super::{
    client::{Shop, Stack},
    judge::{ids, judge},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

struct Result {
    summary: Value,
    matches: Vec<Value>,
    suggestions: Vec<Value>,
    unmatched: Vec<Value>,
    excluded: Vec<Value>,
}

async fn run(stack: &Stack, shop: &Shop) -> Result {
    let summary = stack.reconcile(0, shop).await;
    assert_eq!(summary["status"], "completed", "{summary}");
    let id = summary["reconciliation_id"].as_str().unwrap().to_owned();
    Result {
        matches: stack.list(0, &id, "matches").await,
        suggestions: stack.list(0, &id, "suggestions").await,
        unmatched: stack.list(0, &id, "unmatched").await,
        excluded: stack.list(0, &id, "excluded").await,
        summary,
    }
}

fn members(matches: &[Value]) -> Vec<String> {
    matches.iter().flat_map(|found| ids(&found["source_ids"]).into_iter().chain(ids(&found["target_ids"]))).collect()
}

fn records<'a>(items: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    items.into_iter().map(|item| item["record_id"].as_str().unwrap().to_owned()).collect()
}

/// Every record that the truth places in the range is in exactly one class, and nothing else is.
fn assert_one_class(result: &Result, truth: &Value) {
    let open = result.unmatched.iter().filter(|item| item["class"] != "discrepancy");
    let mut seen = BTreeMap::<String, usize>::new();
    for id in members(&result.matches)
        .into_iter()
        .chain(members(&result.suggestions))
        .chain(records(open))
        .chain(records(&result.excluded))
    {
        *seen.entry(id).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "in two classes: {twice:?}");
    let seen: BTreeSet<String> = seen.into_keys().collect();
    let mut every: BTreeSet<String> = truth["pairs"].as_array().unwrap().iter().flat_map(ids).collect();
    for name in ["source_only", "target_only", "excluded"] {
        every.extend(ids(&truth[name]));
    }
    let outside = ids(&truth["outside"]);
    let lost: Vec<_> = every.iter().filter(|id| !seen.contains(*id) && !outside.contains(*id)).collect();
    let unknown: Vec<_> = seen.difference(&every).collect();
    assert!(lost.is_empty() && unknown.is_empty(), "lost {lost:?}, unknown {unknown:?}");
}

fn assert_adds_up(result: &Result) {
    let summary = &result.summary;
    let number = |name: &str| summary[name].as_u64().unwrap_or_else(|| panic!("{name} in {summary}"));
    assert_eq!(
        number("total_source_records"),
        number("matched_count") + number("suggested_source_count") + number("unmatched_source_count")
    );
    assert_eq!(
        number("total_target_records"),
        number("matched_target_count") + number("suggested_target_count") + number("unmatched_target_count")
    );
    for totals in summary["totals"].as_array().unwrap() {
        for side in ["source", "target"] {
            let minor = |name: &str| totals[side][name].as_i64().unwrap();
            assert_eq!(
                minor("in_scope_minor"),
                minor("matched_minor") + minor("suggested_minor") + minor("unmatched_minor"),
                "{totals}"
            );
        }
        let currency = &totals["currency"];
        for (part, whole) in totals["difference"].as_object().unwrap() {
            let of_matches = result.matches.iter().filter(|found| found["currency"] == *currency);
            let sum: i64 = of_matches.map(|found| found["difference"][part].as_i64().unwrap()).sum();
            assert_eq!(whole.as_i64(), Some(sum), "{part} in {currency}");
        }
    }
}

#[tokio::test]
async fn a_clean_month_is_matched_whole() {
    let stack = Stack::up();
    let shop = stack.shop(0, "clean", 300, 31).await;
    let truth = stack.truth(&shop).await;
    let result = run(&stack, &shop).await;
    let verdict = judge(&result.matches, &truth);
    assert_eq!((verdict.wrong.len(), verdict.reused), (0, 0), "{verdict:?}");
    assert!(verdict.coverage_bp() >= 9_990, "{verdict:?}");
    assert_one_class(&result, &truth);
    assert_adds_up(&result);
}

#[tokio::test]
async fn a_typical_month_has_no_wrong_match_and_a_reason_for_every_open_record() {
    let stack = Stack::up();
    let shop = stack.shop(0, "typical", 1_500, 32).await;
    let truth = stack.truth(&shop).await;
    let result = run(&stack, &shop).await;
    let verdict = judge(&result.matches, &truth);
    assert_eq!((verdict.wrong.len(), verdict.reused), (0, 0), "{verdict:?}");
    assert!(verdict.coverage_bp() >= 9_700, "coverage {} of {}", verdict.covered, verdict.edges);
    assert_one_class(&result, &truth);
    assert_adds_up(&result);
    let reasons = truth["reasons"].as_object().unwrap();
    let told: Vec<_> =
        result.unmatched.iter().filter(|item| reasons.contains_key(item["record_id"].as_str().unwrap())).collect();
    let right = told.iter().filter(|item| item["reason"] == reasons[item["record_id"].as_str().unwrap()]).count();
    assert!(right * 100 >= told.len() * 95, "{right} of {} reasons are right", told.len());
    for item in &result.unmatched {
        assert!(item["explanation"].as_str().is_some_and(|text| text.len() > 20), "{item}");
    }
}

#[tokio::test]
async fn the_same_input_gives_the_same_matches() {
    let stack = Stack::up();
    let shop = stack.shop(0, "typical", 400, 33).await;
    let strip = |matches: &[Value]| {
        let mut lines: Vec<String> = matches
            .iter()
            .cloned()
            .map(|mut found| {
                found.as_object_mut().unwrap().remove("matched_at");
                found.to_string()
            })
            .collect();
        lines.sort();
        lines
    };
    let (first, second) = (run(&stack, &shop).await, run(&stack, &shop).await);
    assert_eq!(strip(&first.matches), strip(&second.matches));
    assert_ne!(first.summary["reconciliation_id"], second.summary["reconciliation_id"]);
}

#[tokio::test]
async fn orders_and_reports_tell_the_same_story() {
    let stack = Stack::up();
    let shop = stack.shop(0, "typical", 200, 34).await;
    let result = run(&stack, &shop).await;
    let id = result.summary["reconciliation_id"].as_str().unwrap();
    let orders = stack.list(0, id, "orders").await;
    assert!(orders.len() >= 200, "{} orders", orders.len());
    let mut by_state = 0;
    for state in ["paid", "partly_paid", "unpaid", "refunded", "disputed", "out_of_scope"] {
        let some = stack.list(0, id, &format!("orders?state={state}")).await;
        assert!(some.iter().all(|order| order["state"] == state));
        by_state += some.len();
    }
    assert_eq!(by_state, orders.len());
    let csv = stack.get(&format!("/v1/reconciliations/{id}/report?format=csv"), stack.key(0)).await;
    let text = stack.download(&csv.text("url")).await;
    let rows = result.matches.len() + result.suggestions.len() + result.unmatched.len() + result.excluded.len();
    assert_eq!(text.lines().count(), rows + 1);
    let jsonl = stack.get(&format!("/v1/reconciliations/{id}/report?format=jsonl"), stack.key(0)).await;
    let lines = stack.download(&jsonl.text("url")).await;
    assert_eq!(lines.lines().count(), rows + orders.len());
    let listed = stack.all(&format!("/v1/reconciliations?job_id={}&status=completed", shop.job_id), stack.key(0)).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["reconciliation_id"], *id);
    assert_eq!(listed[0]["matched_count"], result.summary["matched_count"]);
}
