//! Dead letters in DynamoDB, and their payloads in the data bucket where they are large.
//!
//! `pk` `T#<tenant>#L`, or `L#-` where no tenant can be told · `sk` id. Index `by_id`: id. Index `by_state`: state and
//! last_seen, without the payload.

use super::{
    DeadLetter, DeadLetters,
    entry::{Entry, LetterFilter, LetterState},
    store::{LetterStore, Page},
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use domain::{
    TenantId, Timestamp,
    ports::{Blobs, PortError},
};
use std::{collections::HashMap, sync::Arc};

type Item = HashMap<String, AttributeValue>;

/// Payloads above this many bytes go into the bucket: a read of the table stays within a few units.
const MAX_INLINE_BYTES: usize = 16 * 1024;
const REFUSED: &str = "ConditionalCheckFailedException";

#[derive(Clone)]
pub struct DynamoLetters {
    client: Client,
    table: String,
    blobs: Arc<dyn Blobs>,
}

impl std::fmt::Debug for DynamoLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoLetters").field("table", &self.table).finish_non_exhaustive()
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

fn error<E: ProvideErrorMetadata>(failed: &SdkError<E>) -> PortError {
    match failed.code() {
        Some(code @ ("AccessDeniedException" | "ValidationException" | "ResourceNotFoundException")) => {
            PortError::Refused(format!("dead_letter_queue: {code}"))
        }
        code => PortError::Transient(format!("dead_letter_queue: {}", code.unwrap_or("no answer"))),
    }
}

fn partition(tenant: Option<&TenantId>) -> String {
    tenant.map_or_else(|| "L#-".to_owned(), |tenant| format!("T#{tenant}#L"))
}

/// Fields of an item with what is missing named.
struct Fields<'a>(&'a Item);

impl Fields<'_> {
    fn maybe(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_s().ok().cloned()
    }

    fn text(&self, name: &str) -> Result<String, PortError> {
        self.maybe(name).ok_or_else(|| PortError::Refused(format!("dead_letter_queue: an item without {name}")))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, PortError> {
        let found = self.0.get(name).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
        found.ok_or_else(|| PortError::Refused(format!("dead_letter_queue: an item without {name}")))
    }

    fn maybe_time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(&self.maybe(name)?).ok()
    }

    fn time(&self, name: &str) -> Result<Timestamp, PortError> {
        Timestamp::parse(&self.text(name)?).map_err(|cause| PortError::Refused(format!("dead_letter_queue: {cause}")))
    }

    fn entry(&self) -> Result<Entry, PortError> {
        let state = self.text("state")?;
        Ok(Entry {
            letter: DeadLetter {
                id: self.text("sk")?,
                occurrence: self.maybe("occurrence").unwrap_or_default(),
                source: self.text("source")?,
                tenant_id: self.maybe("tenant_id").and_then(|tenant| TenantId::parse(tenant).ok()),
                correlation_id: self.maybe("correlation_id"),
                saga_id: self.maybe("saga_id"),
                event_id: self.maybe("event_id"),
                error_type: self.text("error_type")?,
                error_message: self.text("error_message")?,
                payload: self.maybe("payload").unwrap_or_default(),
                retry_count: self.number("retry_count")?,
                max_retries: self.number("max_retries")?,
                first_seen: self.time("first_seen")?,
                last_seen: self.time("last_seen")?,
            },
            state: LetterState::parse(&state)
                .ok_or_else(|| PortError::Refused(format!("dead_letter_queue: state {state}")))?,
            created_at: self.time("created_at")?,
            returns: self.number("returns")?,
            revision: self.number("revision")?,
            payload_ref: self.maybe("payload_ref"),
            redriven_at: self.maybe_time("redriven_at"),
            resolved_at: self.maybe_time("resolved_at"),
            resolution_notes: self.maybe("resolution_notes"),
            by: self.maybe("by"),
        })
    }
}

impl DynamoLetters {
    #[must_use]
    pub fn new(client: Client, table: String, blobs: Arc<dyn Blobs>) -> Self {
        Self { client, table, blobs }
    }

