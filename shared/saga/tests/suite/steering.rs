//! The reconciliation through the scaffold; commands and operators; what happens when the engine has forgotten a run.

use crate::{
    scaffold::{UnderTest, fates, hold},
    world::{CALLS, Call, World, id, input, tenant, types},
};
use async_trait::async_trait;
use domain::{
    ErrorName, Metadata, Timestamp,
    ports::PortError,
    reconciliation::{self, Reconciliation, Run},
    saga::{Step, StepStatus, WaitReason},
    status::Status,
};
use event_store::{NewCommit, Transaction, load};
use saga::{
    Due, DueSagas, Ledger, Plan, PlanInput, Policies, ReportedFailure, Round, StepError, StepInput, StepOutcome,
    UndoSteps, Undoes, WaitForWord, WaitInput, Waiter, Watchdog,
    control::{Answer, execution_name},
};
use std::{collections::BTreeMap, sync::Arc};
use testkit::{Fault, FaultyStore};
use uuid::Uuid;

#[async_trait]
impl UnderTest for World {
    type Subject = Reconciliation;

    async fn fresh() -> Self {
        World::after(&[Call::Start]).await
    }

    fn with_fault(&self, position: usize, fault: Fault) -> Self {
        let store = Arc::new(FaultyStore::new(Arc::new(self.stored.clone()), [(position, fault)]));
        Self { store, ..self.clone() }
    }

    fn appends(&self) -> usize {
        self.store.appends()
    }

    fn ledger(&self) -> Ledger {
        World::ledger(self)
    }

    fn input(&self) -> StepInput {
        input()
    }

    fn undoes(&self) -> Arc<dyn Undoes<Reconciliation>> {
        Arc::new(UndoSteps)
    }

    async fn forward(&self, step: Step) -> Result<(), StepError> {
        self.call(CALLS[1 + Step::ALL.iter().position(|each| *each == step).unwrap()]).await
    }

    /// What is published, and what a reader of the matches finds since the last withdrawal.
    async fn visible(&self) -> BTreeMap<String, String> {
        let published = self.run().await.published.map(|published| published.digest).unwrap_or_default();
        let matches = self.match_events().await;
        let standing = matches.iter().rev().take_while(|(event, _)| event != "MatchesWithdrawn").count();
        BTreeMap::from([("published".into(), published), ("matches".into(), standing.to_string())])
    }
}

#[tokio::test]
async fn the_reconciliation_is_a_saga() {
    hold::<World>().await;
}

#[tokio::test]
async fn a_run_that_fails_is_undone_like_this() {
    insta::assert_snapshot!(fates::<World>().await);
}

/// A command of a person, and the bell that follows it.
async fn command(world: &World, decide: impl Fn(&Option<Run>, Timestamp) -> reconciliation_events::Decided) {
    let loaded = load::<Reconciliation>(&world.stored, &tenant(), id().as_str()).await.unwrap();
    let now = world.ledger().now();
    let events = decide(&loaded.state, now).unwrap();
    let commit = Uuid::from_u128(1_000_000 + u128::from(loaded.version));
    let append = NewCommit::of::<Reconciliation>(&tenant(), id().as_str(), loaded.version, &events, commit).unwrap();
    let metadata = Metadata { causation_id: None, ..world.ledger().metadata(&input(), now) };
    let transaction = Transaction { appends: vec![append], command: None, fence: None, metadata };
    event_store::EventStore::append(&world.stored, transaction).await.unwrap();
    world.control().ring(&tenant(), &id()).await.unwrap();
}

mod reconciliation_events {
    pub type Decided = Result<Vec<domain::reconciliation::ReconciliationEvent>, domain::Decline>;
}

async fn undo_all(world: &World, how: &PlanInput) -> Plan {
    let mut plan = world.ledger().plan_undo(&input(), how).await.unwrap();
    while let Plan::Undo { step } = &plan {
        let step = domain::saga::SagaStep::parse(step).unwrap();
        world.ledger().undo(&input(), step, &UndoSteps).await.unwrap();
        plan = world.ledger().plan_undo(&input(), &PlanInput::default()).await.unwrap();
    }
    plan
}

