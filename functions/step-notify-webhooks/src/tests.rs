//! Every sample event reads as what the state machine sends, and reaches the step.

use crate::handle;
use async_trait::async_trait;
use domain::{ErrorName, ports::PortError, saga::Step};
use event_store::MemoryStore;
use lambda_runtime::{Context, LambdaEvent};
use saga::{Ledger, NotifyWebhooks, StepInput};
use std::sync::Arc;
use testkit::{FixedClock, SequentialIds, sample_events};
use webhooks::{Delivery, Outbox};

/// There is no run, so there is nothing to deliver.
struct Nobody;

#[async_trait]
impl Outbox for Nobody {
    async fn enqueue(&self, delivery: &Delivery) -> Result<(), PortError> {
        Err(PortError::Refused(format!("{delivery:?} was not to be delivered")))
    }
}

fn step() -> NotifyWebhooks {
    let ledger =
        Ledger::new(Arc::new(MemoryStore::new()), Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()));
    NotifyWebhooks { ledger, outbox: Arc::new(Nobody), api_url: "https://api.example".into() }
}

#[tokio::test]
async fn every_sample_event_reads_and_reaches_the_step() {
    for (name, event) in sample_events("step-notify-webhooks") {
        assert_eq!(event["step"], Step::NotifyWebhooks.as_str(), "{name}");
        let input: StepInput = serde_json::from_value(event).unwrap();
        assert_eq!((input.schema, input.tenant_id.as_str(), input.attempt), (1, "acme", 1), "{name}");
        // There is no such run: the step has looked for it, so it was asked with ids that it understands.
        let missing = handle(&step(), LambdaEvent::new(input, Context::default())).await.unwrap_err();
        assert_eq!(missing.name, ErrorName::NotFound, "{name}: {}", missing.message);
    }
}
