//! The shop's side: lists, windows, credentials, selections, mistakes and throttling.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Sandbox, ids};

fn distinct(of: &[String]) -> usize {
    of.iter().collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn paging_returns_every_object_exactly_once() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("paging", "typical", 150).await;
    for (field, count) in [("tenderTransactions", "tender_transactions"), ("orders", "orders")] {
        for first in [7, 250] {
            let all = ids(&sandbox.shopify_all(&shop, field, "", "id", first).await);
            assert_eq!(all.len() as u64, shop.counts[count].as_u64().expect("count"));
            assert_eq!(distinct(&all), all.len());
        }
    }
    let forward = ids(&sandbox.shopify_all(&shop, "orders", ", sortKey: UPDATED_AT", "id", 40).await);
    let mut backward =
        ids(&sandbox.shopify_all(&shop, "orders", ", sortKey: UPDATED_AT, reverse: true", "id", 40).await);
    backward.reverse();
    assert_eq!(forward, backward);
}

#[tokio::test]
async fn windows_cover_the_whole_without_overlap() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("windows", "typical", 120).await;
    let all = ids(&sandbox.shopify_all(&shop, "tenderTransactions", "", "id", 250).await);
    let early = r#", query: "processed_at:<'2026-01-15T12:00:00Z'""#;
    let late = r#", query: "processed_at:>='2026-01-15T12:00:00Z' AND processed_at:<'2099-01-01T00:00:00+01:00'""#;
    let before = sandbox.shopify_all(&shop, "tenderTransactions", early, "id processedAt", 250).await;
    let after = sandbox.shopify_all(&shop, "tenderTransactions", late, "id processedAt", 250).await;
    assert!(before.iter().all(|tender| tender["processedAt"].as_str().expect("time") < "2026-01-15T12:00:00Z"));
    assert!(after.iter().all(|tender| tender["processedAt"].as_str().expect("time") >= "2026-01-15T12:00:00Z"));
    assert_eq!(before.len() + after.len(), all.len());
    let body = sandbox.graphql(&shop, r#"{ orders(first: 1, query: "colour:red") { nodes { id } } }"#, json!({})).await;
    assert_eq!(body["extensions"]["search"][0]["warnings"][0]["field"], "colour");
}

#[tokio::test]
async fn credentials_and_versions_are_checked() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("doors", "clean", 5).await;
    let body = json!({ "query": "{ shop { name } }" });
    let (status, answer) = sandbox.graphql_as("doors", "wrong", "2026-10", body.clone()).await;
    assert_eq!((status.as_u16(), answer["errors"].is_string()), (401, true));
    assert_eq!(sandbox.graphql_as("doors", &shop.access_token, "2025-01", body.clone()).await.0, 404);
    assert_eq!(sandbox.graphql_as("nobody", &shop.access_token, "2026-10", body.clone()).await.0, 404);
    let other = sandbox.dataset("windowless", "clean", 5).await;
    assert_ne!(other.access_token, shop.access_token);
    assert_eq!(sandbox.graphql_as("doors", &other.access_token, "2026-10", body).await.0, 401);
    let request = sandbox
        .request(Method::POST, "/shopify/doors/admin/api/2026-10/graphql.json")
        .header("x-shopify-access-token", &shop.access_token);
    let response = request.body(json!({ "query": "{ shop { name } }" }).to_string()).send().await.expect("an answer");
    assert_eq!(response.headers()["x-shopify-api-version"].to_str().expect("text"), "2026-10");
    let (status, answer) = sandbox.graphql_as("doors", &shop.access_token, "2026-10", json!({})).await;
    assert_eq!(status, 400, "{answer}");
}

#[tokio::test]
async fn only_what_is_selected_comes_back() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("select", "typical", 60).await;
    let tenders = sandbox.shopify_all(&shop, "tenderTransactions", "", "id order { id }", 250).await;
    let orders: BTreeSet<&str> = tenders.iter().map(|tender| tender["order"]["id"].as_str().expect("id")).collect();
    let query = "query Read($ids: [ID!]!, $deep: Boolean = true) {
        found: nodes(ids: $ids) { __typename ... on Order { ...Money transactions(first: 1) { kind parentTransaction { id } order { name } } } ... on Refund { note } }
        currentAppInstallation { accessScopes { handle } }
        shop { myshopifyDomain currencyCode @include(if: $deep) name @skip(if: $deep) }
      }
      fragment Money on Order { name totalPriceSet { shopMoney { amount } } totalPriceSet { presentmentMoney { currencyCode } } }";
    let ids: Vec<&str> = orders.iter().take(3).copied().chain(["gid://shopify/Order/1"]).collect();
    let body = sandbox.graphql(&shop, query, json!({ "ids": ids })).await;
    let found = body["data"]["found"].as_array().expect("a list");
    assert_eq!(found.len(), 4);
    assert_eq!(found[3], Value::Null);
    let order = found[0].as_object().expect("an order");
    assert_eq!(
        order.keys().collect::<BTreeSet<_>>(),
        ["__typename", "name", "totalPriceSet", "transactions"]
            .iter()
            .map(|key| (*key).to_owned())
            .collect::<BTreeSet<_>>()
            .iter()
            .collect()
    );
    assert_eq!(
        order["totalPriceSet"],
        json!({ "shopMoney": { "amount": order["totalPriceSet"]["shopMoney"]["amount"] }, "presentmentMoney": { "currencyCode": "USD" } })
    );
    assert_eq!(order["transactions"].as_array().expect("a list").len(), 1);
    assert_eq!(order["transactions"][0]["order"]["name"], order["name"]);
    assert_eq!(body["data"]["shop"], json!({ "myshopifyDomain": "select.myshopify.com", "currencyCode": "USD" }));
    let scopes = body["data"]["currentAppInstallation"]["accessScopes"].as_array().expect("scopes");
    assert!(scopes.iter().any(|scope| scope["handle"] == "read_all_orders"));
}