fn wait(reason: WaitReason, until: Option<Timestamp>, token: &str) -> WaitInput {
    WaitInput { run: input(), token: token.into(), reason, until }
}

fn step_wait(world: &World) -> WaitForWord {
    let saga::control::Control { ledger, workflow, tokens, bell } = world.control();
    WaitForWord { ledger, tokens, workflow, bell }
}

#[tokio::test]
async fn cancelling_before_each_step_undoes_everything_and_ends_cancelled() {
    for begun in 1..=5 {
        let world = World::after(&CALLS[..begun]).await;
        command(&world, |state, at| reconciliation::cancel(state, Some("wrong month"), at)).await;
        let refused = world.call(CALLS[begun]).await.unwrap_err();
        assert_eq!(refused.name, ErrorName::Cancelled, "{:?}", CALLS[begun]);
        let why = ReportedFailure { step: String::new(), error: "Settler.Cancelled".into(), cause: String::new() };
        let plan = undo_all(&world, &PlanInput { failure: Some(why), undo: None }).await;
        assert_eq!(plan, Plan::Ended { outcome: Status::Cancelled });
        let (run, saga) = (world.run().await, world.saga().await);
        assert_eq!((run.status, run.published, saga.status), (Status::Cancelled, None, Status::Cancelled));
        let events = world.run_events().await;
        assert_eq!(events.last().unwrap().1["reason"], "wrong month", "{:?}", types(&events));
        world.call(Call::Notify).await.unwrap();
        assert!(world.queue.deliveries.lock().unwrap()[0].event_type.ends_with("cancelled"));
    }
}

#[tokio::test]
async fn a_pause_holds_each_step_and_the_run_goes_on_where_it_stood() {
    for begun in 1..=5 {
        let world = World::after(&CALLS[..begun]).await;
        command(&world, |state, at| reconciliation::pause(state, None, at)).await;
        let step = Step::ALL[begun - 1];
        let answer = match CALLS[begun] {
            Call::FetchOrders | Call::FetchPayments => {
                serde_json::to_value(world.fetch().run(&input(), step, None).await.unwrap()).unwrap()
            }
            Call::Match => {
                let matching = saga::MatchRecords { ledger: world.ledger(), blobs: world.blobs.clone() };
                serde_json::to_value(matching.run(&input()).await.unwrap()).unwrap()
            }
            Call::Persist => {
                let (blobs, pages) = (world.blobs.clone(), world.pages.clone());
                let persist = saga::PersistResults { ledger: world.ledger(), blobs, pages };
                let outcome = persist.run(&input()).await.unwrap();
                assert_eq!(outcome, StepOutcome::Wait { step, reason: WaitReason::Paused });
                serde_json::to_value(outcome).unwrap()
            }
            _ => serde_json::to_value(world.finish(&saga::FinishInput::Completed).await.unwrap()).unwrap(),
        };
        assert_eq!((&answer["status"], &answer["reason"]), (&"wait".into(), &"paused".into()), "{step:?}");
        assert_eq!(world.saga().await.status, Status::Paused);
        assert_eq!(world.saga().await.step(step).unwrap().status, StepStatus::Waiting);
        step_wait(&world).run(&wait(WaitReason::Paused, None, "t1")).await.unwrap();
        assert!(world.executions.answers.lock().unwrap().is_empty(), "it waits");
        command(&world, reconciliation::resume).await;
        assert_eq!(*world.executions.answers.lock().unwrap(), [("t1".to_owned(), Answer::Success)]);
        for call in &CALLS[begun..] {
            world.call(*call).await.unwrap();
        }
        assert_eq!((world.run().await.status, world.saga().await.status), (Status::Completed, Status::Completed));
    }
}

