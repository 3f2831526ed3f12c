//! What the state machine hands to every step. Ids and cursors only: records travel by reference.

use domain::{AttemptNumber, CorrelationId, ReconciliationId, TenantId};
use serde::{Deserialize, Serialize};

/// Version of the input's shape. A function accepts this one and the one before, so that a deployment may happen while
/// runs are under way.
pub const SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInput {
    pub schema: u32,
    pub tenant_id: TenantId,
    pub reconciliation_id: ReconciliationId,
    pub attempt: AttemptNumber,
    pub correlation_id: CorrelationId,
}
