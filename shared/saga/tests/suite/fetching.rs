//! Paging, resuming, waiting, and what an account may say.

use crate::{
    records::{charge, page, sale},
    world::{CALLS, Call, World, input, tenant},
};
use domain::{
    ErrorName, Timestamp,
    ports::{Blobs, Secrets, connection_secret},
    saga::Step,
};
use providers::ProviderError;
use saga::{FetchOutcome, Manifest, StepError};
use serde_json::{Value, json};

const STEP: Step = Step::FetchShopifyOrders;

/// One call as the state machine makes it: the cursor has been through JSON.
async fn turn(world: &World, cursor: Value) -> Result<Value, StepError> {
    let cursor = serde_json::from_value(cursor).unwrap();
    let outcome: FetchOutcome = world.fetch().run(&input(), STEP, cursor).await?;
    Ok(serde_json::to_value(outcome).unwrap())
}

fn throttled(retry_after_s: u64) -> ProviderError {
    ProviderError::Throttled { retry_after_s, message: "shopify asks for patience".into() }
}

async fn staged_count(world: &World) -> u64 {
    world.run().await.orders.unwrap().count
}

#[tokio::test]
async fn a_long_window_is_read_in_turns() {
    let world = World::after(&CALLS[..1]).await;
    world.shop.holds((1..=5).map(|number| page(vec![sale(number, "#1", 100, "ch_1AbCdEfGhIjKlMn")])).collect());
    world.shop.takes(30_000);
    let mut answer = turn(&world, Value::Null).await.unwrap();
    let mut turns = 1;
    while answer["status"] == "more" {
        assert_eq!(world.run().await.orders, None);
        assert!(answer.to_string().len() < 1_024, "state stays small");
        answer = turn(&world, answer["cursor"].clone()).await.unwrap();
        turns += 1;
    }
    assert_eq!((answer, turns), (json!({ "status": "done" }), 3));
    let expected: Vec<Option<Value>> =
        std::iter::once(None).chain((1..5).map(|page| Some(json!({ "page": page })))).collect();
    assert_eq!(world.shop.calls(), expected, "no page is read twice");
    assert_eq!(staged_count(&world).await, 5);
    assert_eq!(world.run().await.orders.unwrap().fetch_duration_ms, 150_000);
}

#[tokio::test]
async fn a_call_that_is_repeated_from_its_cursor_stages_the_same() {
    let world = World::after(&CALLS[..1]).await;
    world.shop.takes(50_000);
    let first = turn(&world, Value::Null).await.unwrap();
    let again = turn(&world, Value::Null).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(turn(&world, again["cursor"].clone()).await.unwrap()["status"], "done");
    assert_eq!(staged_count(&world).await, 3);
}

#[tokio::test]
async fn a_throttled_account_is_waited_for_and_read_on_from_there() {
    let world = World::after(&CALLS[..1]).await;
    world.shop.fails_at(1, throttled(7));
    let answer = turn(&world, Value::Null).await.unwrap();
    assert_eq!((&answer["status"], &answer["retry_after_s"]), (&json!("wait"), &json!(7)));
    assert_eq!(answer["reason"], "throttled");
    assert_eq!(world.ledger_lines().await.last().unwrap(), "StepWaiting fetch_shopify_orders");
    // Whoever calls before the time that the provider named gets the same answer, and the provider no request.
    world.clock.advance_ms(6_000);
    let early = turn(&world, answer["cursor"].clone()).await.unwrap();
    assert_eq!(
        (&early["status"], &early["retry_after_s"], &early["until"]),
        (&json!("wait"), &json!(1), &answer["until"])
    );
    assert_eq!(world.shop.calls().len(), 2);
    world.clock.advance_ms(1_000);
    assert_eq!(turn(&world, answer["cursor"].clone()).await.unwrap()["status"], "done");
    assert_eq!(world.shop.calls()[1..], [Some(json!({ "page": 1 })), Some(json!({ "page": 1 }))]);
    assert_eq!(staged_count(&world).await, 3);
}

#[tokio::test]
async fn waiting_before_the_first_page_begins_at_the_beginning() {
    let world = World::after(&CALLS[..1]).await;
    world.shop.fails_at(0, throttled(0));
    let answer = turn(&world, Value::Null).await.unwrap();
    assert_eq!(answer["retry_after_s"], 1, "never without a pause");
    world.clock.advance_ms(1_000);
    assert_eq!(turn(&world, answer["cursor"].clone()).await.unwrap()["status"], "done");
    assert_eq!(staged_count(&world).await, 3);
}

