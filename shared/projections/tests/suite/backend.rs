//! Read models and result pages in memory and on DynamoDB.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use projections::{
    DynamoProjections, DynamoResultPages, MemoryProjections, MemoryResultPages, ReadModels, ResultPages, Tables,
    read::Rows, rebuild::RebuildStore, store::Versions,
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

pub struct Backend {
    pub rows: Arc<dyn Rows>,
    pub reads: Arc<dyn ReadModels>,
    pub results: Arc<dyn ResultPages>,
    pub rebuilds: Arc<dyn RebuildStore>,
    kind: Kind,
}

enum Kind {
    Memory(Arc<MemoryProjections>),
    Dynamo(Client, Tables),
}

impl Backend {
    pub fn memory() -> Self {
        let store = Arc::new(MemoryProjections::new());
        Self {
            rows: Arc::clone(&store) as _,
            reads: Arc::clone(&store) as _,
            results: Arc::new(MemoryResultPages::new()),
            rebuilds: Arc::clone(&store) as _,
            kind: Kind::Memory(store),
        }
    }

    pub async fn dynamo() -> Self {
        let client = client().await;
        let suffix = suffix();
        let name = |table: &str| format!("{table}-{suffix}");
        let tables = Tables {
            projection_checkpoints: name("projection_checkpoints"),
            projections: name("projections"),
            reconciliation_summary: name("reconciliation_summary"),
            saga_state: name("saga_state"),
            jobs: name("jobs"),
            tenant_usage_view: name("tenant_usage_view"),
            error_hotspots_view: name("error_hotspots_view"),
        };
        let (exceptions, order_results) = (name("exceptions"), name("order_results"));
        for table in [&tables.projection_checkpoints, &tables.projections] {
            create(&client, table, &["pk"], &[]).await;
        }
        for table in [&tables.reconciliation_summary, &tables.saga_state] {
            create(&client, table, &["pk", "sk"], &BY_STARTED_AND_ID).await;
        }
        for table in [&tables.jobs, &tables.tenant_usage_view, &exceptions, &order_results] {
            create(&client, table, &["pk", "sk"], &[]).await;
        }
        create(&client, &tables.error_hotspots_view, &["pk", "sk"], &BY_JOB).await;
        let store = Arc::new(DynamoProjections::new(client.clone(), tables.clone()));
        Self {
            rows: Arc::clone(&store) as _,
            reads: Arc::clone(&store) as _,
            rebuilds: store,
            results: Arc::new(DynamoResultPages::new(client.clone(), exceptions, order_results)),
            kind: Kind::Dynamo(client, tables),
        }
    }

    /// Before the first read: readers remember versions for a while.
    pub async fn set_versions(&self, projection: &str, versions: Versions) {
        match &self.kind {
            Kind::Memory(store) => store.set_versions(projection, versions),
            Kind::Dynamo(client, tables) => {
                let put = client
                    .put_item()
                    .table_name(&tables.projections)
                    .item("pk", AttributeValue::S(projection.to_owned()));
                let mut put = put.item("live", AttributeValue::N(versions.live.to_string()));
                if let Some(building) = versions.building {
                    put = put.item("building", AttributeValue::N(building.to_string()));
                }
                put.send().await.unwrap();
            }
        }
    }
}

async fn client() -> Client {
    let endpoint = match std::env::var("DYNAMODB_ENDPOINT") {
        Ok(endpoint) => endpoint,
        Err(_) => in_process().await,
    };
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "suite"))
        .build();
    Client::from_conf(config)
}

async fn in_process() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    format!("http://{address}")
}

fn suffix() -> String {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), TABLES.fetch_add(1, Ordering::SeqCst))
}

/// Name, keys, and whether whole rows are in it.
type Index = (&'static str, &'static [&'static str], bool);
const BY_STARTED_AND_ID: [Index; 2] = [("by_started", &["pk", "started"], true), ("by_id", &["id"], false)];
const BY_JOB: [Index; 1] = [("by_job", &["job", "sk"], true)];

async fn create(client: &Client, table: &str, keys: &[&str], indexes: &[Index]) {
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        request = request.key_schema(element(name, kind)).attribute_definitions(attribute(name));
    }
    for (name, keys_of_index, whole) in indexes {
        for key in keys_of_index.iter().filter(|key| !keys.contains(key)) {
            request = request.attribute_definitions(attribute(key));
        }
        let projection = if *whole { ProjectionType::All } else { ProjectionType::KeysOnly };
        request = request.global_secondary_indexes(index(name, keys_of_index, projection));
    }
    request.send().await.unwrap();
}

fn element(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
}

fn index(name: &str, keys: &[&str], projection: ProjectionType) -> GlobalSecondaryIndex {
    let mut index = GlobalSecondaryIndex::builder()
        .index_name(name)
        .projection(Projection::builder().projection_type(projection).build());
    for (name, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        index = index.key_schema(element(name, kind));
    }
    index.build().unwrap()
}
