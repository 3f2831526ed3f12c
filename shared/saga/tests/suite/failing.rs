//! A run that fails: nothing of it stays visible, and the failure says why.

use crate::world::{CALLS, Call, World, ended, failure, types};
use domain::{
    ErrorName,
    reconciliation::Status,
    saga::{SagaStatus, Step, StepStatus},
};
use providers::ProviderError;
use saga::{FinishInput, ReportedFailure};

#[tokio::test]
async fn a_refused_account_fails_the_run_with_nothing_to_see() {
    let world = World::after(&CALLS[..2]).await;
    world.stripe.fails_at(0, ProviderError::AccessDenied { message: "stripe answered 401".into() });
    let error = world.call(Call::FetchPayments).await.unwrap_err();
    assert_eq!(error.name, ErrorName::ProviderAccessDenied);
    let cause = r#"{"errorType":"Settler.ProviderAccessDenied","errorMessage":"stripe answered 401"}"#;
    let reported = ReportedFailure {
        step: "fetch_stripe_payments".into(),
        error: "Settler.ProviderAccessDenied".into(),
        cause: cause.into(),
    };
    let failed = FinishInput::Failed { failure: reported };
    assert_eq!(ended(&world.finish(&failed).await.unwrap()), "failed");
    let written = world.written();
    assert_eq!(ended(&world.finish(&failed).await.unwrap()), "failed", "failing twice is fine");
    assert_eq!(world.written(), written);

    let events = world.run_events().await;
    assert_eq!(
        types(&events),
        ["ReconciliationStarted", "OrdersFetched", "CompensationStarted", "ReconciliationFailed"]
    );
    let told = &events[3].1["failure"];
    assert_eq!(
        (&told["type"], &told["message"]),
        (&"Settler.ProviderAccessDenied".into(), &"stripe answered 401".into())
    );
    assert_eq!((&told["step"], &told["retryable"]), (&"fetch_stripe_payments".into(), &false.into()));
    assert_eq!(world.match_events().await, []);
    let lines = world.ledger_lines().await;
    assert_eq!(lines[lines.len() - 2..], ["UndoPlanned", "Compensated"]);
    let saga = world.saga().await;
    assert_eq!(
        (saga.status, saga.step(Step::FetchStripePayments).unwrap().status),
        (SagaStatus::Failed, StepStatus::Failed)
    );
}

#[tokio::test]
async fn what_was_visible_is_withdrawn() {
    let world = World::after(&CALLS[..5]).await;
    assert!(world.run().await.published.is_some());
    world.finish(&failure("finish", "Runtime.ExitError")).await.unwrap();
    let events = world.run_events().await;
    assert_eq!(
        types(&events)[3..],
        ["ResultsPublished", "CompensationStarted", "ResultsWithdrawn", "ReconciliationFailed"]
    );
    let run = world.run().await;
    assert_eq!((run.status, run.published), (Status::Failed, None));
    assert_eq!(run.failure.unwrap().name, ErrorName::StepCrashed);
    assert_eq!(*types(&world.match_events().await).last().unwrap(), "MatchesWithdrawn");
}

/// A step whose process died could not write down its failure itself.
#[tokio::test]
async fn the_end_names_the_step_that_died() {
    let world = World::after(&CALLS[..3]).await;
    world.ledger().begin(&crate::world::input(), Step::PerformMatching, "a1:forward").await.unwrap();
    world.finish(&failure("perform_matching", "Sandbox.Timedout")).await.unwrap();
    let saga = world.saga().await;
    let died = saga.step(Step::PerformMatching).unwrap();
    assert_eq!((died.status, died.failure.as_ref().unwrap().name), (StepStatus::Undone, ErrorName::StepTimedOut));
}

#[tokio::test]
async fn a_result_that_does_not_add_up_ends_the_run_under_its_name() {
    let world = World::after(&CALLS[..3]).await;
    world.finish(&failure("perform_matching", ErrorName::ConservationBroken.as_str())).await.unwrap();
    let failure = world.run().await.failure.unwrap();
    assert_eq!((failure.name, failure.retryable), (ErrorName::ConservationBroken, false));
}

#[tokio::test]
async fn a_success_after_a_failed_try_heals_the_step() {
    let world = World::after(&CALLS[..1]).await;
    world.shop.fails_at(0, ProviderError::Malformed { message: "half an answer".into() });
    assert_eq!(world.call(Call::FetchOrders).await.unwrap_err().name, ErrorName::ProviderMalformed);
    for call in &CALLS[1..] {
        world.call(*call).await.unwrap();
    }
    let saga = world.saga().await;
    let healed = saga.step(Step::FetchShopifyOrders).unwrap();
    assert_eq!((healed.tries, healed.status, &healed.failure), (2, StepStatus::Succeeded, &None));
    assert_eq!(world.run().await.status, Status::Completed);
}

#[tokio::test]
async fn completing_without_a_result_is_refused() {
    let world = World::after(&CALLS[..4]).await;
    assert_eq!(world.call(Call::Finish).await.unwrap_err().name, ErrorName::Conflict);
    assert_eq!(world.run().await.status, Status::Running);
}

#[tokio::test]
async fn rules_that_the_engine_cannot_read_fail_the_step_with_their_place() {
    let rules = serde_json::json!({ "amount_days": 500 });
    let world = World::new(Some(rules), |store| store).await;
    world.call(Call::Start).await.unwrap();
    let error = world.call(Call::FetchOrders).await.unwrap_err();
    assert_eq!(error.name, ErrorName::InvalidInput);
    assert!(error.message.contains("/amount_days"), "{error}");
}
