//! How a run becomes an execution.

use crate::world::{CALLS, Call, World, failure, id, input, tenant};
use domain::{ErrorName, ReconciliationId};
use saga::{StepInput, control::execution_name};

#[tokio::test]
async fn the_ledger_comes_first_and_one_execution_after_it() {
    let world = World::plain().await;
    *world.executions.fail_next.lock().unwrap() = true;
    assert_eq!(world.call(Call::Start).await.unwrap_err().name, ErrorName::Transient);
    assert_eq!(world.ledger_lines().await, ["SagaStarted"]);
    world.call(Call::Start).await.unwrap();
    world.call(Call::Start).await.unwrap();
    assert_eq!(world.ledger_lines().await, ["SagaStarted"]);

    let started = world.executions.started.lock().unwrap().clone();
    let name = execution_name(&tenant(), &id(), 1);
    assert_eq!(started.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [name.as_str()]);
    assert_eq!(serde_json::from_str::<StepInput>(&started[0].1).unwrap(), input());
    assert_eq!(world.saga().await.execution_arn, format!("arn:execution:{name}"));
}

#[tokio::test]
async fn a_run_that_has_ended_is_not_started_again() {
    let world = World::after(&CALLS[..1]).await;
    world.finish(&failure("fetch", "States.Timeout")).await.unwrap();
    world.executions.started.lock().unwrap().clear();
    world.call(Call::Start).await.unwrap();
    assert!(world.executions.started.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_run_that_is_not_there_is_told() {
    let world = World::plain().await;
    let other = ReconciliationId::parse("other").unwrap();
    assert_eq!(world.control().ring(&tenant(), &other).await.unwrap_err().name, ErrorName::NotFound);
}