#[tokio::test]
async fn a_wait_whose_reason_is_gone_answers_itself_and_a_bell_that_is_early_rings_again() {
    let world = World::after(&CALLS[..1]).await;
    step_wait(&world).run(&wait(WaitReason::Paused, None, "never paused")).await.unwrap();
    assert_eq!(world.executions.answers.lock().unwrap().len(), 1);
    assert_eq!(*world.executions.token.lock().unwrap(), None);
    let until = Timestamp::from_millis(world.ledger().now().millis() + 30_000);
    step_wait(&world).run(&wait(WaitReason::Throttled, Some(until), "t2")).await.unwrap();
    world.control().ring(&tenant(), &id()).await.unwrap();
    assert_eq!(*world.executions.bells.lock().unwrap(), [until, until]);
    world.clock.advance_ms(30_000);
    world.control().ring(&tenant(), &id()).await.unwrap();
    assert_eq!(world.executions.answers.lock().unwrap()[1], ("t2".to_owned(), Answer::Success));
}

#[tokio::test]
async fn a_cancel_during_a_wait_is_heard_at_once() {
    let world = World::after(&CALLS[..1]).await;
    let until = Timestamp::from_millis(world.ledger().now().millis() + 3_600_000);
    step_wait(&world).run(&wait(WaitReason::CircuitOpen, Some(until), "t")).await.unwrap();
    command(&world, |state, at| reconciliation::cancel(state, None, at)).await;
    assert_eq!(*world.executions.answers.lock().unwrap(), [("t".to_owned(), Answer::Success)]);
}

/// A run that is stuck at undoing the matching.
async fn stuck() -> World {
    let world = World::after(&CALLS[..4]).await;
    let failed =
        ReportedFailure { step: "persist_results".into(), error: "Runtime.ExitError".into(), cause: String::new() };
    let plan = world.ledger().plan_undo(&input(), &PlanInput { failure: Some(failed), undo: None }).await.unwrap();
    assert_eq!(plan, Plan::Undo { step: "perform_matching".into() });
    let failed =
        ReportedFailure { step: "perform_matching".into(), error: "Settler.Transient".into(), cause: String::new() };
    let how = PlanInput { failure: Some(failed), undo: Some("perform_matching".into()) };
    for _ in 0..2 {
        let plan = world.ledger().plan_undo(&input(), &how).await.unwrap();
        assert_eq!(plan, Plan::Stuck { step: "perform_matching".into() });
    }
    step_wait(&world).run(&wait(WaitReason::Stuck, None, "operator")).await.unwrap();
    assert_eq!((world.run().await.status, world.saga().await.status), (Status::Stuck, Status::Stuck));
    assert!(world.executions.answers.lock().unwrap().is_empty());
    world
}

#[tokio::test]
async fn a_stuck_undo_is_tried_again_when_an_operator_resumes() {
    let world = stuck().await;
    command(&world, reconciliation::resume).await;
    assert_eq!(world.executions.answers.lock().unwrap().len(), 1, "the wait has ended");
    assert_eq!(undo_all(&world, &PlanInput::default()).await, Plan::Ended { outcome: Status::Failed });
    assert_eq!(*types(&world.match_events().await).last().unwrap(), "MatchesWithdrawn");
}

#[tokio::test]
async fn a_stuck_undo_is_skipped_with_a_reason() {
    let world = stuck().await;
    command(&world, |state, at| reconciliation::skip_undo(state, None, "withdrawn by hand", at)).await;
    assert_eq!(undo_all(&world, &PlanInput::default()).await, Plan::Ended { outcome: Status::Failed });
    let saga = world.saga().await;
    let skipped = saga.step(Step::PerformMatching).unwrap();
    assert_eq!(skipped.status, StepStatus::UndoSkipped);
    assert_eq!(skipped.undo_skipped.as_deref(), Some("withdrawn by hand"));
    assert!(!types(&world.match_events().await).contains(&"MatchesWithdrawn"));
}

