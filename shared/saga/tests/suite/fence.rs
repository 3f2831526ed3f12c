//! Whoever comes after the end of an attempt changes nothing.

use crate::world::{CALLS, Call, World, failure, id, input, tenant, types};
use domain::{
    ErrorName,
    reconciliation::Status,
    saga::{Saga, SagaEvent, SagaStatus, ended_fence},
};
use event_store::{Append, NewCommit, Transaction};
use uuid::Uuid;

#[tokio::test]
async fn steps_that_come_after_a_failed_end_are_superseded() {
    let world = World::after(&CALLS[..2]).await;
    let ended = world.finish(&failure("fetch_stripe_payments", "States.Timeout")).await.unwrap();
    assert_eq!(crate::world::ended(&ended), "failed");
    let written = world.written();
    for late in [Call::FetchPayments, Call::Match, Call::Persist, Call::Finish] {
        assert_eq!(world.call(late).await.unwrap_err().name, ErrorName::Superseded, "{late:?}");
    }
    assert_eq!(world.written(), written);
}

/// The end of the attempt, as another process writes it, `after` so many events of the ledger.
fn end(after: u64) -> Transaction {
    let ledger_end = SagaEvent::Compensated { attempt: 1, at: domain::Timestamp::from_millis(0) };
    let append = NewCommit::of::<Saga>(&tenant(), id().as_str(), after, &[ledger_end], Uuid::from_u128(9_999)).unwrap();
    let metadata = domain::Metadata {
        tenant_id: tenant(),
        user_id: None,
        timestamp: domain::Timestamp::from_millis(0),
        correlation_id: input().correlation_id,
        causation_id: None,
    };
    let append = Append { set_fence: Some(ended_fence(1)), ..append };
    Transaction { appends: vec![append], command: None, fence: None, metadata }
}

#[tokio::test]
async fn a_step_that_is_overtaken_in_its_middle_is_superseded() {
    // Appends: the saga's start, the step's begin, its progress; the fence is raised before its success.
    let world = World::new(None, |store| store.with_rival(3, end(3))).await;
    world.call(Call::Start).await.unwrap();
    let late = world.call(Call::FetchOrders).await.unwrap_err();
    assert_eq!(late.name, ErrorName::Superseded);
    assert_eq!(types(&world.run_events().await), ["ReconciliationStarted"]);
    let lines = world.ledger_lines().await;
    assert_eq!(lines.last().unwrap(), "Compensated", "not even its failure is written: {lines:?}");
}

#[tokio::test]
async fn a_failure_that_is_reported_after_the_end_does_not_undo_it() {
    let world = World::after(&CALLS[..6]).await;
    let written = world.written();
    let ended = world.finish(&failure("finish", "States.Timeout")).await.unwrap();
    assert_eq!((crate::world::ended(&ended), world.written()), ("completed", written), "only the answer had been lost");
    assert_eq!((world.run().await.status, world.saga().await.status), (Status::Completed, SagaStatus::Completed));
}

#[tokio::test]
async fn another_attempt_is_superseded() {
    let world = World::after(&CALLS[..1]).await;
    let later = saga::StepInput { attempt: 2, ..input() };
    let step = saga::MatchRecords { ledger: world.ledger(), blobs: world.blobs.clone() };
    assert_eq!(step.run(&later).await.unwrap_err().name, ErrorName::Superseded);
}