    async fn item(&self, tenant: Option<&TenantId>, id: &str) -> Result<Option<Item>, PortError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.key("pk", text(partition(tenant))).key("sk", text(id)).send().await;
        Ok(answer.map_err(|failed| error(&failed))?.item)
    }

    fn new_item(entry: &Entry) -> Item {
        let letter = &entry.letter;
        let mut item = Item::from([
            ("pk".to_owned(), text(partition(letter.tenant_id.as_ref()))),
            ("sk".to_owned(), text(&letter.id)),
            ("id".to_owned(), text(&letter.id)),
            ("occurrence".to_owned(), text(&letter.occurrence)),
            ("source".to_owned(), text(&letter.source)),
            ("error_type".to_owned(), text(&letter.error_type)),
            ("error_message".to_owned(), text(&letter.error_message)),
            ("retry_count".to_owned(), number(letter.retry_count)),
            ("max_retries".to_owned(), number(letter.max_retries)),
            ("first_seen".to_owned(), text(letter.first_seen)),
            ("last_seen".to_owned(), text(letter.last_seen)),
            ("state".to_owned(), text(entry.state.as_str())),
            ("created_at".to_owned(), text(entry.created_at)),
            ("returns".to_owned(), number(entry.returns)),
            ("revision".to_owned(), number(entry.revision)),
        ]);
        let optional = [
            ("tenant_id", letter.tenant_id.as_ref().map(ToString::to_string)),
            ("correlation_id", letter.correlation_id.clone()),
            ("saga_id", letter.saga_id.clone()),
            ("event_id", letter.event_id.clone()),
            ("payload_ref", entry.payload_ref.clone()),
            ("payload", entry.payload_ref.is_none().then(|| letter.payload.clone())),
            ("redriven_at", entry.redriven_at.map(|at| at.to_string())),
            ("resolved_at", entry.resolved_at.map(|at| at.to_string())),
            ("resolution_notes", entry.resolution_notes.clone()),
            ("by", entry.by.clone()),
        ];
        item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))));
        item
    }

    /// Puts an entry if the letter is at the revision before it.
    async fn put(&self, entry: &Entry) -> Result<bool, PortError> {
        let before = entry.revision.saturating_sub(1);
        let mut request = self.client.put_item().table_name(&self.table).set_item(Some(Self::new_item(entry)));
        request = if before == 0 {
            request.condition_expression("attribute_not_exists(pk)")
        } else {
            request.condition_expression("revision = :before").expression_attribute_values(":before", number(before))
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(refused) if refused.code() == Some(REFUSED) => Ok(false),
            Err(failed) => Err(error(&failed)),
        }
    }

    async fn query(
        &self,
        filter: &LetterFilter,
        state: LetterState,
        limit: usize,
        after: Option<Item>,
    ) -> Result<(Vec<Entry>, Option<Item>), PortError> {
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_state")
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.as_str()));
        let mut key = "#state = :state".to_owned();
        if let Some(before) = filter.before {
            key.push_str(" AND last_seen < :before");
            request = request.expression_attribute_values(":before", text(before));
        }
        let mut conditions = Vec::new();
        let tenant = filter.tenant.as_ref().map(ToString::to_string);
        for (name, value) in [("source", &filter.source), ("error_type", &filter.error_type), ("tenant_id", &tenant)] {
            if let Some(value) = value {
                conditions.push(format!("#{name} = :{name}"));
                request = request.expression_attribute_names(format!("#{name}"), name);
                request = request.expression_attribute_values(format!(":{name}"), text(value));
            }
        }
        let filter = (!conditions.is_empty()).then(|| conditions.join(" AND "));
        let request = request.key_condition_expression(key).set_filter_expression(filter);
        let page = request.send().await.map_err(|failed| error(&failed))?;
        let entries: Result<Vec<Entry>, PortError> = page.items().iter().map(listed).collect();
        Ok((entries?, page.last_evaluated_key.filter(|key| !key.is_empty())))
    }
}

