//! Looks at what the feed says of the last half hour. Schedules say nothing that is needed.

use domain::{Clock, ErrorName, Timestamp, time::Window};
use event_store::EventStore;
use lambda_runtime::LambdaEvent;
use projections::{
    Engine,
    sweep::{Swept, sweep},
};
use runtime::{FunctionError, function_error};
use serde_json::Value;
use std::sync::Arc;

/// Six times the schedule's rate: a doorbell is rung again several times before the sweeper forgets it.
const LOOK_BACK_MS: i64 = 30 * 60 * 1_000;

pub struct Handler {
    pub store: Arc<dyn EventStore>,
    pub engine: Engine,
    pub clock: Arc<dyn Clock>,
}

impl Handler {
    /// # Errors
    /// [`ErrorName::Transient`] when the feed cannot be read.
    pub async fn handle(&self, _event: LambdaEvent<Value>) -> Result<(), FunctionError> {
        let now = self.clock.now().millis();
        // The end is not included, and this millisecond may still be written to.
        let window = Window {
            from: Timestamp::from_millis(now.saturating_sub(LOOK_BACK_MS)),
            to: Timestamp::from_millis(now.saturating_add(1)),
        };
        let swept = sweep(self.store.as_ref(), &self.engine, window).await;
        let Swept { streams, healed, parked, failed } =
            swept.map_err(|fault| function_error(ErrorName::Transient, fault.to_string()))?;
        tracing::info!(streams, healed, parked, failed, "swept");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{CorrelationId, Metadata, TenantId};
    use event_store::{Append, MemoryStore, NewEvent, StreamKey, Transaction};
    use lambda_runtime::Context;
    use projections::{MemoryProjections, ReadModels};
    use testkit::{FixedClock, sample_events};

    #[tokio::test]
    async fn a_lost_doorbell_is_heard_after_all() {
        let (store, rows) = (MemoryStore::new(), Arc::new(MemoryProjections::new()));
        let clock = Arc::new(FixedClock::default());
        let acme = TenantId::parse("acme").unwrap();
        let data = serde_json::json!({"attempt": 1, "execution_arn": "arn:x"});
        let append = Append {
            stream: StreamKey::new(&acme, "saga", "recon_1"),
            expected: 0,
            events: vec![NewEvent { event_type: "SagaStarted".into(), event_version: 1, data }],
            commit_id: uuid::Uuid::from_u128(1),
            set_fence: None,
        };
        let metadata = Metadata {
            tenant_id: acme.clone(),
            user_id: None,
            timestamp: clock.now(),
            correlation_id: CorrelationId::parse("corr_1").unwrap(),
            causation_id: None,
        };
        store.append(Transaction { appends: vec![append], command: None, fence: None, metadata }).await.unwrap();
        let store: Arc<dyn EventStore> = Arc::new(store);
        let engine = Engine::new(Arc::clone(&store), Arc::clone(&rows) as _);
        let handler = Handler { store, engine, clock: Arc::clone(&clock) as _ };
        for (name, event) in sample_events("proj-sweep") {
            assert!(handler.handle(LambdaEvent::new(event, Context::default())).await.is_ok(), "{name}");
        }
        assert!(rows.saga(&acme, "recon_1").await.unwrap().is_some());
    }
}
