//! The doorbell as it comes over the event bus: which stream has moved, and how far.

use domain::TenantId;
use event_store::StreamKey;
use serde::{Deserialize, Serialize};

/// An event on the bus, as far as a projection reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusEvent {
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    pub source: String,
    pub detail: Moved,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub tenant_id: TenantId,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub version: u64,
}

impl Moved {
    #[must_use]
    pub fn stream(&self) -> StreamKey {
        StreamKey::new(&self.tenant_id, &self.aggregate_type, &self.aggregate_id)
    }
}

impl BusEvent {
    /// What stands in the dead letter of a parked pair. Sent back to the projection's queue it unparks the pair.
    #[must_use]
    pub fn parked(stream: &StreamKey, position: u64) -> Self {
        let detail = Moved {
            tenant_id: stream.tenant.clone(),
            aggregate_type: stream.aggregate_type.clone(),
            aggregate_id: stream.aggregate_id.clone(),
            version: position,
        };
        Self { detail_type: "ProjectionParked".to_owned(), source: "settler".to_owned(), detail }
    }
}
