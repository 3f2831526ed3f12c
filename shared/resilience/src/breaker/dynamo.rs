//! Circuits in DynamoDB, one item each.
//!
//! `pk` key · `epoch` · `decided` mode, phase and history as JSON · `state` the phase for people and dashboards ·
//! `announced` · `troubled` set of tenants · for each bucket `t<i>` slot, `c<i>` calls, `f<i>` failures.

use super::{
    circuit::{Circuit, Mode, Phase, Transition},
    key::CircuitKey,
    policy::BUCKETS,
    store::CircuitStore,
    window::{Bucket, Counts, Window},
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, KeysAndAttributes, ReturnValue},
};
use domain::{TenantId, ports::PortError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

type Item = HashMap<String, AttributeValue>;

/// Tries against others that begin the same bucket.
const MAX_TRIES: u32 = 4;
const REFUSED: &str = "ConditionalCheckFailedException";

#[derive(Debug, Clone)]
pub struct DynamoCircuits {
    client: Client,
    table: String,
}

/// What is decided on, as one attribute.
#[derive(Serialize, Deserialize)]
struct Rules {
    mode: Mode,
    #[serde(flatten)]
    phase: Phase,
    history: Vec<Transition>,
}

fn error<E: ProvideErrorMetadata>(what: &str, error: &SdkError<E>) -> PortError {
    match error.code() {
        Some(code @ ("AccessDeniedException" | "ValidationException" | "ResourceNotFoundException")) => {
            PortError::Refused(format!("{what}: {code}"))
        }
        code => PortError::Transient(format!("{what}: {}", code.unwrap_or("no answer"))),
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

fn number_of<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn read(item: &Item) -> Result<Circuit, PortError> {
    let corrupt = |what: &str| PortError::Refused(format!("circuit_breakers: {what}"));
    let key = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| CircuitKey::parse(pk));
    let mut circuit = Circuit::new(key.ok_or_else(|| corrupt("an item without a circuit's name"))?);
    if let Some(rules) = item.get("decided").and_then(|rules| rules.as_s().ok()) {
        let rules: Rules = serde_json::from_str(rules).map_err(|cause| corrupt(&cause.to_string()))?;
        (circuit.mode, circuit.phase, circuit.history) = (rules.mode, rules.phase, rules.history);
    }
    circuit.epoch = number_of(item, "epoch").unwrap_or(0);
    circuit.announced = number_of(item, "announced").unwrap_or(0);
    circuit.troubled = item
        .get("troubled")
        .and_then(|set| set.as_ss().ok())
        .map(|set| set.iter().cloned().collect::<BTreeSet<String>>())
        .unwrap_or_default();
    let bucket = |place: i64| {
        let counts =
            Counts { calls: number_of(item, &format!("c{place}"))?, failures: number_of(item, &format!("f{place}"))? };
        Some(Bucket { slot: number_of(item, &format!("t{place}"))?, counts })
    };
    circuit.window = Window((0..BUCKETS).filter_map(bucket).collect());
    Ok(circuit)
}

impl DynamoCircuits {
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    fn update(&self, key: &CircuitKey) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("pk", text(key.to_string()))
    }

    /// The item after an update; none when its condition did not hold.
    async fn send(&self, request: UpdateItemFluentBuilder) -> Result<Option<Item>, PortError> {
        match request.return_values(ReturnValue::AllNew).send().await {
            Ok(done) => Ok(Some(done.attributes.unwrap_or_default())),
            Err(refused) if refused.code() == Some(REFUSED) => Ok(None),
            Err(failed) => Err(error("circuit_breakers", &failed)),
        }
    }
}

#[async_trait]
impl CircuitStore for DynamoCircuits {
    async fn read(&self, keys: &[CircuitKey]) -> Result<Vec<Circuit>, PortError> {
        let mut found: HashMap<CircuitKey, Circuit> = HashMap::new();
        // As many as one call takes.
        for some in keys.chunks(100) {
            let wanted = some.iter().map(|key| Item::from([("pk".to_owned(), text(key.to_string()))])).collect();
            let wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(wanted)).build();
            let wanted = wanted.map_err(|cause| PortError::Refused(cause.to_string()))?;
            let answer = self.client.batch_get_item().request_items(&self.table, wanted).send().await;
            let answer = answer.map_err(|failed| error("circuit_breakers", &failed))?;
            if answer.unprocessed_keys().is_some_and(|left| !left.is_empty()) {
                return Err(PortError::Transient("circuit_breakers: throttled".to_owned()));
            }
            for item in answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default() {
                let circuit = read(&item)?;
                found.insert(circuit.key.clone(), circuit);
            }
        }
        Ok(keys.iter().map(|key| found.remove(key).unwrap_or_else(|| Circuit::new(key.clone()))).collect())
    }

    async fn add(&self, key: &CircuitKey, slot: i64, counts: Counts) -> Result<Circuit, PortError> {
        let place = Window::place(slot);
        let named = |request: UpdateItemFluentBuilder| {
            request
                .expression_attribute_values(":slot", number(slot))
                .expression_attribute_values(":calls", number(counts.calls))
                .expression_attribute_values(":failures", number(counts.failures))
        };
        for _ in 0..MAX_TRIES {
            let add = self
                .update(key)
                .update_expression(format!("ADD c{place} :calls, f{place} :failures"))
                .condition_expression(format!("t{place} = :slot"));
            if let Some(item) = self.send(named(add)).await? {
                return read(&item);
            }
            let begin = self
                .update(key)
                .update_expression(format!("SET t{place} = :slot, c{place} = :calls, f{place} = :failures"))
                .condition_expression(format!("attribute_not_exists(t{place}) OR t{place} < :slot"));
            if let Some(item) = self.send(named(begin)).await? {
                return read(&item);
            }
            // Somebody began the bucket between the two writes, or it stands for a later time already.
            let circuits = self.read(std::slice::from_ref(key)).await?;
            let passed = |circuit: &Circuit| {
                circuit.window.0.iter().any(|bucket| Window::place(bucket.slot) == place && bucket.slot > slot)
            };
            if let Some(circuit) = circuits.into_iter().next().filter(passed) {
                return Ok(circuit);
            }
        }
        Err(PortError::Transient(format!("circuit_breakers: the window of {key} kept changing")))
    }

    async fn write(&self, next: &Circuit) -> Result<bool, PortError> {
        let rules = Rules { mode: next.mode, phase: next.phase.clone(), history: next.history.clone() };
        let rules = serde_json::to_string(&rules).map_err(|cause| PortError::Refused(cause.to_string()))?;
        let mut expression = "SET epoch = :epoch, decided = :decided, #state = :state".to_owned();
        if next.phase == Phase::Closed {
            let buckets = (0..BUCKETS).flat_map(|place| ["t", "c", "f"].map(|name| format!("{name}{place}")));
            let removed: Vec<String> = buckets.chain(["troubled".to_owned()]).collect();
            expression.push_str(&format!(" REMOVE {}", removed.join(", ")));
        }
        let before = next.epoch.saturating_sub(1);
        let condition = if before == 0 { "attribute_not_exists(epoch)" } else { "epoch = :before" };
        let mut request = self
            .update(&next.key)
            .update_expression(expression)
            .condition_expression(condition)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":epoch", number(next.epoch))
            .expression_attribute_values(":decided", text(rules))
            .expression_attribute_values(":state", text(next.phase.as_str()));
        if before > 0 {
            request = request.expression_attribute_values(":before", number(before));
        }
        Ok(self.send(request).await?.is_some())
    }

    async fn trouble(&self, provider: &CircuitKey, tenant: &TenantId, open: bool) -> Result<Circuit, PortError> {
        let verb = if open { "ADD" } else { "DELETE" };
        let one = AttributeValue::Ss(vec![tenant.to_string()]);
        let request = self
            .update(provider)
            .update_expression(format!("{verb} troubled :one"))
            .expression_attribute_values(":one", one);
        match self.send(request).await? {
            Some(item) => read(&item),
            None => Ok(Circuit::new(provider.clone())),
        }
    }

    async fn announced(&self, key: &CircuitKey, epoch: u64) -> Result<(), PortError> {
        let request = self
            .update(key)
            .update_expression("SET announced = :epoch")
            .condition_expression("attribute_not_exists(announced) OR announced < :epoch")
            .expression_attribute_values(":epoch", number(epoch));
        self.send(request).await.map(|_| ())
    }

    async fn list(&self, limit: u32, after: Option<String>) -> Result<(Vec<Circuit>, Option<String>), PortError> {
        let start = after.map(|pk| Item::from([("pk".to_owned(), text(pk))]));
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let request = self.client.scan().table_name(&self.table).limit(limit).set_exclusive_start_key(start);
        let page = request.send().await.map_err(|failed| error("circuit_breakers", &failed))?;
        let next = page.last_evaluated_key().and_then(|key| key.get("pk")?.as_s().ok().cloned());
        let circuits: Result<Vec<Circuit>, PortError> = page.items().iter().map(read).collect();
        Ok((circuits?, next))
    }
}
