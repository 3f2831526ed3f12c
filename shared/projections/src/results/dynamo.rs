//! Result pages in DynamoDB.

use super::{
    Position, ResultList, ResultPages, ResultRows,
    pack::{Chunk, Reading, pack},
    partition,
};
use crate::{
    dynamo::{Item, fault, number, number_of, text, write_units},
    store::Fault,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::{AttributeValue, PutRequest, ReturnConsumedCapacity, WriteRequest},
};
use domain::{AttemptNumber, ReconciliationId, TenantId};
use event_store::Units;
use rand::Rng;
use serde_json::Value;
use std::{collections::HashMap, time::Duration};

/// Most items that DynamoDB takes in one batch.
const BATCH_ITEMS: usize = 25;
/// Tries for what a batch leaves unprocessed, before the step's own retry takes over.
const MAX_TRIES: u32 = 8;
/// Upper bound of the first pause; doubles with each try.
const FIRST_PAUSE_MS: u64 = 25;
/// Chunks per read: a page is two chunks at most, unless chunks were halved.
const CHUNKS_PER_READ: i32 = 2;

#[derive(Debug, Clone)]
pub struct DynamoResultPages {
    client: Client,
    exceptions: String,
    order_results: String,
}

impl DynamoResultPages {
    /// On the tables `exceptions` and `order_results`, by the names that the template passes.
    pub fn new(client: Client, exceptions: impl Into<String>, order_results: impl Into<String>) -> Self {
        Self { client, exceptions: exceptions.into(), order_results: order_results.into() }
    }

    fn table(&self, list: ResultList) -> &str {
        match list {
            ResultList::Suggested | ResultList::Unmatched | ResultList::Excluded => &self.exceptions,
            ResultList::Orders(_) => &self.order_results,
        }
    }

    /// Sends a batch until all of it is taken.
    async fn send(&self, table: &str, mut requests: Vec<WriteRequest>) -> Result<Units, Fault> {
        let mut units = Units::default();
        for attempt in 0..MAX_TRIES {
            if attempt > 0 {
                let pause_ms = rand::rng().random_range(0..=FIRST_PAUSE_MS << attempt);
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            let batch = self.client.batch_write_item().request_items(table, requests);
            let output = batch
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|error| fault(&error))?;
            units = units.plus(write_units(output.consumed_capacity()));
            requests = output.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
            if requests.is_empty() {
                return Ok(units);
            }
        }
        Err(Fault::Busy(format!("{} chunks of a result were not taken", requests.len())))
    }

    /// Chunks from `first` on, with what reading them cost.
    async fn read(&self, table: &str, partition: &str, first: u32) -> Result<(Vec<Chunk>, Units), Fault> {
        let query = self
            .client
            .query()
            .table_name(table)
            .key_condition_expression("pk = :pk AND sk >= :sk")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":sk", text(sort_key(first)))
            .limit(CHUNKS_PER_READ)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let output = query.send().await.map_err(|error| fault(&error))?;
        let read_milli = event_store::milli(output.consumed_capacity.as_slice());
        let chunks = output.items.unwrap_or_default().iter().map(chunk_of).collect::<Result<_, _>>()?;
        Ok((chunks, Units { read_milli, write_milli: 0 }))
    }
}

fn sort_key(chunk: u32) -> String {
    format!("{chunk:06}")
}

fn request(partition: &str, chunk: Chunk) -> Result<WriteRequest, Fault> {
    let item = HashMap::from([
        ("pk".to_owned(), text(partition)),
        ("sk".to_owned(), text(sort_key(chunk.number))),
        ("of".to_owned(), number(chunk.of)),
        ("rows".to_owned(), number(chunk.rows)),
        ("b".to_owned(), AttributeValue::B(Blob::new(chunk.body))),
    ]);
    let put = PutRequest::builder().set_item(Some(item)).build().map_err(|cause| Fault::Refused(cause.to_string()))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn chunk_of(item: &Item) -> Result<Chunk, Fault> {
    let missing = |name: &str| Fault::Corrupt(format!("attribute {name} of a result's chunk is missing"));
    let sort = crate::dynamo::text_of(item, "sk")?;
    let body = item.get("b").and_then(|value| value.as_b().ok()).ok_or_else(|| missing("b"))?;
    Ok(Chunk {
        number: sort.parse().map_err(|_| Fault::Corrupt(format!("`{sort}` is no chunk number")))?,
        of: number_of(item, "of")?.ok_or_else(|| missing("of"))?,
        rows: number_of(item, "rows")?.ok_or_else(|| missing("rows"))?,
        body: body.as_ref().to_vec(),
    })
}

#[async_trait]
impl ResultPages for DynamoResultPages {
    async fn write(
        &self,
        tenant: &TenantId,
        reconciliation: &ReconciliationId,
        attempt: AttemptNumber,
        list: ResultList,
        rows: &[Value],
    ) -> Result<Units, Fault> {
        let partition = partition(tenant, reconciliation, attempt, list);
        let requests =
            pack(rows)?.into_iter().map(|chunk| request(&partition, chunk)).collect::<Result<Vec<_>, _>>()?;
        let mut units = Units::default();
        for batch in requests.chunks(BATCH_ITEMS) {
            units = units.plus(self.send(self.table(list), batch.to_vec()).await?);
        }
        Ok(units)
    }

    async fn page(
        &self,
        tenant: &TenantId,
        reconciliation: &ReconciliationId,
        attempt: AttemptNumber,
        list: ResultList,
        limit: u32,
        position: Position,
    ) -> Result<ResultRows, Fault> {
        let partition = partition(tenant, reconciliation, attempt, list);
        let mut reading = Reading::new(limit, position);
        let (mut units, mut complete) = (Units::default(), false);
        while !complete {
            let (chunks, spent) = self.read(self.table(list), &partition, reading.chunk()).await?;
            units = units.plus(spent);
            complete = reading.take(chunks.first())?;
            for chunk in chunks.iter().skip(1) {
                complete = complete || reading.take(Some(chunk))?;
            }
        }
        Ok(reading.done(units))
    }
}
