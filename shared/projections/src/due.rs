//! Sagas by when somebody should look after them: the sparse index `by_due` of `saga_state`. For operators only, so it
//! knows no tenant. Rows of sagas that have ended or wait for a person are not in it.

use crate::{
    dynamo::{fault, text, text_of},
    saga_state::DUE,
    store::{Fault, parse_row_partition},
};
use aws_sdk_dynamodb::Client;
use domain::{TenantId, Timestamp};

#[derive(Debug, Clone)]
pub struct DynamoDueSagas {
    client: Client,
    table: String,
}

impl DynamoDueSagas {
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Tenant, id and due time of at most `limit` sagas that are due, the longest overdue first. A saga that two
    /// versions of the projection hold is there once.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(TenantId, String, Timestamp)>, Fault> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_due")
            .key_condition_expression("#due = :due AND due_at <= :now")
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":due", text(DUE))
            .expression_attribute_values(":now", text(now.to_string()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let output = query.send().await.map_err(|error| fault(&error))?;
        let mut found: Vec<(TenantId, String, Timestamp)> = Vec::new();
        for item in output.items.unwrap_or_default() {
            let corrupt = |what: &str| Fault::Corrupt(format!("index by_due: {what}"));
            let (tenant, _) = parse_row_partition(text_of(&item, "pk")?).ok_or_else(|| corrupt("partition"))?;
            let due_at = Timestamp::parse(text_of(&item, "due_at")?).map_err(|error| corrupt(&error.to_string()))?;
            let id = text_of(&item, "sk")?.to_owned();
            if !found.iter().any(|(other, known, _)| *other == tenant && *known == id) {
                found.push((tenant, id, due_at));
            }
        }
        Ok(found)
    }
}