#[tokio::test]
async fn patience_ends_after_six_hours_in_all() {
    let world = World::after(&CALLS[..1]).await;
    let mut answer = json!({ "cursor": null });
    for call in 0..3 {
        world.shop.fails_at(call, throttled(3 * 3_600));
    }
    for _ in 0..2 {
        answer = turn(&world, answer["cursor"].clone()).await.unwrap();
        assert_eq!(answer["status"], "wait");
        world.clock.advance_ms(3 * 3_600_000);
    }
    let error = turn(&world, answer["cursor"].clone()).await.unwrap_err();
    assert_eq!(error.name, ErrorName::ProviderUnavailable);
    assert!(error.message.contains("21600 s"), "{error}");
    assert_eq!(world.ledger_lines().await.last().unwrap(), "StepFailed fetch_shopify_orders");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_waited_for() {
    let world = World::after(&CALLS[..1]).await;
    world.shop.fails_at(0, ProviderError::Transient { message: "503".into() });
    let answer = turn(&world, Value::Null).await.unwrap();
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("wait"), &json!("unavailable")));
    world.clock.advance_ms(30_000);
    assert_eq!(turn(&world, answer["cursor"].clone()).await.unwrap()["status"], "done");
}

#[tokio::test]
async fn what_an_account_says_keeps_its_name() {
    let message = || "order 7 has no amount".to_owned();
    for (said, name) in [
        (ProviderError::Malformed { message: message() }, ErrorName::ProviderMalformed),
        (ProviderError::Rejected { message: message() }, ErrorName::ProviderRejected),
    ] {
        let world = World::after(&CALLS[..1]).await;
        world.shop.fails_at(0, said);
        let error = world.call(Call::FetchOrders).await.unwrap_err();
        assert_eq!((error.name, error.message), (name, message()));
        assert_eq!(world.ledger_lines().await.last().unwrap(), "StepFailed fetch_shopify_orders");
    }
}

#[tokio::test]
async fn credentials_that_are_not_there_or_not_usable_are_told() {
    let world = World::after(&CALLS[..1]).await;
    let name = connection_secret(&tenant(), &world.run().await.request.source.connection);
    for secret in ["{}", "no JSON: hunter2"] {
        world.secrets.put(&name, secret).await.unwrap();
        let error = world.call(Call::FetchOrders).await.unwrap_err();
        assert_eq!(error.name, ErrorName::CredentialsMissing, "{secret}");
        assert!(!error.message.contains("hunter2"));
    }
    let bare = World { secrets: std::sync::Arc::default(), ..world };
    let error = bare.call(Call::FetchOrders).await.unwrap_err();
    assert_eq!(error.name, ErrorName::CredentialsMissing);
    assert!(error.message.contains("PUT /v1/connections"), "{error}");
}

#[tokio::test]
async fn the_window_is_the_range_with_its_pad() {
    let world = World::after(&CALLS[..2]).await;
    let window = world.shop.window();
    assert_eq!(window.from, Timestamp::parse("2025-12-29T00:00:00Z").unwrap());
    assert_eq!(window.to, Timestamp::parse("2026-02-04T00:00:00Z").unwrap());
}

#[tokio::test]
async fn a_record_points_at_its_own_object_in_the_staged_file() {
    let world = World::after(&CALLS[..1]).await;
    let records: Vec<_> = (0..3).map(|number| charge(&format!("ch_{number}"), 100)).collect();
    let pages: Vec<_> = records.chunks(2).map(|chunk| page(renumbered(chunk))).collect();
    world.shop.holds(pages);
    world.call(Call::FetchOrders).await.unwrap();
    let manifest: Manifest = read(&world, &world.run().await.orders.unwrap().reference).await;
    let file = &manifest.files[0];
    let (staged, raw): (Value, Value) = (read(&world, &file.records).await, read(&world, &file.raw).await);
    for record in staged["records"].as_array().unwrap() {
        assert_eq!(record["raw"]["page"], file.raw);
        let index = usize::try_from(record["raw"]["index"].as_u64().unwrap()).unwrap();
        assert_eq!(raw[index]["id"], record["id"]);
    }
}

/// Each with its position on its page.
fn renumbered(records: &[domain::record::Record]) -> Vec<domain::record::Record> {
    let mut records = records.to_vec();
    for (record, index) in records.iter_mut().zip(0..) {
        record.raw.as_mut().unwrap().index = index;
    }
    records
}

async fn read<T: serde::de::DeserializeOwned>(world: &World, key: &str) -> T {
    let packed = world.blobs.get(key).await.unwrap();
    serde_json::from_slice(&zstd::stream::decode_all(packed.as_slice()).unwrap()).unwrap()
}
