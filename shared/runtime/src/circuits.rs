//! The breaker on AWS: its table, and the bus that is told of its transitions.

use crate::{SdkConfig, Settings, SystemClock, UuidIds};
use async_trait::async_trait;
use aws_sdk_eventbridge::{Client, error::DisplayErrorContext, types::PutEventsRequestEntry};
use domain::ports::PortError;
use resilience::breaker::{Announce, Announcement, Breakers, DynamoCircuits, Policy};
use serde_json::json;
use std::sync::Arc;

/// What consumers match on, as for every event of ours.
const SOURCE: &str = "settler";
/// Most entries that PutEvents takes in one call.
const MAX_ENTRIES: usize = 10;

#[derive(Debug, Clone)]
pub struct CircuitBus {
    client: Client,
    bus_name: String,
}

#[async_trait]
impl Announce for CircuitBus {
    async fn announce(&self, announcements: &[Announcement]) -> Result<(), PortError> {
        for some in announcements.chunks(MAX_ENTRIES) {
            let mut call = self.client.put_events();
            for Announcement { key, transition } in some {
                let detail = json!({ "circuit": key, "provider": key.provider, "tenant_id": key.tenant, "transition": transition });
                let announcement = Announcement { key: key.clone(), transition: transition.clone() };
                let entry = PutEventsRequestEntry::builder().event_bus_name(&self.bus_name).source(SOURCE);
                call = call.entries(entry.detail_type(announcement.event_type()).detail(detail.to_string()).build());
            }
            let answer = call.send().await;
            let answer = answer.map_err(|error| PortError::Transient(DisplayErrorContext(&error).to_string()))?;
            if answer.failed_entry_count() > 0 {
                return Err(PortError::Transient("the event bus did not take every circuit's change".to_owned()));
            }
        }
        Ok(())
    }
}

/// Breakers on `CIRCUIT_BREAKERS_TABLE`, which tell `EVENT_BUS_NAME`, by the numbers of `BREAKER_…`.
///
/// # Errors
/// Every missing setting at once, or a number out of its range.
pub fn breakers(aws: &SdkConfig, settings: &Settings) -> Result<Breakers, Box<dyn std::error::Error + Send + Sync>> {
    let [table, bus_name] = settings.require(["CIRCUIT_BREAKERS_TABLE", "EVENT_BUS_NAME"])?;
    Ok(Breakers {
        store: Arc::new(DynamoCircuits::new(crate::dynamodb(aws), table)),
        bus: Arc::new(CircuitBus { client: Client::new(aws), bus_name }),
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidIds),
        policy: Policy::read(|name| settings.optional(name))?,
    })
}
