//! Both stores keep the same promises.

use crate::given::{acme, endpoint, job, told};
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};
use domain::{EndpointId, TenantId, Timestamp};
use std::sync::Arc;
use webhooks::{Deliveries, Delivery, DeliveryKey, DynamoDeliveries, MemoryDeliveries, delivery::Told};

async fn dynamo() -> DynamoDeliveries {
    let database = dynoxide::Database::memory().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .build();
    let client = Client::from_conf(config);
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("by_created")
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("created", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    let attributes = ["pk", "sk", "created"].map(|name| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    });
    let create = client.create_table().table_name("deliveries").billing_mode(BillingMode::PayPerRequest);
    let create = create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    create.global_secondary_indexes(index).set_attribute_definitions(Some(attributes.to_vec())).send().await.unwrap();
    DynamoDeliveries::new(client, "deliveries".into())
}

async fn both() -> [Arc<dyn Deliveries>; 2] {
    [Arc::new(MemoryDeliveries::default()), Arc::new(dynamo().await)]
}

fn delivery(reconciliation: &str, created_ms: i64) -> Delivery {
    Delivery::new(told(reconciliation, Timestamp::from_millis(created_ms)))
}

#[tokio::test]
async fn a_delivery_is_created_once_and_changed_by_one_at_a_time() {
    for store in both().await {
        let one = delivery("jan", 1_000);
        let key = DeliveryKey::of(&one);
        assert_eq!(store.get(&key).await.unwrap(), None);
        assert!(store.create(&one).await.unwrap());
        let read = store.get(&key).await.unwrap().unwrap();
        assert_eq!((&read.delivery, read.revision), (&one, 1));
        let begun = one.clone().begun(Timestamp::from_millis(2_000));
        assert!(store.replace(&begun, 1).await.unwrap());
        assert!(!store.replace(&one, 1).await.unwrap(), "read before the change");
        assert!(!store.create(&one).await.unwrap(), "a repeated step changes nothing");
        assert_eq!(store.get(&key).await.unwrap().unwrap().delivery, begun);
    }
}

#[tokio::test]
async fn a_list_is_newest_first_in_pages_and_of_one_endpoint() {
    for store in both().await {
        for (reconciliation, created_ms) in [("b", 2_000), ("a", 1_000), ("e", 5_000), ("d", 4_000), ("c", 3_000)] {
            store.create(&delivery(reconciliation, created_ms)).await.unwrap();
        }
        let elsewhere = |told: Told| Delivery::new(told);
        let now = Timestamp::from_millis(9_000);
        store
            .create(&elsewhere(Told { endpoint_id: EndpointId::parse("we_b").unwrap(), ..told("x", now) }))
            .await
            .unwrap();
        store
            .create(&elsewhere(Told { tenant_id: TenantId::parse("other").unwrap(), ..told("y", now) }))
            .await
            .unwrap();
        store.register(&acme(), &endpoint(), &job()).await.unwrap();
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = store.list(&acme(), &endpoint(), 2, after).await.unwrap();
            seen.extend(page.deliveries.into_iter().map(|delivery| delivery.reconciliation_id.to_string()));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((seen.join(""), pages), ("edcba".to_owned(), 3));
    }
}

#[tokio::test]
async fn an_endpoint_belongs_to_one_tenants_job() {
    for store in both().await {
        assert_eq!(store.job_of(&acme(), &endpoint()).await.unwrap(), None);
        store.register(&acme(), &endpoint(), &job()).await.unwrap();
        store.register(&acme(), &endpoint(), &job()).await.unwrap();
        assert_eq!(store.job_of(&acme(), &endpoint()).await.unwrap(), Some(job()));
        assert_eq!(store.job_of(&TenantId::parse("other").unwrap(), &endpoint()).await.unwrap(), None);
    }
}