/// An entry without its payload, which an index need not hold.
fn listed(item: &Item) -> Result<Entry, PortError> {
    let mut entry = Fields(item).entry()?;
    entry.letter.payload.clear();
    Ok(entry)
}

/// Where a list goes on: within a state, behind a key of the index; or at the beginning of a state.
fn write_place(state: LetterState, key: Option<&Item>) -> String {
    let mut place = serde_json::Map::from_iter([("state".to_owned(), state.as_str().into())]);
    for (name, value) in key.into_iter().flatten() {
        if let Ok(value) = value.as_s() {
            place.insert(format!("k_{name}"), value.clone().into());
        }
    }
    serde_json::Value::Object(place).to_string()
}

fn read_place(place: &str) -> Option<(LetterState, Option<Item>)> {
    let place: HashMap<String, String> = serde_json::from_str(place).ok()?;
    let state = LetterState::parse(place.get("state")?)?;
    let key: Item =
        place.iter().filter_map(|(name, value)| Some((name.strip_prefix("k_")?.to_owned(), text(value)))).collect();
    Some((state, (!key.is_empty()).then_some(key)))
}

#[async_trait]
impl DeadLetters for DynamoLetters {
    async fn write(&self, letter: &DeadLetter) -> Result<(), PortError> {
        const MAX_TRIES: u32 = 4;
        for _ in 0..MAX_TRIES {
            let known = self.item(letter.tenant_id.as_ref(), &letter.id).await?;
            let known = known.map(|item| Fields(&item).entry()).transpose()?;
            let Some(mut entry) = super::memory::written(known.as_ref(), letter) else { return Ok(()) };
            if letter.payload.len() > MAX_INLINE_BYTES {
                let key = format!("dead-letters/{}/{}", letter.id, super::letter_id("payload", &letter.payload));
                self.blobs.put(&key, "application/octet-stream", letter.payload.clone().into_bytes()).await?;
                entry.payload_ref = Some(key);
            }
            if self.put(&entry).await? {
                return Ok(());
            }
        }
        Err(PortError::Transient(format!("dead_letter_queue: {} kept changing", letter.id)))
    }
}

#[async_trait]
impl LetterStore for DynamoLetters {
    async fn get(&self, id: &str) -> Result<Option<Entry>, PortError> {
        let request = self.client.query().table_name(&self.table).index_name("by_id").limit(1);
        let request = request.key_condition_expression("id = :id").expression_attribute_values(":id", text(id));
        let found = request.send().await.map_err(|failed| error(&failed))?;
        let Some(pk) = found.items().first().and_then(|item| item.get("pk")) else { return Ok(None) };
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.key("pk", pk.clone()).key("sk", text(id)).send().await;
        let Some(item) = answer.map_err(|failed| error(&failed))?.item else { return Ok(None) };
        let mut entry = Fields(&item).entry()?;
        if let Some(key) = &entry.payload_ref {
            let payload = self.blobs.get(key).await?;
            entry.letter.payload = String::from_utf8_lossy(&payload).into_owned();
        }
        Ok(Some(entry))
    }

    async fn list(&self, filter: &LetterFilter, limit: u32, after: Option<String>) -> Result<Page, PortError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let all = LetterState::ALL.as_slice();
        let states = filter.state.as_ref().map_or(all, std::slice::from_ref);
        let (first, mut key) = match after {
            None => (states.first().copied(), None),
            Some(place) => {
                let place = read_place(&place);
                let (state, key) = place.ok_or_else(|| PortError::Refused("not a place in this list".to_owned()))?;
                (Some(state), key)
            }
        };
        let mut found = Vec::new();
        for state in states.iter().copied().skip_while(|state| Some(*state) != first) {
            loop {
                if found.len() >= limit {
                    return Ok((found, Some(write_place(state, key.as_ref()))));
                }
                let (entries, next) = self.query(filter, state, limit - found.len(), key.take()).await?;
                found.extend(entries);
                key = next;
                if key.is_none() {
                    break;
                }
            }
        }
        Ok((found, None))
    }

    async fn change(&self, next: &Entry) -> Result<bool, PortError> {
        self.put(next).await
    }
}
