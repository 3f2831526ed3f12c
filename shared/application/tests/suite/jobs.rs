//! Commands on jobs.

use crate::given::{World, acme, declined, definition, job_id, key, other, wrong_fields};
use domain::{
    ConnectionId, ErrorName, JobId,
    connection::Adapter,
    job::{JobDefinition, Side},
};
use serde_json::json;

#[tokio::test]
async fn everything_wrong_with_a_definition_is_named_at_once() {
    let world = World::with_job().await;
    let missing = ConnectionId::parse("missing").unwrap();
    let wrong = JobDefinition {
        timezone: "Mars/Olympus".into(),
        matching_rules: Some(json!({"amount_days": -1})),
        source: Side { adapter: Adapter::Shopify, connection: missing },
        target: Side { adapter: Adapter::Stripe, connection: ConnectionId::parse("shop").unwrap() },
        ..definition("wrong")
    };
    let expected = [
        ("/timezone", "unknown_zone"),
        ("/matching_rules/amount_days", "invalid_rule"),
        ("/source/connection", "unknown_connection"),
        ("/target/connection", "unknown_connection"),
    ];
    let expected = expected.map(|(pointer, code)| (pointer.to_owned(), code));
    assert_eq!(wrong_fields(world.jobs().create(&acme(), None, wrong.clone(), None).await), expected);
    assert_eq!(wrong_fields(world.jobs().update(&acme(), job_id(), wrong, None).await), expected);
}

#[tokio::test]
async fn a_connection_of_another_tenant_is_no_connection() {
    let world = World::with_job().await;
    let foreign = wrong_fields(world.jobs().create(&other(), None, definition("x"), None).await);
    assert_eq!(foreign.len(), 2, "{foreign:?}");
}

#[tokio::test]
async fn creating_again_is_the_same_job_and_other_content_a_conflict() {
    let world = World::with_job().await;
    let service = world.jobs();
    let same = service.create(&acme(), Some(job_id()), definition("first"), None).await.unwrap();
    assert_eq!((same.version, same.replayed), (1, false));
    let taken = service.create(&acme(), Some(job_id()), definition("second"), None).await;
    assert_eq!(declined(taken), ErrorName::Conflict);
    assert_eq!(world.events("job", "job_shop").await, ["JobCreated"]);
}

#[tokio::test]
async fn a_key_makes_one_job_even_without_an_id() {
    let world = World::with_job().await;
    let service = world.jobs();
    let first = service.create(&acme(), None, definition("x"), key("k", "body")).await.unwrap();
    let again = service.create(&acme(), None, definition("x"), key("k", "body")).await.unwrap();
    assert_eq!((again.replayed, &again.job_id), (true, &first.job_id));
    let reused = service.create(&acme(), None, definition("y"), key("k", "another body")).await;
    assert_eq!(declined(reused), ErrorName::IdempotencyKeyReused);
    assert_eq!(world.streams("job"), 2, "the one that was there and this one");
}

#[tokio::test]
async fn the_first_answer_stands_though_a_connection_has_changed() {
    let world = World::with_job().await;
    let service = world.jobs();
    service.create(&acme(), None, definition("x"), key("k", "body")).await.unwrap();
    let shop = ConnectionId::parse("shop").unwrap();
    let stripe = json!({"api_key": "rk_test_example"});
    world.connections().put(&acme(), shop, Adapter::Stripe, stripe).await.unwrap();
    assert!(service.create(&acme(), None, definition("x"), key("k", "body")).await.unwrap().replayed);
    let refused = wrong_fields(service.create(&acme(), None, definition("x"), key("k2", "body")).await);
    assert_eq!(refused, [("/source/connection".to_owned(), "unknown_connection")]);
}

#[tokio::test]
async fn versions_guard_changes() {
    let world = World::with_job().await;
    let service = world.jobs();
    let changed = service.update(&acme(), job_id(), definition("second"), Some(1)).await.unwrap();
    assert_eq!((changed.version, changed.definition.name.as_str()), (2, "second"));
    let stale = service.update(&acme(), job_id(), definition("third"), Some(1)).await;
    assert_eq!(declined(stale), ErrorName::StaleVersion);
    let unchanged = service.update(&acme(), job_id(), definition("second"), Some(2)).await.unwrap();
    assert_eq!(unchanged.version, 2, "nothing to write");
    assert_eq!(declined(service.delete(&acme(), job_id(), Some(1)).await), ErrorName::StaleVersion);
    service.delete(&acme(), job_id(), Some(2)).await.unwrap();
    service.delete(&acme(), job_id(), None).await.unwrap();
    assert_eq!(world.events("job", "job_shop").await, ["JobCreated", "JobUpdated", "JobDeleted"]);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed() {
    let world = World::with_job().await;
    let service = world.jobs();
    let nowhere = || JobId::parse("nowhere").unwrap();
    assert_eq!(declined(service.update(&acme(), nowhere(), definition("x"), None).await), ErrorName::NotFound);
    assert_eq!(declined(service.delete(&acme(), nowhere(), None).await), ErrorName::NotFound);
    assert_eq!(declined(service.delete(&other(), job_id(), None).await), ErrorName::NotFound);
    service.delete(&acme(), job_id(), None).await.unwrap();
    assert_eq!(declined(service.update(&acme(), job_id(), definition("x"), None).await), ErrorName::NotFound);
    let again = service.create(&acme(), Some(job_id()), definition("first"), None).await;
    assert_eq!(declined(again), ErrorName::Conflict, "a deleted job's id stays taken");
}
