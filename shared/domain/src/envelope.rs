//! The event envelope: what every event carries besides its own data.

use crate::{
    ids::{CorrelationId, TenantId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Who, when, and following what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    pub tenant_id: TenantId,
    /// The acting person or key, if a person or key acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    pub timestamp: Timestamp,
    pub correlation_id: CorrelationId,
    /// The event or command that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
}

/// One event as the outside sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventEnvelope {
    /// `UUIDv5(commit id, index in the commit)`: derived, never stored.
    pub id: Uuid,
    pub aggregate_id: String,
    pub aggregate_type: String,
    /// Position in the aggregate's stream, from 1, without gaps.
    pub sequence: u64,
    pub event_type: String,
    pub event_version: u16,
    pub data: Value,
    pub metadata: Metadata,
    pub created_at: Timestamp,
}
