//! The processor's side: lists, windows, keys, expansion, and a balance that adds up.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::client::{STRIPE_VERSION, Sandbox, ids};

#[tokio::test]
async fn paging_returns_every_object_exactly_once_newest_first() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("pages", "refund-heavy", 120).await;
    for list in ["charges", "refunds", "disputes", "balance_transactions", "payouts"] {
        for limit in [3, 100] {
            let all = sandbox.stripe_all(&shop, list, "", limit).await;
            let names = ids(&all);
            assert_eq!(names.len() as u64, shop.counts[list].as_u64().expect("count"), "{list}");
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
            assert!(all.windows(2).all(|pair| pair[0]["created"].as_i64() >= pair[1]["created"].as_i64()));
        }
    }
}

#[tokio::test]
async fn windows_cover_the_whole_without_overlap() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("spans", "typical", 120).await;
    let middle = 1_768_478_400;
    let early = sandbox.stripe_all(&shop, "balance_transactions", &format!("&created[lt]={middle}"), 100).await;
    let late = sandbox.stripe_all(&shop, "balance_transactions", &format!("&created%5Bgte%5D={middle}"), 100).await;
    assert!(early.iter().all(|of| of["created"].as_i64().expect("time") < middle));
    assert!(late.iter().all(|of| of["created"].as_i64().expect("time") >= middle));
    assert_eq!((early.len() + late.len()) as u64, shop.counts["balance_transactions"].as_u64().expect("count"));
}

#[tokio::test]
async fn keys_versions_and_parameters_are_checked() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("locks", "clean", 10).await;
    let bare = sandbox.request(Method::GET, "/stripe/v1/charges");
    assert_eq!(Sandbox::send(bare).await.0, 401);
    let wrong = sandbox
        .request(Method::GET, "/stripe/v1/charges")
        .bearer_auth("rk_nobody")
        .header("stripe-version", STRIPE_VERSION);
    let (status, body) = Sandbox::send(wrong).await;
    assert_eq!((status.as_u16(), body["error"]["type"].as_str()), (401, Some("invalid_request_error")));
    let unversioned = sandbox.request(Method::GET, "/stripe/v1/charges").bearer_auth(&shop.stripe_api_key);
    assert_eq!(Sandbox::send(unversioned).await.0, 400);
    for (path, status, code) in [
        ("charges?limit=101", 400, "parameter_invalid_integer"),
        ("charges?colour=red", 400, "parameter_unknown"),
        ("charges?starting_after=ch_nobody", 400, "resource_missing"),
        ("charges?expand[]=data.colour", 400, "parameter_invalid"),
        ("charges/ch_nobody", 404, "resource_missing"),
    ] {
        let (got, body) = sandbox.stripe(&shop, path).await;
        assert_eq!((got.as_u16(), body["error"]["code"].as_str()), (status, Some(code)), "{path}: {body}");
    }
    assert_eq!(sandbox.stripe(&shop, "unicorns").await.0, 404);
}

#[tokio::test]
async fn ids_expand_into_objects() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("expand", "refund-heavy", 150).await;
    let movements = sandbox
        .stripe_all(&shop, "balance_transactions", "&expand[]=data.source&expand[]=data.source.charge", 100)
        .await;
    let mut kinds = BTreeSet::new();
    for movement in &movements {
        let source = &movement["source"];
        kinds.insert(source["object"].as_str().expect("an object"));
        match source["object"].as_str() {
            Some("charge") => assert_eq!(source["balance_transaction"], movement["id"]),
            Some("refund" | "dispute") => assert_eq!(source["charge"]["object"], "charge"),
            _ => assert_eq!(source["object"], "payout"),
        }
    }
    assert_eq!(kinds, BTreeSet::from(["charge", "refund", "dispute", "payout"]));
    let (_, page) = sandbox
        .stripe(&shop, "refunds?limit=1&expand[]=data.balance_transaction&expand[]=data.charge.balance_transaction")
        .await;
    let refund = &page["data"][0];
    assert_eq!(refund["balance_transaction"]["type"], "refund");
    assert_eq!(refund["charge"]["balance_transaction"]["type"], "charge");
    let (_, one) = sandbox
        .stripe(&shop, &format!("charges/{}?expand[]=payment_intent", refund["charge"]["id"].as_str().expect("id")))
        .await;
    assert_eq!(one["payment_intent"]["latest_charge"], one["id"]);
}

#[tokio::test]
async fn the_balance_adds_up() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("balance", "typical", 150).await;
    let movements = sandbox.stripe_all(&shop, "balance_transactions", "&type=charge&expand[]=data.source", 100).await;
    let mut later = 0;
    for movement in &movements {
        let number = |of: &Value, key: &str| of[key].as_i64().expect("a number");
        let amount = number(movement, "amount");
        assert_eq!(number(movement, "fee"), (amount * 29 + 500) / 1000 + 30);
        assert_eq!(number(movement, "net"), amount - number(movement, "fee"));
        assert_eq!(number(&movement["source"], "amount_captured"), amount);
        assert!(number(movement, "created") >= number(&movement["source"], "created"));
        later += usize::from(number(movement, "created") > number(&movement["source"], "created"));
    }
    assert!(later > 0, "no capture came later than its authorisation");
    for payout in sandbox.stripe_all(&shop, "payouts", "", 100).await {
        let filter = format!("&payout={}", payout["id"].as_str().expect("id"));
        let members = sandbox.stripe_all(&shop, "balance_transactions", &filter, 100).await;
        let net: i64 =
            members.iter().filter(|of| of["type"] != "payout").map(|of| of["net"].as_i64().expect("net")).sum();
        assert_eq!(Some(net), payout["amount"].as_i64());
    }
}

#[tokio::test]
async fn a_restless_account_repeats_and_grows_but_loses_nothing() {
    let sandbox = Sandbox::start().await;
    let shop = sandbox.dataset("restless", "adversarial", 150).await;
    let seen = ids(&sandbox.stripe_all(&shop, "charges", "", 10).await);
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert!(distinct.len() < seen.len(), "no page repeated anything");
    let old = distinct.iter().filter(|id| !id.starts_with("ch_3new")).count();
    assert_eq!(old as u64, shop.counts["charges"].as_u64().expect("count"));
    assert!(old < distinct.len(), "nothing was added");
}
