//! Functions that die in the middle of a step: the run completes as if nothing had happened, or, when they die every
//! time, is undone; and an undo that dies every time waits for an operator.

use super::{
    client::{Shop, Stack, january},
    command_line::settler,
    ledger::{Ledger, succeeded_once, whole_run},
    processes::{Frozen, Function},
};
use domain::saga::Step;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const TENANT: usize = 0;
const LIMIT: Duration = Duration::from_secs(90);
/// How many runs may pass before one is caught in its middle.
const TRIES: usize = 10;
const LISTS: [&str; 5] = ["matches", "suggestions", "unmatched", "excluded", "orders"];

/// Steps of which each has a function of its own; the fetch of the payments shares that of the orders.
const CAUGHT: [Step; 5] =
    [Step::FetchShopifyOrders, Step::PerformMatching, Step::PersistResults, Step::Finish, Step::NotifyWebhooks];

async fn start(stack: &Stack, shop: &Shop) -> String {
    let started = stack.start(TENANT, january(&shop.job_id)).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
    started.text("reconciliation_id")
}

/// Lets the held processes of a step work in slices until the ledger says that the step has begun, and kills them
/// before it can say that it ended. On a busy machine a slice can be so long that the step is over: `false`, and the
/// processes live on.
async fn kill_in_the_middle(stack: &Stack, id: &str, step: Step, held: Frozen) -> bool {
    let begun = Instant::now();
    loop {
        let ledger = Ledger::of(stack, TENANT, id).await;
        if ledger.count("StepStarted", step) > 0 {
            let caught = ledger.count("StepSucceeded", step) == 0;
            if caught {
                held.kill();
            }
            return caught;
        }
        assert!(begun.elapsed() < LIMIT, "{step:?} does not begin: {ledger:?}");
        held.step(Duration::from_millis(1)).await;
    }
}

/// What a run says of every record, without what differs between two runs.
async fn result(stack: &Stack, id: &str) -> Vec<String> {
    let mut all = Vec::new();
    for list in LISTS {
        let items = stack.list(TENANT, id, list).await;
        all.extend(items.into_iter().map(|mut item| {
            if let Some(fields) = item.as_object_mut() {
                fields.retain(|name, _| !["matched_at", "reconciliation_id"].contains(&name.as_str()));
            }
            format!("{list} {item}")
        }));
    }
    all.sort_unstable();
    all
}

async fn sorted_events(stack: &Stack, id: &str) -> Vec<String> {
    let mut events = stack.event_types(TENANT, "reconciliation", id).await;
    events.sort_unstable();
    events
}

/// Runs, and kills a process of each step's function in its middle; the run's id, if each was caught.
async fn killed_in_every_step(stack: &Stack, shop: &Shop) -> Option<String> {
    let functions = CAUGHT.map(|step| Function::of_step(stack, step));
    let held: Vec<_> = functions.iter().map(Function::freeze).collect();
    let id = start(stack, shop).await;
    for (step, held) in CAUGHT.into_iter().zip(held) {
        if !kill_in_the_middle(stack, &id, step, held).await {
            return None;
        }
    }
    Some(id)
}

#[tokio::test]
async fn a_process_that_is_killed_in_the_middle_of_any_step_loses_and_doubles_nothing() {
    let stack = Stack::up();
    let shop = stack.shop(TENANT, "typical", 200, 51).await;
    let undisturbed = whole_run(&stack, TENANT, &shop).await;

    let mut tries = 0..TRIES;
    let id = loop {
        assert!(tries.next().is_some(), "no run could be caught in each of its steps");
        if let Some(id) = killed_in_every_step(&stack, &shop).await {
            break id;
        }
        // Its processes have to be there again before the next one can be held.
        whole_run(&stack, TENANT, &shop).await;
    };

    let summary = stack.ended(TENANT, &id).await;
    assert_eq!((summary["status"].as_str(), summary["attempt"].as_u64()), (Some("completed"), Some(1)), "{summary}");
    let ledger = Ledger::whole(&stack, TENANT, &id).await;
    succeeded_once(&ledger);
    assert_eq!(sorted_events(&stack, &id).await, sorted_events(&stack, &undisturbed).await);
    assert_eq!(result(&stack, &id).await, result(&stack, &undisturbed).await);
    for (kind, stream) in [("reconciliation", id.clone()), ("saga", id.clone()), ("matches", format!("{id}-a1"))] {
        let verify = ["events", "verify", kind, &stream, "--tenant", stack.tenant(TENANT)];
        let verified = settler(&stack, stack.admin_key(), &verify);
        assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    }
}

