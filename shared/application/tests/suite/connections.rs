//! Commands on connections: credentials go in and nowhere else.

use crate::given::{World, acme, stream, wrong_fields};
use domain::{ConnectionId, connection::Adapter, ports::Secrets};
use event_store::EventStore;
use serde_json::json;
use testkit::Fault;

fn id() -> ConnectionId {
    ConnectionId::parse("shop").unwrap()
}

#[tokio::test]
async fn credentials_are_kept_by_the_secret_store_alone() {
    let world = World::empty();
    let service = world.connections();
    let shop = |token: &str| json!({"shop": "acme", "access_token": token});
    let first = service.put(&acme(), id(), Adapter::Shopify, shop("shpat_first")).await.unwrap();
    assert_eq!((first.version, first.created), (1, true));
    let second = service.put(&acme(), id(), Adapter::Shopify, shop("shpat_second")).await.unwrap();
    assert_eq!((second.version, second.created), (2, false));
    assert_eq!(world.secrets.names(), ["acme/shop"]);
    assert!(world.secrets.get("acme/shop").await.unwrap().contains("shpat_second"));
    let commits = world.memory.load(&stream("connection", "shop"), 0).await.unwrap();
    assert_eq!(commits.len(), 2);
    assert!(!format!("{commits:?}{first:?}").contains("shpat_"));
}

#[tokio::test]
async fn wrong_credentials_are_named_and_not_kept() {
    let world = World::empty();
    let wrong = json!({"shop": "Acme Inc.", "token": "shpat_example"});
    assert_eq!(
        wrong_fields(world.connections().put(&acme(), id(), Adapter::Shopify, wrong).await),
        [
            ("/credentials/token".to_owned(), "unknown_field"),
            ("/credentials/shop".to_owned(), "invalid"),
            ("/credentials/access_token".to_owned(), "missing"),
        ]
    );
    assert!(world.secrets.names().is_empty());
    assert_eq!(world.version("connection", "shop").await, 0);
}

#[tokio::test]
async fn no_event_points_at_a_secret_that_is_not_there() {
    let world = World::empty().failing([(0, Fault::Busy)]);
    let shop = json!({"shop": "acme", "access_token": "shpat_example"});
    world.connections().put(&acme(), id(), Adapter::Shopify, shop.clone()).await.unwrap_err();
    assert_eq!(world.secrets.names(), ["acme/shop"], "the secret comes first");
    assert_eq!(world.version("connection", "shop").await, 0);
    let repeated = world.connections().put(&acme(), id(), Adapter::Shopify, shop).await.unwrap();
    assert!(repeated.created);
}
