//! Both kinds of stores, and invocations that use them.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};
use domain::{TenantId, Timestamp, ports::PortError};
use resilience::{
    breaker::{
        Announce, Announcement, Breakers, Circuit, CircuitKey, CircuitStore, DynamoCircuits, Guard, MemoryCircuits,
        Policy,
    },
    dead_letter::{DynamoLetters, LetterStore, MemoryLetters},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};
use testkit::{FixedClock, MemoryBlobs, SequentialIds};

pub struct Backend {
    pub circuits: Arc<dyn CircuitStore>,
    pub letters: Arc<dyn LetterStore>,
    pub blobs: Arc<MemoryBlobs>,
    pub clock: Arc<FixedClock>,
    pub bus: Arc<Heard>,
    ids: Arc<SequentialIds>,
}

/// A bus that remembers, and may be down.
#[derive(Debug, Default)]
pub struct Heard {
    pub all: Mutex<Vec<Announcement>>,
    pub down: AtomicBool,
}

#[async_trait::async_trait]
impl Announce for Heard {
    async fn announce(&self, announcements: &[Announcement]) -> Result<(), PortError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(PortError::Transient("the bus does not answer".into()));
        }
        self.all.lock().unwrap().extend_from_slice(announcements);
        Ok(())
    }
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

impl Backend {
    pub fn memory() -> Self {
        Self::of(Arc::new(MemoryCircuits::default()), Arc::new(MemoryLetters::default()), Arc::default())
    }

    pub async fn dynamo() -> Self {
        let (client, blobs) = (client().await, Arc::new(MemoryBlobs::default()));
        let (breakers, letters) = (format!("breakers-{}", suffix()), format!("letters-{}", suffix()));
        create(&client, &breakers, &["pk"], &[]).await;
        let indexes = [("by_id", ["id"].as_slice()), ("by_state", ["state", "last_seen"].as_slice())];
        create(&client, &letters, &["pk", "sk"], &indexes).await;
        let circuits = Arc::new(DynamoCircuits::new(client.clone(), breakers));
        Self::of(circuits, Arc::new(DynamoLetters::new(client, letters, blobs.clone())), blobs)
    }

    fn of(circuits: Arc<dyn CircuitStore>, letters: Arc<dyn LetterStore>, blobs: Arc<MemoryBlobs>) -> Self {
        Self { circuits, letters, blobs, clock: Arc::default(), bus: Arc::default(), ids: Arc::default() }
    }

    pub fn breakers(&self) -> Breakers {
        Breakers {
            store: self.circuits.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            policy: Policy::default(),
        }
    }

    /// A new invocation for a tenant at Stripe.
    pub fn guard(&self, name: &str) -> Guard {
        self.breakers().guard("stripe", &tenant(name))
    }

    pub async fn circuit(&self, key: &str) -> Circuit {
        let key = CircuitKey::parse(key).unwrap();
        self.circuits.read(&[key]).await.unwrap().remove(0)
    }

    pub fn now(&self) -> Timestamp {
        domain::Clock::now(self.clock.as_ref())
    }

    /// So many seconds from now.
    pub fn seconds(&self, seconds: i64) -> Timestamp {
        Timestamp::from_millis(self.now().millis() + seconds * 1_000)
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance_ms(seconds * 1_000);
    }
}

async fn client() -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new("test", "test", None, None, "suite"))
        .build();
    Client::from_conf(config)
}

fn suffix() -> String {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), TABLES.fetch_add(1, Ordering::SeqCst))
}

async fn create(client: &Client, table: &str, keys: &[&str], indexes: &[(&str, &[&str])]) {
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    let mut names: Vec<&str> = keys.iter().chain(indexes.iter().flat_map(|(_, keys)| keys.iter())).copied().collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(attribute.build().unwrap());
    }
    request = request.set_key_schema(Some(schema(keys)));
    for (name, keys) in indexes {
        let projection = Projection::builder().projection_type(ProjectionType::All).build();
        let index = GlobalSecondaryIndex::builder().index_name(*name).projection(projection);
        request = request.global_secondary_indexes(index.set_key_schema(Some(schema(keys))).build().unwrap());
    }
    request.send().await.unwrap();
}

fn schema(keys: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |(name, kind): (&&str, KeyType)| {
        KeySchemaElement::builder().attribute_name(*name).key_type(kind).build().unwrap()
    };
    keys.iter().zip(kinds).map(element).collect()
}