async fn until_status(stack: &Stack, id: &str, status: &str) -> Value {
    let begun = Instant::now();
    loop {
        let summary = stack.get(&format!("/v1/reconciliations/{id}"), stack.key(TENANT)).await.body;
        if summary["status"] == status {
            return summary;
        }
        assert!(begun.elapsed() < LIMIT, "not {status}: {summary}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs, and has every process of the step's function die: once in its middle, then whenever one comes up.
async fn die_for_good(stack: &Stack, shop: &Shop, step: Step) -> String {
    let function = Function::of_step(stack, step);
    let mut tries = 0..TRIES;
    let id = loop {
        assert!(tries.next().is_some(), "no run could be caught in {step:?}");
        let held = function.freeze();
        let id = start(stack, shop).await;
        if kill_in_the_middle(stack, &id, step, held).await {
            break id;
        }
    };
    let _killer = function.keep_killing();
    let gave_up = |ledger: &Ledger| !ledger.plan().is_empty();
    Ledger::until(stack, TENANT, &id, gave_up).await;
    id
}

/// Undone newest first, nothing of it visible, nothing of it deleted, and the same range can be run again.
async fn undone(stack: &Stack, id: &str, step: Step, plan: &[Step]) {
    let summary = stack.ended(TENANT, id).await;
    let failure = &summary["failure"];
    assert_eq!(
        (summary["status"].as_str(), failure["step"].as_str(), failure["type"].as_str()),
        (Some("failed"), Some(step.as_str()), Some("Settler.StepCrashed")),
        "{summary}"
    );
    let ledger = Ledger::of(stack, TENANT, id).await;
    assert_eq!(ledger.plan(), plan, "{ledger:?}");
    for list in LISTS {
        assert!(stack.list(TENANT, id, list).await.is_empty(), "{list} of a run that was undone");
    }
    let events = stack.event_types(TENANT, "reconciliation", id).await;
    let kept: BTreeSet<&str> = events.iter().map(String::as_str).collect();
    let expected = ["ReconciliationStarted", "OrdersFetched", "PaymentsFetched", "CompensationStarted"];
    assert!(expected.iter().all(|event| kept.contains(event)), "{events:?}");
    assert_eq!(kept.contains("ResultsPublished"), kept.contains("ResultsWithdrawn"), "{events:?}");
    assert_eq!(events.last().map(String::as_str), Some("ReconciliationFailed"), "{events:?}");
    let matches = stack.event_types(TENANT, "matches", &format!("{id}-a1")).await;
    assert_eq!(matches.last().map(String::as_str), Some("MatchesWithdrawn"), "{matches:?}");
}

#[tokio::test]
async fn a_step_that_dies_every_time_is_undone_newest_first_and_the_run_can_be_retried() {
    let stack = Stack::up();
    let shop = stack.shop(TENANT, "typical", 60, 52).await;
    let undisturbed = whole_run(&stack, TENANT, &shop).await;

    let id = die_for_good(&stack, &shop, Step::PerformMatching).await;
    undone(&stack, &id, Step::PerformMatching, &[Step::PerformMatching]).await;
    assert_eq!(Ledger::of(&stack, TENANT, &id).await.undone(), [Step::PerformMatching]);

    let retried = stack.call(Method::POST, &format!("/v1/reconciliations/{id}/retry"), stack.key(TENANT), None).await;
    assert_eq!(retried.status, StatusCode::ACCEPTED, "{}", retried.body);
    let summary = stack.ended(TENANT, &id).await;
    assert_eq!((summary["status"].as_str(), summary["attempt"].as_u64()), (Some("completed"), Some(2)), "{summary}");
    assert_eq!(result(&stack, &id).await, result(&stack, &undisturbed).await);
}

async fn operator(stack: &Stack, id: &str, verb: &str, body: Value) {
    let path = format!("/admin/sagas/reconciliation/{id}/{verb}?tenant_id={}", stack.tenant(TENANT));
    let answer = stack.call(Method::POST, &path, stack.admin_key(), Some(body)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
}

#[tokio::test]
async fn an_undo_that_dies_every_time_waits_for_an_operator_who_tries_again_or_skips() {
    let stack = Stack::up();
    let shop = stack.shop(TENANT, "typical", 60, 53).await;
    whole_run(&stack, TENANT, &shop).await;
    let undo_dies = || Function::of(&stack, "StepUndo").keep_killing();

    // After the results were published: what was visible is withdrawn.
    let killer = undo_dies();
    let id = die_for_good(&stack, &shop, Step::Finish).await;
    let stuck = until_status(&stack, &id, "stuck").await;
    drop(killer);
    assert!(stuck["failure"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{stuck}");
    operator(&stack, &id, "resume", json!({})).await;
    let plan = [Step::PersistResults, Step::PerformMatching];
    undone(&stack, &id, Step::Finish, &plan).await;
    assert_eq!(Ledger::of(&stack, TENANT, &id).await.undone(), plan);

    // Before they were: an operator answers for the first undo, the second is done.
    let killer = undo_dies();
    let id = die_for_good(&stack, &shop, Step::PersistResults).await;
    until_status(&stack, &id, "stuck").await;
    drop(killer);
    operator(&stack, &id, "skip-undo", json!({ "reason": "looked at by hand: nothing was published" })).await;
    undone(&stack, &id, Step::PersistResults, &plan).await;
    let ledger = Ledger::of(&stack, TENANT, &id).await;
    assert_eq!(ledger.skipped(), [Step::PersistResults]);
    assert_eq!(ledger.undone(), [Step::PerformMatching]);
}
