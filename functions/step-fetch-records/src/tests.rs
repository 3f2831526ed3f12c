//! Every sample event reads as what the state machine sends, and reaches the step.

use crate::{Input, handle};
use domain::{ErrorName, saga::Step};
use event_store::MemoryStore;
use lambda_runtime::{Context, LambdaEvent};
use providers::Endpoints;
use runtime::FunctionError;
use saga::{FetchRecords, HttpAccounts, Ledger};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FixedClock, MemoryBlobs, MemorySecrets, SequentialIds, sample_events};

fn step() -> FetchRecords {
    let clock = Arc::new(FixedClock::default());
    // No run, so no account is opened and nothing is sent to these addresses.
    let endpoints = Endpoints {
        shopify_base_url: "http://shopify.invalid".into(),
        stripe_base_url: "http://stripe.invalid".into(),
    };
    FetchRecords {
        ledger: Ledger::new(Arc::new(MemoryStore::new()), clock.clone(), Arc::new(SequentialIds::default())),
        blobs: Arc::new(MemoryBlobs::default()),
        secrets: Arc::new(MemorySecrets::default()),
        accounts: Arc::new(HttpAccounts::new(endpoints, clock)),
        budget_ms: 1,
    }
}

async fn refused(event: Value) -> FunctionError {
    let input: Input = serde_json::from_value(event).unwrap();
    handle(&step(), LambdaEvent::new(input, Context::default())).await.unwrap_err()
}

#[tokio::test]
async fn every_sample_event_reads_and_reaches_the_step() {
    for (name, event) in sample_events("step-fetch-records") {
        // There is no such run: the cursor was read, and the step has looked for the run.
        let missing = refused(event).await;
        assert_eq!(missing.name, ErrorName::NotFound, "{name}: {}", missing.message);
    }
}

#[test]
fn the_samples_are_a_first_call_and_a_later_one() {
    let input = |name: &str| {
        let event = sample_events("step-fetch-records").remove(name).unwrap();
        serde_json::from_value::<Input>(event).unwrap()
    };
    let (first, later) = (input("first-call"), input("resumed"));
    assert_eq!((first.step, first.cursor), (Step::FetchShopifyOrders, Value::Null));
    assert_eq!((later.step, &later.cursor["pages"]), (Step::FetchStripePayments, &json!(12)));
    assert_eq!((first.run.schema, first.run), (1, later.run), "two calls of one run");
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let mut event = sample_events("step-fetch-records").remove("resumed").unwrap();
    event["cursor"]["pages"] = json!("many");
    let refusal = refused(event).await;
    assert_eq!(refusal.name, ErrorName::InvalidInput);
    assert!(refusal.message.starts_with("cursor: "), "{}", refusal.message);
}
