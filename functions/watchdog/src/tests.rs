//! The tick reads, and a round over a world without sagas finds nothing.

use crate::handle;
use async_trait::async_trait;
use domain::{ReconciliationId, TenantId, Timestamp, ports::PortError};
use event_store::MemoryStore;
use lambda_runtime::{Context, LambdaEvent};
use saga::{
    Bell, Due, DueSagas, Ledger, Round, TaskTokens, Waiter, Watchdog,
    control::{Answer, Control, Execution, Workflow},
};
use std::sync::Arc;
use testkit::{FixedClock, SequentialIds, sample_events};

struct Nothing;

#[async_trait]
impl Workflow for Nothing {
    fn execution_arn(&self, name: &str) -> String {
        name.to_owned()
    }

    async fn start(&self, name: &str, _: &str) -> Result<(), PortError> {
        Err(PortError::Refused(name.to_owned()))
    }

    async fn execution(&self, _: &str) -> Result<Execution, PortError> {
        Ok(Execution::Unknown)
    }

    async fn stop(&self, arn: &str, _: &str) -> Result<(), PortError> {
        Err(PortError::Refused(arn.to_owned()))
    }

    async fn answer(&self, _: &str, _: &Answer) -> Result<bool, PortError> {
        Ok(false)
    }
}

#[async_trait]
impl TaskTokens for Nothing {
    async fn put(&self, _: &TenantId, _: &ReconciliationId, _: &Waiter) -> Result<(), PortError> {
        Ok(())
    }

    async fn get(&self, _: &TenantId, _: &ReconciliationId) -> Result<Option<Waiter>, PortError> {
        Ok(None)
    }

    async fn remove(&self, _: &TenantId, _: &ReconciliationId, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Bell for Nothing {
    async fn ring_at(&self, _: &TenantId, _: &ReconciliationId, _: Timestamp, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl DueSagas for Nothing {
    async fn due(&self, now: Timestamp, _: u32) -> Result<Vec<Due>, PortError> {
        // One that is in the index and nowhere else: it fails alone.
        let id = ReconciliationId::parse("lost").map_err(|error| PortError::Refused(error.to_string()))?;
        let tenant = TenantId::parse("acme").map_err(|error| PortError::Refused(error.to_string()))?;
        Ok(vec![Due { tenant, id, due_at: now }])
    }
}

#[tokio::test]
async fn the_tick_reads_and_a_saga_that_cannot_be_helped_does_not_end_the_round() {
    let nothing = Arc::new(Nothing);
    let ledger =
        Ledger::new(Arc::new(MemoryStore::new()), Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()));
    let control = Control { ledger, workflow: nothing.clone(), tokens: nothing.clone(), bell: nothing.clone() };
    let watchdog = Watchdog { control, due: nothing };
    for (name, event) in sample_events("watchdog") {
        let round = handle(&watchdog, LambdaEvent::new(event, Context::default())).await.unwrap();
        assert_eq!(round, Round { due: 1, unheard: 0, failed: 1 }, "{name}");
    }
}
