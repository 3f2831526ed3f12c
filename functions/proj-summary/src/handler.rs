//! Translates a batch of stream records into doorbells, and what became of them into the batch's answer.
//!
//! Several records of one stream are one doorbell, at the highest version among them. A doorbell that fails is reported
//! by the sequence number of its first record. Where partial answers are not understood (the local emulator) a reported
//! record is not sent again; so transient failures are tried again here first, and a batch of which nothing succeeded
//! fails as a whole.

use aws_lambda_events::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use domain::{ErrorName, Timestamp};
use event_store::{HeadChange, HeadImage, StreamKey};
use lambda_runtime::LambdaEvent;
use projections::{Engine, PullError};
use runtime::{
    FunctionError, function_error,
    observe::{Context, projection_lag},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tracing::Instrument;

/// Streams that are pulled side by side.
const PULLS_AT_ONCE: usize = 16;
/// Tries per doorbell within one call.
const TRIES: u32 = 3;
/// Pause before the second try; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Handler {
    engine: Arc<Engine>,
}

/// A stream that has rung in this batch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Doorbell {
    stream: StreamKey,
    version: u64,
    /// Of the first record: from there on the batch is sent again.
    sequence_number: Option<String>,
    correlation_id: String,
    /// When the first record was written.
    written: Option<Timestamp>,
}

/// None for a record that is no doorbell: a removed head, or one that cannot be read.
fn head(record: &EventRecord) -> Option<HeadChange> {
    if record.change.new_image.is_empty() {
        return None;
    }
    let image: Result<HeadImage, _> = serde_dynamo::from_item(record.change.new_image.clone());
    let change = image
        .map_err(|cause| cause.to_string())
        .and_then(|image| HeadChange::try_from(image).map_err(|cause| cause.to_string()));
    // Sending it again would not make it readable; comparing heads with checkpoints finds what it would have said.
    change
        .inspect_err(|cause| {
            tracing::error!(sequence_number = record.change.sequence_number, cause, "head cannot be read");
        })
        .ok()
}

fn doorbells(event: &Event) -> Vec<Doorbell> {
    let mut rung: BTreeMap<StreamKey, Doorbell> = BTreeMap::new();
    for record in &event.records {
        let Some(change) = head(record) else { continue };
        let sequence_number = record.change.sequence_number.clone();
        let written = Some(Timestamp::from_millis(record.change.approximate_creation_date_time.timestamp_millis()));
        let first = || Doorbell {
            stream: change.stream.clone(),
            version: 0,
            sequence_number,
            correlation_id: change.correlation_id.clone(),
            written,
        };
        let doorbell = rung.entry(change.stream.clone()).or_insert_with(first);
        doorbell.version = doorbell.version.max(change.version);
    }
    rung.into_values().collect()
}

async fn answer(engine: &Engine, doorbell: &Doorbell) -> Result<(), PullError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match engine.ring(&doorbell.stream, doorbell.version).await {
            Err(PullError::Transient { .. }) => tokio::time::sleep(pause).await,
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        }
        pause *= 2;
    }
    engine.ring(&doorbell.stream, doorbell.version).await.map(|_| ())
}

impl Handler {
    pub fn new(engine: Engine) -> Self {
        Self { engine: Arc::new(engine) }
    }

    /// # Errors
    /// [`ErrorName::Transient`] when no doorbell of the batch could be answered.
    pub async fn handle(&self, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, FunctionError> {
        let doorbells = doorbells(&event.payload);
        let mut failed = Vec::new();
        for some in doorbells.chunks(PULLS_AT_ONCE) {
            failed.extend(self.answer_all(some).await);
        }
        if !failed.is_empty() && failed.len() == doorbells.len() {
            return Err(function_error(
                ErrorName::Transient,
                format!("none of {} streams could be pulled", failed.len()),
            ));
        }
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures = failed.into_iter().map(failure).collect();
        Ok(response)
    }

    /// The doorbells that failed.
    async fn answer_all(&self, doorbells: &[Doorbell]) -> Vec<Doorbell> {
        let mut pulls = JoinSet::new();
        for doorbell in doorbells.iter().cloned() {
            let engine = Arc::clone(&self.engine);
            let span = context(&doorbell).span();
            let pull = async move {
                let answered = answer(&engine, &doorbell).await;
                match answered {
                    Ok(()) => {
                        tracing::info!(stream = doorbell.stream.aggregate_type, version = doorbell.version, "pulled");
                        doorbell.written.into_iter().for_each(projection_lag);
                        None
                    }
                    Err(error) => {
                        tracing::warn!(%error, "doorbell failed");
                        Some(doorbell)
                    }
                }
            };
            pulls.spawn(pull.instrument(span));
        }
        let mut failed = Vec::new();
        let mut panicked = false;
        while let Some(pulled) = pulls.join_next().await {
            match pulled {
                Ok(doorbell) => failed.extend(doorbell),
                Err(cause) => {
                    tracing::error!(%cause, "a pull ended early");
                    panicked = true;
                }
            }
        }
        // Which one panicked is not known any more; pulling again costs a read each.
        if panicked { doorbells.to_vec() } else { failed }
    }
}

/// Whose stream has rung.
fn context(doorbell: &Doorbell) -> Context {
    let stream = &doorbell.stream;
    Context::of_stream(stream.tenant.as_str(), &stream.aggregate_type, &stream.aggregate_id, &doorbell.correlation_id)
}

fn failure(doorbell: Doorbell) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = doorbell.sequence_number;
    failure
}

#[cfg(test)]
mod tests;
