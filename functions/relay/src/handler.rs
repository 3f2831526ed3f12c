//! Translates a batch of stream records into bus events, and what became of them into the batch's answer.
//!
//! A bus event is derived from the head alone: one per distinct event type of its last commit. Consumers take it for a
//! doorbell; they may see one twice, late or, after an outage of a day, never.

use crate::bus::{Bus, Detail, Entry, MAX_ENTRIES};
use aws_lambda_events::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use domain::{ErrorName, consumption::Resource};
use event_store::StreamKey;
use lambda_runtime::LambdaEvent;
use rand::Rng;
use runtime::{FunctionError, consumed, function_error, observe::Context};
use serde::Deserialize;
use std::{collections::BTreeSet, time::Duration};

/// Tries per entry within one call.
const TRIES: u32 = 4;
/// Upper bound of the first pause; doubles with each try.
const FIRST_PAUSE_MS: u64 = 50;

/// What the relay reads of a head.
#[derive(Debug, Deserialize)]
struct Head {
    s: String,
    v: u64,
    #[serde(default)]
    prev_v: u64,
    k: Vec<String>,
    cor: String,
}

#[derive(Debug)]
pub struct Handler<B> {
    bus: B,
}

/// One entry with the place of its record in the batch.
#[derive(Debug, Clone)]
struct Outgoing {
    record: usize,
    entry: Entry,
}

/// Types without their versions, each once, in order.
fn types(kinds: &[String]) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    for kind in kinds {
        let name = kind.split_once('@').map_or(kind.as_str(), |(name, _)| name);
        if !types.iter().any(|known| known == name) {
            types.push(name.to_owned());
        }
    }
    types
}

/// None for a record that is no doorbell: a removed head, or one that cannot be read.
fn detail(record: &EventRecord) -> Option<Detail> {
    if record.change.new_image.is_empty() {
        return None;
    }
    let unreadable =
        |cause: &str| tracing::error!(sequence_number = record.change.sequence_number, cause, "head cannot be read");
    let head: Head = serde_dynamo::from_item(record.change.new_image.clone())
        .inspect_err(|cause| unreadable(&cause.to_string()))
        .ok()?;
    let Some(stream) = StreamKey::parse(&head.s) else {
        unreadable("its key is not the key of a stream");
        return None;
    };
    Some(Detail {
        tenant_id: stream.tenant.to_string(),
        aggregate_type: stream.aggregate_type,
        aggregate_id: stream.aggregate_id,
        version: head.v,
        prev_version: head.prev_v,
        event_types: types(&head.k),
        correlation_id: head.cor,
    })
}

fn outgoing(event: &Event) -> Vec<Outgoing> {
    let details = event.records.iter().enumerate().filter_map(|(record, raw)| Some((record, detail(raw)?)));
    let entries = details.flat_map(|(record, detail)| {
        let types = detail.event_types.clone();
        types
            .into_iter()
            .map(move |event_type| Outgoing { record, entry: Entry { event_type, detail: detail.clone() } })
    });
    entries.collect()
}

impl<B: Bus> Handler<B> {
    pub fn new(bus: B) -> Self {
        Self { bus }
    }

    /// # Errors
    /// [`ErrorName::Transient`] when the bus took nothing of the batch.
    pub async fn handle(&self, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, FunctionError> {
        let all = outgoing(&event.payload);
        let sent = all.len();
        let failed = self.send(all).await;
        if sent > 0 && failed.len() == sent {
            return Err(function_error(ErrorName::Transient, format!("the event bus took none of {sent} events")));
        }
        let records: BTreeSet<usize> = failed.iter().map(|outgoing| outgoing.record).collect();
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures =
            records.into_iter().filter_map(|record| event.payload.records.get(record)).map(failure).collect();
        Ok(response)
    }

    /// Sends until everything is taken or the tries are used up; gives back what was not taken.
    async fn send(&self, mut waiting: Vec<Outgoing>) -> Vec<Outgoing> {
        for attempt in 0..TRIES {
            if waiting.is_empty() {
                break;
            }
            if attempt > 0 {
                let pause_ms = rand::rng().random_range(0..=FIRST_PAUSE_MS << attempt);
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            let mut refused = Vec::new();
            for some in waiting.chunks(MAX_ENTRIES) {
                let entries: Vec<Entry> = some.iter().map(|outgoing| outgoing.entry.clone()).collect();
                let taken = self.bus.put(&entries).await;
                for (outgoing, taken) in some.iter().zip(taken) {
                    let _entered = context(&outgoing.entry).entered();
                    if taken.is_ok() {
                        consumed(Resource::BusEvents, 1);
                        tracing::info!(event_type = outgoing.entry.event_type, "sent to the event bus");
                    }
                    if let Err(cause) = taken {
                        tracing::warn!(
                            attempt,
                            cause,
                            event_type = outgoing.entry.event_type,
                            "the event bus did not take an event"
                        );
                        refused.push(outgoing.clone());
                    }
                }
            }
            waiting = refused;
        }
        waiting
    }
}

fn context(entry: &Entry) -> tracing::Span {
    let Detail { tenant_id, aggregate_type, aggregate_id, correlation_id, .. } = &entry.detail;
    Context::of_stream(tenant_id, aggregate_type, aggregate_id, correlation_id).span()
}

fn failure(record: &EventRecord) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = record.change.sequence_number.clone();
    failure
}

#[cfg(test)]
mod tests;
