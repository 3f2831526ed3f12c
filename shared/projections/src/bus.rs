//! The doorbell as it comes over the event bus: which stream has moved, and how far.

use domain::TenantId;
use event_store::StreamKey;
use serde::Deserialize;

/// The detail of a bus event, as far as a projection reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