#[tokio::test]
async fn mistakes_in_a_query_are_named() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("mistakes", "clean", 5).await;
    for (query, code) in [
        ("{ shop { nmae } }", "undefinedField"),
        ("{ shop }", "selectionMismatch"),
        ("{ tenderTransactions(first: 1, sortKey: ID) { nodes { id } } }", "argumentNotAccepted"),
        ("{ tenderTransactions { nodes { id } } }", "BAD_REQUEST"),
        ("{ tenderTransactions(first: 251) { nodes { id } } }", "argumentLiteralsIncompatible"),
        ("{ orders(first: 1, sortKey: COLOUR) { nodes { id } } }", "argumentLiteralsIncompatible"),
        ("{ orders(first: 1, after: \"nonsense\") { nodes { id } } }", "BAD_REQUEST"),
        ("{ node { id } }", "missingRequiredArguments"),
        ("{ orders(first: 1) { nodes { ...Nowhere } } }", "useAndDefineFragment"),
        ("{ shop { name }", "parseError"),
    ] {
        let body = sandbox.graphql(&shop, query, json!({})).await;
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{query}: {body}");
    }
    let body = sandbox.graphql(&shop, "query($id: ID!) { order(id: $id) { id } }", json!({})).await;
    assert!(body["errors"][0]["message"].as_str().expect("text").contains("$id"), "{body}");
}

#[tokio::test]
async fn a_spent_bucket_throttles_and_fills_again() {
    let sandbox = Sandbox::start().await;
    let shop =
        sandbox.dataset_with("slow", "clean", 300, json!({ "maximum_available": 800, "restore_rate": 2000 })).await;
    let query = "{ tenderTransactions(first: 250) { nodes { id order { id } } } }";
    let mut throttled = 0;
    for _ in 0..4 {
        let body = sandbox.graphql(&shop, query, json!({})).await;
        let status = &body["extensions"]["cost"]["throttleStatus"];
        assert_eq!(status["maximumAvailable"], 800);
        if body.get("errors").is_some() {
            assert_eq!(body["errors"][0]["extensions"]["code"], "THROTTLED");
            throttled += 1;
        }
    }
    assert!(throttled > 0, "four queries of 500 points fit into 800");
    loop {
        let body = sandbox.graphql(&shop, query, json!({})).await;
        if body.get("errors").is_none() {
            assert!(
                body["extensions"]["cost"]["actualQueryCost"].as_i64()
                    <= body["extensions"]["cost"]["requestedQueryCost"].as_i64()
            );
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_the_scope_old_orders_are_invisible() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox
        .dataset_with(
            "young",
            "clean",
            30,
            json!({ "scopes": ["read_orders"], "start": "2020-01-01", "end": "2020-01-31" }),
        )
        .await;
    assert!(sandbox.shopify_all(&shop, "orders", "", "id", 250).await.is_empty());
    assert!(sandbox.shopify_all(&shop, "tenderTransactions", "", "id", 250).await.is_empty());
}

#[tokio::test]
async fn amounts_are_decimal_strings_without_trailing_zeros() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("money", "multi-currency", 120).await;
    let tenders = sandbox.shopify_all(&shop, "tenderTransactions", "", "id amount { amount currencyCode }", 250).await;
    let mut currencies = BTreeSet::new();
    for tender in &tenders {
        let (amount, currency) = (
            tender["amount"]["amount"].as_str().expect("text"),
            tender["amount"]["currencyCode"].as_str().expect("text"),
        );
        let (_, part) = amount.split_once('.').expect("a point");
        let longest = if currency == "KWD" { 3 } else { 2 };
        assert!((1..=longest).contains(&part.len()) && (part == "0" || !part.ends_with('0')), "{amount} {currency}");
        assert!(currency != "JPY" || part == "0", "{amount} {currency}");
        currencies.insert(currency);
    }
    assert_eq!(currencies.len(), 6);
}