#[tokio::test]
async fn a_killed_run_is_stopped_and_nothing_of_it_can_write() {
    let world = World::after(&CALLS[..4]).await;
    command(&world, |state, at| reconciliation::kill(state, Some("the engine hangs"), at)).await;
    let arn = world.saga().await.execution_arn;
    assert_eq!(*world.executions.stopped.lock().unwrap(), [arn]);
    assert!(world.saga().await.was_killed());
    for late in [Call::Persist, Call::Finish] {
        assert_eq!(world.call(late).await.unwrap_err().name, ErrorName::Superseded);
    }
    assert_eq!(world.run().await.failure.unwrap().message, "the engine hangs");
}

#[tokio::test]
async fn a_resume_is_carried_out_although_the_engine_has_forgotten_the_run() {
    let world = World::after(&CALLS[..3]).await;
    command(&world, |state, at| reconciliation::pause(state, None, at)).await;
    step_wait(&world).run(&wait(WaitReason::Paused, None, "t")).await.unwrap();
    world.executions.lose_all();
    command(&world, reconciliation::resume).await;
    let run = world.run().await;
    assert_eq!((run.attempt, run.status, run.from_step), (2, Status::Running, Some(Step::PerformMatching)));
    assert_eq!(world.executions.names()[1], execution_name(&tenant(), &id(), 2));
    let saga = world.saga().await;
    assert_eq!(saga.steps.iter().map(|run| run.status).collect::<Vec<_>>(), [StepStatus::Reused; 2]);
    let late = world.call(Call::Match).await.unwrap_err();
    assert_eq!(late.name, ErrorName::Superseded, "the attempt before is over");
}

#[tokio::test]
async fn a_cancel_is_carried_out_although_the_engine_has_forgotten_the_run() {
    let world = World::after(&CALLS[..4]).await;
    world.executions.lose_all();
    command(&world, |state, at| reconciliation::cancel(state, None, at)).await;
    let (name, started) = world.executions.started.lock().unwrap()[1].clone();
    assert_eq!(name, format!("{}-undo", execution_name(&tenant(), &id(), 1)));
    assert!(started.contains("\"failure\""), "{started}");
    assert_eq!(undo_all(&world, &PlanInput::default()).await, Plan::Ended { outcome: Status::Cancelled });
}

#[tokio::test]
async fn a_retry_begins_where_the_staged_data_allows() {
    let world = World::after(&CALLS[..4]).await;
    let failed =
        ReportedFailure { step: "persist_results".into(), error: "Sandbox.Timedout".into(), cause: String::new() };
    undo_all(&world, &PlanInput { failure: Some(failed), undo: None }).await;
    let staged = saga::staged_data(world.blobs.as_ref(), &world.run().await).await.unwrap();
    command(&world, |state, at| reconciliation::retry(state, None, staged, at)).await;
    let next = StepInput { attempt: 2, ..input() };
    let asked = world.shop.calls().len();
    assert_eq!(
        serde_json::to_value(world.fetch().run(&next, Step::FetchShopifyOrders, None).await.unwrap()).unwrap()["status"],
        "done"
    );
    assert_eq!(world.shop.calls().len(), asked, "staged data is used again");
    let (ledger, blobs, pages) = (world.ledger(), world.blobs.clone(), world.pages.clone());
    saga::MatchRecords { ledger: ledger.clone(), blobs: blobs.clone() }.run(&next).await.unwrap();
    saga::PersistResults { ledger: ledger.clone(), blobs, pages }.run(&next).await.unwrap();
    saga::FinishRun { ledger }.run(&next, &saga::FinishInput::Completed).await.unwrap();
    let clean = World::after(&CALLS).await;
    assert_eq!(world.run().await.published.unwrap().digest, clean.run().await.published.unwrap().digest);
    let of_attempt = types(&world.events("matches", "jan-a2").await).len();
    assert_eq!(of_attempt, clean.match_events().await.len());
}

