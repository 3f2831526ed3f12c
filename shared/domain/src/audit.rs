//! Events of an `audit` stream: what operators did with a tenant's data. One stream per tenant and day; never folded.

use crate::aggregate::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Aggregate type of the streams; the id is the day, `yyyymmdd` in UTC.
pub const AUDIT: &str = "audit";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum AuditEvent {
    /// A call with a platform key that names this tenant.
    AdminAccessed { route: String, key_id: String },
}

impl Event for AuditEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::AdminAccessed { .. } => "AdminAccessed",
        }
    }
}
