//! The event bus behind a port with one verb.

use async_trait::async_trait;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use serde::Serialize;

/// Most entries that PutEvents takes in one call.
pub const MAX_ENTRIES: usize = 10;
/// What consumers match on.
const SOURCE: &str = "settler";

/// Says that a stream has moved. No data: a consumer reads the stream. `prev_version` lets it see that it has missed
/// something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    pub tenant_id: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub version: u64,
    pub prev_version: u64,
    /// Distinct types of the commit's events, in order.
    pub event_types: Vec<String>,
    pub correlation_id: String,
}

/// One event on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub event_type: String,
    pub detail: Detail,
}

#[async_trait]
pub trait Bus: Send + Sync {
    /// Puts at most [`MAX_ENTRIES`] entries and says for each whether it was taken.
    async fn put(&self, entries: &[Entry]) -> Vec<Result<(), String>>;
}

#[derive(Debug)]
pub struct EventBridge {
    client: Client,
    bus_name: String,
}

impl EventBridge {
    pub fn new(client: Client, bus_name: String) -> Self {
        Self { client, bus_name }
    }

    async fn try_put(&self, entries: &[Entry]) -> Result<Vec<Result<(), String>>, String> {
        let mut call = self.client.put_events();
        for entry in entries {
            let detail = serde_json::to_string(&entry.detail).map_err(|cause| cause.to_string())?;
            let request = PutEventsRequestEntry::builder().event_bus_name(&self.bus_name).source(SOURCE);
            call = call.entries(request.detail_type(&entry.event_type).detail(detail).build());
        }
        let output =
            call.send().await.map_err(|error| aws_sdk_eventbridge::error::DisplayErrorContext(error).to_string())?;
        let taken = output.entries().iter().map(|entry| match entry.error_code() {
            None => Ok(()),
            Some(code) => Err(format!("{code}: {}", entry.error_message().unwrap_or_default())),
        });
        let taken: Vec<_> = taken.collect();
        if taken.len() == entries.len() {
            Ok(taken)
        } else {
            Err(format!("{} entries, {} answers", entries.len(), taken.len()))
        }
    }
}

#[async_trait]
impl Bus for EventBridge {
    async fn put(&self, entries: &[Entry]) -> Vec<Result<(), String>> {
        self.try_put(entries).await.unwrap_or_else(|cause| vec![Err(cause); entries.len()])
    }
}
