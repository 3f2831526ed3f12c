//! What goes wrong at a provider: waited for where it passes, and named, without secrets, where it does not.

use super::{BOTH, World, padded_january};
use domain::time::Window;
use providers::ProviderError;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Neither the text for people nor the one for developers may tell a credential or where the provider is.
fn is_discreet(world: &World, error: &ProviderError) {
    let shown = format!("{error} {error:?}");
    let port = world.sandbox.url.rsplit(':').next().expect("a port");
    for secret in [&world.shop.access_token, &world.shop.stripe_api_key, "shpat_", "rk_live", "example.com", port] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Each trouble befalls a world of its own, so that all the waiting is done at once.
async fn each<F>(troubles: Vec<Value>, check: impl Fn(World, &'static str, Value) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    for name in BOTH {
        for trouble in &troubles {
            running.spawn(check(World::of("typical", 40).await, name, trouble.clone()));
        }
    }
    running.join_all().await;
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let troubles = [
        json!({ "status": 500, "count": 2 }),
        json!({ "status": 503, "retry_after_s": 1, "count": 1 }),
        json!({ "status": 0, "drop_connection": true, "count": 2 }),
        json!({ "status": 200, "malformed": true, "count": 1 }),
        json!({ "status": 429, "retry_after_s": 1, "count": 1 }),
    ];
    each(troubles.to_vec(), |world, name, trouble| async move {
        let whole = world.read(name, padded_january()).await.expect("a read");
        let (before, _) = world.requests(name).await;
        let mut fault = trouble.clone();
        fault["provider"] = json!(name);
        // The log's word for an answer that never came.
        if trouble["status"] == 0 {
            fault["status"] = Value::Null;
        }
        world.fault(fault).await;
        let page = world.read(name, padded_january()).await;
        assert_eq!(page.expect("a read").records, whole.records, "{name}: {trouble}");
        let (after, statuses) = world.requests(name).await;
        let met = &statuses[usize::try_from(before).expect("a few")..];
        let count = usize::try_from(trouble["count"].as_u64().expect("a count")).expect("a few");
        assert!(met.iter().take(count).all(|status| trouble["status"] == *status), "{name}: {trouble}: {met:?}");
        assert_eq!(after, 2 * before + count as u64, "{name}: {trouble}: one more request for each refusal");
    })
    .await;
}

#[tokio::test]
async fn what_lasts_is_named() {
    let troubles = [
        json!({ "status": 401, "failure": "ProviderAccessDenied" }),
        json!({ "status": 403, "failure": "ProviderAccessDenied" }),
        json!({ "status": 400, "failure": "ProviderRejected" }),
        json!({ "status": 429, "retry_after_s": 60, "failure": "ProviderThrottled" }),
        json!({ "status": 503, "retry_after_s": 60, "failure": "ProviderThrottled" }),
        json!({ "status": 502, "failure": "ProviderUnavailable" }),
        json!({ "drop_connection": true, "failure": "ProviderUnavailable" }),
        json!({ "malformed": true, "failure": "ProviderMalformed" }),
    ];
    each(troubles.to_vec(), |world, name, mut trouble| async move {
        let failure = trouble.as_object_mut().and_then(|fields| fields.remove("failure")).expect("a name");
        let error = error_with(&world, name, &trouble).await;
        let got = error.failure_name().as_str().trim_start_matches("Settler.");
        assert_eq!(failure, got, "{name}: {trouble}: {error}");
        if let ProviderError::Throttled { retry_after_s, .. } = error {
            assert_eq!(retry_after_s, 60);
        }
    })
    .await;
}

async fn error_with(world: &World, name: &str, trouble: &Value) -> ProviderError {
    let mut fault = trouble.clone();
    fault["provider"] = json!(name);
    world.fault(fault).await;
    let error = world.read(name, padded_january()).await.expect_err("a lasting trouble");
    world.clear_faults().await;
    is_discreet(world, &error);
    error
}

#[tokio::test]
async fn an_object_that_cannot_be_read_stops_the_run_with_its_id_and_field() {
    let world = World::of("typical", 40).await;
    for (name, field, with, object, problem) in [
        ("shopify", "amount", Value::Null, "gid://shopify/", "amount is missing"),
        ("shopify", "amount", json!("1.005"), "gid://shopify/", "has more decimals than its currency"),
        ("shopify", "currencyCode", json!("ZZZ"), "gid://shopify/", "currencyCode is not a known currency"),
        ("shopify", "processedAt", json!("soon"), "gid://shopify/", "processedAt is not an RFC 3339 time"),
        ("stripe", "amount", Value::Null, "charge ch_", "field amount is missing"),
        ("stripe", "amount", json!("12"), "charge ch_", "field amount is not a whole number"),
        ("stripe", "currency", json!("zzz"), "ch_", "field currency is not a known currency"),
        ("stripe", "has_more", Value::Null, "list of balance_transactions", "has_more is missing"),
    ] {
        let (before, _) = world.requests(name).await;
        let mut fault = json!({ "replace_field": field });
        if !with.is_null() {
            fault["replace_with"] = with;
        }
        let error = error_with(&world, name, &fault).await;
        let message = error.to_string();
        assert_eq!(error.failure_name().as_str(), "Settler.ProviderMalformed", "{name} {field}: {message}");
        assert!(message.contains(object) && message.contains(problem), "{message}");
        let (after, _) = world.requests(name).await;
        assert!(after - before <= 2, "{name} {field}: the same object was asked for again");
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_without_being_repeated() {
    let world = World::of("clean", 10).await;
    for (name, credentials) in [
        ("shopify", json!({ "shop": world.shop.name, "access_token": "shpat_0123456789abcdef" })),
        ("stripe", json!({ "api_key": "rk_live_0123456789abcdef" })),
    ] {
        let error = world.adapter_with(name, &credentials).fetch(padded_january(), None).await.expect_err("a refusal");
        assert!(matches!(error, ProviderError::AccessDenied { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("cdef"), "{error:?}");
        assert_eq!(world.requests(name).await, (1, vec![401]), "{name}");
    }
    let nowhere = json!({ "shop": "another", "access_token": world.shop.access_token });
    let error = world.adapter_with("shopify", &nowhere).fetch(padded_january(), None).await.expect_err("no such shop");
    assert_eq!(error.failure_name().as_str(), "Settler.ProviderRejected");
    is_discreet(&world, &error);
}

/// Three days: few enough requests to see each.
fn few_days() -> Window {
    Window { from: super::instant("2026-01-10T00:00:00Z"), to: super::instant("2026-01-13T00:00:00Z") }
}

/// Uses the shop's cost budget up, as another app of the same shop would.
async fn spend_budget(world: &World) {
    for first in [240, 40, 1] {
        let query = format!("{{ tenderTransactions(first: {first}) {{ nodes {{ id order {{ id }} }} }} }}");
        let refused = |body: &Value| body["errors"][0]["extensions"]["code"] == "THROTTLED";
        while !refused(&world.sandbox.graphql(&world.shop, &query, json!({})).await) {}
    }
}

#[tokio::test]
async fn a_budget_that_another_app_has_spent_is_waited_for() {
    let world = World::with("typical", 300, json!({ "maximum_available": 1000, "restore_rate": 200 })).await;
    let whole = world.read("shopify", few_days()).await.expect("a read");
    let (undisturbed, _) = world.requests("shopify").await;
    spend_budget(&world).await;
    let (before, _) = world.requests("shopify").await;
    assert_eq!(world.read("shopify", few_days()).await.expect("a read").records, whole.records);
    let (after, statuses) = world.requests("shopify").await;
    assert!(after - before > undisturbed, "nothing was refused");
    assert!(statuses.iter().all(|status| *status == 200), "this style of throttling comes with 200");
}

#[tokio::test]
async fn a_budget_that_fills_too_slowly_is_left_to_the_caller() {
    let world = World::with("typical", 300, json!({ "maximum_available": 1000, "restore_rate": 2 })).await;
    spend_budget(&world).await;
    let error = world.read("shopify", few_days()).await.expect_err("a spent budget");
    assert!(matches!(error, ProviderError::Throttled { retry_after_s: 11..=500, .. }), "{error:?}");
    is_discreet(&world, &error);
}

#[tokio::test]
async fn the_processor_is_given_the_time_that_it_asks_for() {
    let world = World::of("clean", 20).await;
    world.fault(json!({ "provider": "stripe", "status": 429, "retry_after_s": 2, "count": 1 })).await;
    world.read("stripe", few_days()).await.expect("a read");
    let (_, log) = world.sandbox.get("/_control/requests").await;
    let at = |index: usize| log["last"][index]["at_ms"].as_i64().expect("a time");
    assert_eq!((&log["last"][0]["status"], &log["last"][1]["status"]), (&json!(429), &json!(200)));
    assert!(at(1) - at(0) >= 2000, "asked again after {} ms", at(1) - at(0));
}
