//! Every sample event reads as what the state machine sends, and its token gets an answer.

use crate::handle;
use async_trait::async_trait;
use domain::{ErrorName, ReconciliationId, TenantId, Timestamp, ports::PortError};
use event_store::MemoryStore;
use lambda_runtime::{Context, LambdaEvent};
use saga::{
    Bell, Ledger, TaskTokens, WaitForWord, WaitInput, Waiter,
    control::{Answer, Execution, Workflow},
};
use std::sync::{Arc, Mutex};
use testkit::{FixedClock, SequentialIds, sample_events};

/// An engine that remembers its answers, and stores that hold nothing.
#[derive(Default)]
struct Outside(Mutex<Vec<(String, Answer)>>);

#[async_trait]
impl Workflow for Outside {
    fn execution_arn(&self, name: &str) -> String {
        name.to_owned()
    }

    async fn start(&self, _: &str, _: &str) -> Result<(), PortError> {
        Err(PortError::Refused("a wait starts nothing".into()))
    }

    async fn execution(&self, _: &str) -> Result<Execution, PortError> {
        Ok(Execution::Unknown)
    }

    async fn stop(&self, _: &str, _: &str) -> Result<(), PortError> {
        Err(PortError::Refused("a wait stops nothing".into()))
    }

    async fn answer(&self, token: &str, answer: &Answer) -> Result<bool, PortError> {
        self.0.lock().unwrap().push((token.to_owned(), answer.clone()));
        Ok(true)
    }
}

#[async_trait]
impl TaskTokens for Outside {
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
impl Bell for Outside {
    async fn ring_at(&self, _: &TenantId, _: &ReconciliationId, _: Timestamp, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }
}

#[tokio::test]
async fn every_sample_event_reads_and_its_token_is_answered() {
    for (name, event) in sample_events("step-wait") {
        let outside = Arc::new(Outside::default());
        let store = Arc::new(MemoryStore::new());
        let ledger = Ledger::new(store, Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()));
        let step = WaitForWord { ledger, tokens: outside.clone(), workflow: outside.clone(), bell: outside.clone() };
        let input: WaitInput = serde_json::from_value(event).unwrap();
        let token = input.token.clone();
        handle(&step, LambdaEvent::new(input, Context::default())).await.unwrap();
        // There is no such run. A task that waits for its token would not hear of an error of the function.
        let answers = outside.0.lock().unwrap().clone();
        let [(answered, Answer::Failure { name: error, .. })] = answers.as_slice() else {
            panic!("{name}: {answers:?}")
        };
        assert_eq!((answered, *error), (&token, ErrorName::NotFound), "{name}");
    }
}
