//! Every sample event reads as what the state machine sends, and reaches the step.

use crate::{Input, handle};
use domain::{ErrorName, saga::Step};
use event_store::MemoryStore;
use lambda_runtime::{Context, LambdaEvent};
use saga::{FinishInput, FinishRun, Ledger};
use serde_json::json;
use std::sync::Arc;
use testkit::{FixedClock, SequentialIds, sample_events};

fn step() -> FinishRun {
    let ledger =
        Ledger::new(Arc::new(MemoryStore::new()), Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()));
    FinishRun { ledger }
}

#[tokio::test]
async fn every_sample_event_reads_and_reaches_the_step() {
    for (name, event) in sample_events("step-finish") {
        assert_eq!(event["step"], Step::Finish.as_str(), "{name}");
        let input: Input = serde_json::from_value(event).unwrap();
        assert_eq!((input.run.schema, input.run.tenant_id.as_str()), (1, "acme"), "{name}");
        // There is no such run: the step has looked for it, so it was asked with ids that it understands.
        let missing = handle(&step(), LambdaEvent::new(input, Context::default())).await.unwrap_err();
        assert_eq!(missing.name, ErrorName::NotFound, "{name}: {}", missing.message);
    }
}

#[test]
fn the_samples_say_how_runs_end() {
    let how = |name: &str| {
        let event = sample_events("step-finish").remove(name).unwrap();
        serde_json::from_value::<Input>(event).unwrap().how
    };
    assert_eq!(how("completed"), FinishInput::Completed);
    let FinishInput::Failed { failure } = how("failed") else { panic!("not failed") };
    assert_eq!(
        (failure.step.as_str(), failure.error.as_str()),
        ("fetch_stripe_payments", "Settler.ProviderAccessDenied")
    );
    let FinishInput::Failed { failure } = how("timed-out") else { panic!("not failed") };
    assert_eq!((failure.error.as_str(), failure.cause.as_str()), ("States.Timeout", ""));
}

#[test]
fn an_outcome_that_nobody_knows_is_refused() {
    let mut event = sample_events("step-finish").remove("failed").unwrap();
    event["outcome"] = json!("perhaps");
    assert!(serde_json::from_value::<Input>(event.clone()).is_err());
    event["outcome"] = json!("failed");
    event.as_object_mut().unwrap().remove("failure");
    assert!(serde_json::from_value::<Input>(event).is_err(), "failed without a failure");
}
