//! What the state machine hands to every step. Ids and cursors only: records travel by reference.

use domain::{AttemptNumber, CorrelationId, ReconciliationId, TenantId};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Version of the input's shape. A function accepts this one and the one before, so that a deployment may happen while
/// runs are under way.
pub const SCHEMA: u32 = 1;

fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let schema = u32::deserialize(deserializer)?;
    if schema == SCHEMA || schema.checked_add(1) == Some(SCHEMA) {
        return Ok(schema);
    }
    Err(D::Error::custom(format!(
        "schema {schema} of the state machine's input is unknown to this release, which knows {SCHEMA} and the one before"
    )))
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInput {
    #[serde(deserialize_with = "known")]
    pub schema: u32,
    pub tenant_id: TenantId,
    pub reconciliation_id: ReconciliationId,
    pub attempt: AttemptNumber,
    pub correlation_id: CorrelationId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_input_of_an_unknown_schema_is_refused() {
        let input = |schema: u32| json!({"schema": schema, "tenant_id": "acme", "reconciliation_id": "march", "attempt": 1, "correlation_id": "c"});
        let read = |schema: u32| serde_json::from_value::<StepInput>(input(schema)).map(|input| input.schema);
        assert_eq!(read(SCHEMA).unwrap(), SCHEMA);
        assert_eq!(read(SCHEMA - 1).unwrap(), SCHEMA - 1);
        for unknown in [SCHEMA + 1, u32::MAX - 1] {
            assert!(read(unknown).unwrap_err().to_string().contains("unknown to this release"), "{unknown}");
        }
    }
}
