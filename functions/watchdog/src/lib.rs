//! Translates a tick of the schedule into a round of the watchdog.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use domain::{ReconciliationId, Timestamp, ports::PortError};
use lambda_runtime::LambdaEvent;
use projections::{DynamoDueSagas, store::Fault};
use runtime::FunctionError;
use saga::{Due, DueSagas, Round, Watchdog};
use serde_json::Value;

/// The index of the projection as what the watchdog asks.
#[derive(Debug)]
pub struct Index(pub DynamoDueSagas);

#[async_trait]
impl DueSagas for Index {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Due>, PortError> {
        let found = self.0.due(now, limit).await.map_err(|fault| match fault {
            Fault::Busy(detail) => PortError::Transient(detail),
            other => PortError::Refused(other.to_string()),
        })?;
        let due = found.into_iter().map(|(tenant, id, due_at)| {
            let id = ReconciliationId::parse(id).map_err(|error| PortError::Refused(error.to_string()))?;
            Ok(Due { tenant, id, due_at })
        });
        due.collect()
    }
}

/// What the tick says does not matter: the clock does.
///
/// # Errors
/// When the index or the feed cannot be read.
pub async fn handle(watchdog: &Watchdog, _: LambdaEvent<Value>) -> Result<Round, FunctionError> {
    Ok(watchdog.run().await?)
}
