//! What operators ask of the function that writes read models.

use domain::TenantId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Go on with the projection's rebuild.
    Rebuild { projection: String },
    /// Pull a parked pair again, in the live version.
    Unpark { projection: String, tenant_id: TenantId, aggregate_id: String },
}
