//! Every sample event reads as what the state machine sends, and reaches the ledger.

use crate::{Input, handle};
use domain::ErrorName;
use event_store::MemoryStore;
use lambda_runtime::{Context, LambdaEvent};
use saga::Ledger;
use std::sync::Arc;
use testkit::{FixedClock, SequentialIds, sample_events};

#[tokio::test]
async fn every_sample_event_reads_and_reaches_the_ledger() {
    for (name, event) in sample_events("step-plan-undo") {
        let store = Arc::new(MemoryStore::new());
        let ledger = Ledger::new(store, Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()));
        let input: Input = serde_json::from_value(event).unwrap();
        assert_eq!((input.run.schema, input.run.tenant_id.as_str()), (1, "acme"), "{name}");
        // There is no such saga, so nobody may undo anything.
        let missing = handle(&ledger, LambdaEvent::new(input, Context::default())).await.unwrap_err();
        assert!(matches!(missing.name, ErrorName::Superseded | ErrorName::NotFound), "{name}: {}", missing.message);
    }
}
