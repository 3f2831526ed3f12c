//! Both stores, with ways to damage what they hold that no function has.

use crate::interference::Interference;
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::Blob,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use event_store::{DynamoStore, EventStore, MemoryStore, StreamKey, Tables, Upcasters};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub struct Backend {
    pub store: Arc<dyn EventStore>,
    kind: Kind,
}

enum Kind {
    Memory(MemoryStore),
    Dynamo(Dynamo),
}

#[derive(Clone)]
pub struct Dynamo {
    pub client: Client,
    pub tables: Tables,
    pub snapshots: String,
    pub interference: Interference,
}

impl Backend {
    pub fn memory() -> Self {
        let store = MemoryStore::new().with_upcasters(Upcasters::current().uncatalogued());
        Self { store: Arc::new(store.clone()), kind: Kind::Memory(store) }
    }

    pub async fn dynamo() -> Self {
        let dynamo = Dynamo::start().await;
        Self { store: Arc::new(dynamo.store()), kind: Kind::Dynamo(dynamo) }
    }

    pub fn is_dynamo(&self) -> bool {
        matches!(self.kind, Kind::Dynamo(_))
    }

    /// Another process on the same data: it remembers nothing.
    pub fn elsewhere(&self) -> Arc<dyn EventStore> {
        match &self.kind {
            Kind::Memory(store) => Arc::new(store.clone()),
            Kind::Dynamo(dynamo) => Arc::new(dynamo.store()),
        }
    }

    pub async fn lose(&self, stream: &StreamKey, from: u64) {
        match &self.kind {
            Kind::Memory(store) => assert!(store.lose(stream, from)),
            Kind::Dynamo(dynamo) => {
                let request =
                    dynamo.client.delete_item().table_name(&dynamo.tables.event_store).set_key(Some(key(stream, from)));
                request.send().await.unwrap();
            }
        }
    }

    pub async fn lose_head(&self, stream: &StreamKey) {
        match &self.kind {
            Kind::Memory(store) => assert!(store.lose_head(stream)),
            Kind::Dynamo(dynamo) => {
                let request = dynamo.client.delete_item().table_name(&dynamo.tables.stream_heads);
                request.key("s", AttributeValue::S(stream.partition())).send().await.unwrap();
            }
        }
    }

    pub async fn overwrite(&self, stream: &StreamKey, from: u64, encoding: u8, body: &[u8]) {
        match &self.kind {
            Kind::Memory(store) => assert!(store.overwrite(stream, from, encoding, body.to_vec())),
            Kind::Dynamo(dynamo) => {
                let request =
                    dynamo.client.update_item().table_name(&dynamo.tables.event_store).set_key(Some(key(stream, from)));
                let request = request.update_expression("SET enc = :enc, b = :b");
                let request = request.expression_attribute_values(":enc", AttributeValue::N(encoding.to_string()));
                request.expression_attribute_values(":b", AttributeValue::B(Blob::new(body))).send().await.unwrap();
            }
        }
    }
}

fn key(stream: &StreamKey, from: u64) -> HashMap<String, AttributeValue> {
    let parts = [("s", AttributeValue::S(stream.partition())), ("n", AttributeValue::N(from.to_string()))];
    parts.map(|(name, value)| (name.to_owned(), value)).into()
}

impl Dynamo {
    pub async fn start() -> Self {
        static TABLES: AtomicU32 = AtomicU32::new(0);
        let number = TABLES.fetch_add(1, Ordering::SeqCst);
        let endpoint = match std::env::var("DYNAMODB_ENDPOINT") {
            Ok(endpoint) => endpoint,
            Err(_) => in_process().await,
        };
        let interference = Interference::default();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("test", "test", None, None, "suite"))
            .interceptor(interference.clone())
            .build();
        let name = |table: &str| format!("{table}-{}-{number}", std::process::id());
        let tables = Tables {
            event_store: name("event_store"),
            stream_heads: name("stream_heads"),
            command_log: name("command_log"),
        };
        let snapshots = name("snapshots");
        let dynamo = Self { client: Client::from_conf(config), tables, snapshots, interference };
        dynamo.create_tables().await;
        dynamo
    }

    pub fn store(&self) -> DynamoStore {
        DynamoStore::new(self.client.clone(), self.tables.clone()).with_upcasters(Upcasters::current().uncatalogued())
    }

    /// Patient enough for some tries on a machine that is busy with other tests.
    pub fn impatient(&self) -> DynamoStore {
        self.store().with_patience(Duration::from_secs(1))
    }

    async fn create_tables(&self) {
        let request =
            self.client.create_table().table_name(&self.tables.event_store).billing_mode(BillingMode::PayPerRequest);
        let request = request.key_schema(element("s", KeyType::Hash)).key_schema(element("n", KeyType::Range));
        let request = request.attribute_definitions(attribute("s", ScalarAttributeType::S));
        let request = request.attribute_definitions(attribute("n", ScalarAttributeType::N));
        let request = request.attribute_definitions(attribute("ts", ScalarAttributeType::N));
        let request = request.attribute_definitions(attribute("cp", ScalarAttributeType::S));
        let request = request.attribute_definitions(attribute("fp", ScalarAttributeType::S));
        let request =
            request.global_secondary_indexes(index("correlation", "cp")).global_secondary_indexes(index("feed", "fp"));
        request.send().await.unwrap();
        let request = self.client.create_table().table_name(&self.snapshots).billing_mode(BillingMode::PayPerRequest);
        let request = request.key_schema(element("s", KeyType::Hash)).key_schema(element("f", KeyType::Range));
        let request = request.attribute_definitions(attribute("s", ScalarAttributeType::S));
        request.attribute_definitions(attribute("f", ScalarAttributeType::S)).send().await.unwrap();
        for (table, key) in [(&self.tables.stream_heads, "s"), (&self.tables.command_log, "pk")] {
            let request = self.client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
            let request = request
                .key_schema(element(key, KeyType::Hash))
                .attribute_definitions(attribute(key, ScalarAttributeType::S));
            request.send().await.unwrap();
        }
    }
}

async fn in_process() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    format!("http://{address}")
}

fn element(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

fn index(name: &str, key: &str) -> GlobalSecondaryIndex {
    let projection =
        Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("to").non_key_attributes("k");
    let index = GlobalSecondaryIndex::builder().index_name(name).projection(projection.build());
    index.key_schema(element(key, KeyType::Hash)).key_schema(element("ts", KeyType::Range)).build().unwrap()
}
