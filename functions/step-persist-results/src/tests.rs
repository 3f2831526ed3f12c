//! Every sample event reads as what the state machine sends, and reaches the step.

use crate::handle;
use domain::{ErrorName, saga::Step};
use event_store::MemoryStore;
use lambda_runtime::{Context, LambdaEvent};
use projections::MemoryResultPages;
use saga::{Ledger, PersistResults, StepInput};
use std::sync::Arc;
use testkit::{FixedClock, MemoryBlobs, SequentialIds, sample_events};

fn step() -> PersistResults {
    let ledger =
        Ledger::new(Arc::new(MemoryStore::new()), Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()));
    PersistResults { ledger, blobs: Arc::new(MemoryBlobs::default()), pages: Arc::new(MemoryResultPages::new()) }
}

#[tokio::test]
async fn every_sample_event_reads_and_reaches_the_step() {
    for (name, event) in sample_events("step-persist-results") {
        assert_eq!(event["step"], Step::PersistResults.as_str(), "{name}");
        let input: StepInput = serde_json::from_value(event).unwrap();
        assert_eq!((input.schema, input.tenant_id.as_str(), input.attempt), (1, "acme", 1), "{name}");
        // There is no such run: the step has looked for it, so it was asked with ids that it understands.
        let missing = handle(&step(), LambdaEvent::new(input, Context::default())).await.unwrap_err();
        assert_eq!(missing.name, ErrorName::NotFound, "{name}: {}", missing.message);
    }
}