#[tokio::test]
async fn a_step_whose_policy_is_to_pause_waits_for_a_person_and_is_tried_again() {
    let world = World::after(&CALLS[..1]).await;
    let refused = || providers::ProviderError::AccessDenied { message: "401".into() };
    world.shop.fails_at(0, refused());
    let policies = Policies::parse(60, "fetch_shopify_orders=pause").unwrap();
    let fetch = saga::FetchRecords { ledger: world.ledger().with(policies), ..world.fetch() };
    let answer = serde_json::to_value(fetch.run(&input(), Step::FetchShopifyOrders, None).await.unwrap()).unwrap();
    assert_eq!((&answer["status"], &answer["reason"]), (&"wait".into(), &"paused".into()));
    let run = world.run().await;
    assert_eq!(run.status, Status::Paused);
    assert!(run.paused.unwrap().reason.unwrap().contains("ProviderAccessDenied"));
    command(&world, reconciliation::resume).await;
    world.call(Call::FetchOrders).await.unwrap();
    assert_eq!(world.saga().await.step(Step::FetchShopifyOrders).unwrap().status, StepStatus::Succeeded);
}

#[tokio::test]
async fn two_steps_that_fail_at_once_are_undone_once() {
    let world = World::after(&CALLS[..1]).await;
    world.shop.fails_at(0, providers::ProviderError::AccessDenied { message: "401".into() });
    world.stripe.fails_at(0, providers::ProviderError::Malformed { message: "half".into() });
    let (one, other) = tokio::join!(world.call(Call::FetchOrders), world.call(Call::FetchPayments));
    assert_eq!(
        (one.unwrap_err().name, other.unwrap_err().name),
        (ErrorName::ProviderAccessDenied, ErrorName::ProviderMalformed)
    );
    let report = |step: &str, error: &str| PlanInput {
        failure: Some(ReportedFailure { step: step.into(), error: error.into(), cause: String::new() }),
        undo: None,
    };
    let first = report("fetch_shopify_orders", "Settler.ProviderAccessDenied");
    let second = report("fetch_stripe_payments", "Settler.ProviderMalformed");
    let ledger = world.ledger();
    let (one, other) = (input(), input());
    let (one, other) = tokio::join!(ledger.plan_undo(&one, &first), ledger.plan_undo(&other, &second));
    assert_eq!(
        (one.unwrap(), other.unwrap()),
        (Plan::Ended { outcome: Status::Failed }, Plan::Ended { outcome: Status::Failed })
    );
    let lines = world.ledger_lines().await;
    assert_eq!(lines.iter().filter(|line| *line == "Compensated").count(), 1, "{lines:?}");
}

/// What is due, whatever the time.
struct These(Vec<Due>);

#[async_trait]
impl DueSagas for These {
    async fn due(&self, _: Timestamp, _: u32) -> Result<Vec<Due>, PortError> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn the_watchdog_takes_over_what_the_engine_has_lost_and_starts_what_was_not_heard() {
    let world = World::after(&CALLS[..3]).await;
    let due = vec![Due { tenant: tenant(), id: id(), due_at: world.ledger().now() }];
    let watchdog =
        |world: &World, due: &[Due]| Watchdog { control: world.control(), due: Arc::new(These(due.to_vec())) };
    let round = watchdog(&world, &due).run().await.unwrap();
    assert_eq!((round, world.run().await.attempt), (Round { due: 1, unheard: 0, failed: 0 }, 1), "it runs");
    world.executions.lose_all();
    watchdog(&world, &due).run().await.unwrap();
    assert_eq!((world.run().await.attempt, world.executions.names().len()), (2, 2));
    assert_eq!(types(&world.match_events().await), ["MatchesWithdrawn"], "what the lost attempt did is taken back");

    let unheard = World::plain().await;
    unheard.clock.advance_ms(60_000);
    assert_eq!(watchdog(&unheard, &[]).run().await.unwrap(), Round::default(), "not yet");
    unheard.clock.advance_ms(60_000 + 1);
    assert_eq!(watchdog(&unheard, &[]).run().await.unwrap().unheard, 1);
    assert_eq!(unheard.executions.names().len(), 1);
}

#[test]
fn a_waiter_reads_back() {
    let waiter = Waiter { token: "t".into(), attempt: 1, reason: WaitReason::Stuck, until: None };
    let text = serde_json::to_string(&waiter).unwrap();
    assert_eq!(serde_json::from_str::<Waiter>(&text).unwrap(), waiter);
}
