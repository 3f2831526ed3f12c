//! Given some lines of a ledger, when a decision is made, then these lines follow; and for any history, deciding again
//! yields none.

use super::*;
use crate::{Aggregate, Decided, Decline, ErrorName, Failure, Timestamp, ids::AttemptNumber, reconciliation::Run};
use proptest::prelude::*;
use serde_json::Value;

const AT: Timestamp = Timestamp::from_millis(1_000);
const BUDGET_S: u32 = 60;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn when(
    state: Option<SagaRun>,
    decide: impl Fn(&Option<SagaRun>) -> Result<Decided<Saga>, Decline>,
) -> Option<SagaRun> {
    let events = decide(&state).unwrap();
    let state = events.iter().fold(state, Saga::evolve);
    assert_eq!(decide(&state), Ok(Vec::new()), "deciding again yields no events");
    state
}

fn failure(step: Step) -> Failure {
    Failure { name: ErrorName::ProviderUnavailable, message: "503".into(), step: step.as_str().into(), retryable: true }
}

fn begun(steps: &[Step]) -> Option<SagaRun> {
    let started = when(None, |state| start(state, 1, "arn"));
    steps.iter().fold(started, |state, step| when(state, |state| step_started(state, 1, *step, AT)))
}

fn done(steps: &[Step]) -> Option<SagaRun> {
    steps
        .iter()
        .fold(begun(steps), |state, step| when(state, |state| step_succeeded(state, 1, *step, Value::from("ref"), AT)))
}

const FETCHES: [Step; 2] = [Step::FetchShopifyOrders, Step::FetchStripePayments];

#[test]
fn the_ledger_tells_each_step_with_its_tries() {
    let step = Step::FetchShopifyOrders;
    let state = begun(&[step]);
    let state = when(state, |state| step_failed(state, 1, step, &failure(step), AT));
    let state = when(state, |state| step_started(state, 1, step, AT));
    let state = when(state, |state| step_progressed(state, 1, step, (2, 500), AT));
    let state = when(state, |state| step_succeeded(state, 1, step, Value::from("ref"), AT));
    assert_eq!(step_failed(&state, 1, step, &failure(step), AT), Ok(Vec::new()), "success stands");
    let state = when(state, |state| complete(state, 1, AT));
    let saga = state.clone().unwrap();
    assert_eq!(saga.status, SagaStatus::Completed);
    let run = saga.step(step).unwrap();
    assert_eq!((run.tries, run.records, run.status), (2, 500, StepStatus::Succeeded));
    assert_eq!(plan_undo(&state, 1, None, AT).unwrap_err().name, ErrorName::Superseded);
    assert_eq!(saga.due_at(AT), None);
}

#[test]
fn another_attempt_supersedes() {
    let state = when(None, |state| start(state, 2, "arn"));
    assert_eq!(start(&state, 1, "arn").unwrap_err().name, ErrorName::Superseded);
    assert_eq!(step_started(&state, 1, Step::Finish, AT).unwrap_err().name, ErrorName::Superseded);
    let undone = when(state, |state| plan_undo(state, 2, None, AT));
    assert_eq!(
        step_waiting(&undone, 1, Step::Finish, (WaitReason::Paused, None), 1, AT).unwrap_err().name,
        ErrorName::Superseded
    );
    let undone = when(undone, |state| compensate(state, 2, AT));
    assert_eq!(complete(&undone, 2, AT).unwrap_err().name, ErrorName::Superseded);
}

#[test]
fn undo_goes_newest_first_and_includes_what_may_have_happened() {
    let steps = [Step::FetchShopifyOrders, Step::FetchStripePayments, Step::PerformMatching];
    let state = done(&steps);
    let state = when(state, |state| step_started(state, 1, Step::PersistResults, AT));
    assert_eq!(
        state.as_ref().unwrap().to_undo(),
        [Step::PersistResults, Step::PerformMatching],
        "its outcome is unknown"
    );
    let died = failure(Step::PersistResults);
    let events = plan_undo(&state, 1, Some(&died), AT).unwrap();
    assert!(matches!(&events[0], SagaEvent::StepFailed { step: Step::PersistResults, .. }), "{events:?}");
    let state = when(state, |state| plan_undo(state, 1, Some(&died), AT));
    assert_eq!(compensate(&state, 1, AT).unwrap_err().name, ErrorName::Conflict, "something is left");
    let mut state = state;
    for step in [Step::PersistResults, Step::PerformMatching] {
        assert_eq!(state.as_ref().unwrap().to_undo().first(), Some(&step));
        state = when(state, |state| undo_started(state, 1, step, AT));
        state = when(state, |state| undo_finished(state, 1, step, AT));
    }
    let saga = when(state, |state| compensate(state, 1, AT)).unwrap();
    assert_eq!((saga.status, saga.failure.unwrap().name), (SagaStatus::Failed, ErrorName::ProviderUnavailable));
    assert_eq!(saga.steps[0].status, StepStatus::Succeeded, "staged data is kept");
}

#[test]
fn an_undo_that_keeps_failing_waits_for_an_operator() {
    let step = Step::PerformMatching;
    let state = when(begun(&[step]), |state| plan_undo(state, 1, None, AT));
    let state = when(state, |state| undo_started(state, 1, step, AT));
    let state = when(state, |state| undo_failed(state, 1, step, &failure(step), AT));
    let saga = state.as_ref().unwrap();
    assert_eq!((saga.status, saga.stuck_at(), saga.due_at(AT)), (SagaStatus::Stuck, Some(step), None));
    let resumed = Saga::evolve(state.clone(), &SagaEvent::Resumed { attempt: 1, at: AT });
    assert_eq!(resumed.as_ref().unwrap().status, SagaStatus::Compensating);
    assert_eq!(resumed.unwrap().to_undo(), [step], "the undo is tried again");
    let skip = SagaEvent::UndoSkipped { attempt: 1, step, reason: "looked at".into(), at: AT };
    let skipped = Saga::evolve(state, &skip);
    assert_eq!(skipped.as_ref().unwrap().to_undo(), []);
    assert_eq!(when(skipped, |state| compensate(state, 1, AT)).unwrap().status, SagaStatus::Failed);
}

#[test]
fn waits_are_told_and_have_a_budget() {
    let step = Step::FetchStripePayments;
    let wait = |state: &Option<SagaRun>, reason, since: i64| {
        step_waiting(state, 1, step, (reason, Some(at(since + 50))), BUDGET_S, at(since))
    };
    let mut state = begun(&FETCHES);
    for since in [0, 50] {
        state = when(state, |state| wait(state, WaitReason::Throttled, since));
        assert_eq!(state.as_ref().unwrap().next_retry_at(), Some(at(since + 50)));
        assert_eq!(state.as_ref().unwrap().due_at(at(since)), Some(at(since + 50 + 120)));
        state = when(state, |state| step_started(state, 1, step, at(since + 50)));
    }
    let run = state.as_ref().unwrap().step(step).unwrap();
    assert_eq!((run.waited_ms, run.tries, &run.waiting), (100_000, 1, &None));
    assert_eq!(wait(&state, WaitReason::CircuitOpen, 100).unwrap_err().name, ErrorName::ProviderUnavailable);
    let paused = when(state, |state| step_waiting(state, 1, step, (WaitReason::Paused, None), BUDGET_S, at(100)));
    let resumed = when(paused, |state| step_started(state, 1, step, at(900)));
    assert_eq!(resumed.unwrap().step(step).unwrap().waited_ms, 100_000, "a person's wait does not count");
}

#[test]
fn a_further_attempt_uses_results_again_and_undoes_none_of_them() {
    let failed = when(done(&FETCHES), |state| plan_undo(state, 1, Some(&failure(Step::PerformMatching)), AT));
    let failed = when(failed, |state| compensate(state, 1, AT));
    let next = when(failed, |state| start_attempt(state, 2, "arn2", (Step::PerformMatching, &FETCHES), AT));
    let saga = next.clone().unwrap();
    assert!(saga.steps.iter().all(|run| run.status == StepStatus::Reused) && saga.steps.len() == 2);
    assert_eq!((saga.past.len(), saga.past[0].status), (1, SagaStatus::Failed));
    assert_eq!(step_started(&next, 2, Step::FetchShopifyOrders, AT), Ok(Vec::new()));
    assert_eq!(saga.to_undo(), []);
}

#[test]
fn an_execution_is_replaced_once() {
    let state = begun(&FETCHES);
    let state = when(state, |state| replace_execution(state, 1, ("arn", "arn-undo"), "FAILED", AT));
    assert_eq!(state.as_ref().unwrap().execution_arn, "arn-undo");
    assert_eq!(replace_execution(&state, 1, ("arn", "arn-undo2"), "FAILED", AT), Ok(Vec::new()), "not in charge");
    let killed = when(state, |state| kill(state, 1, Some("why"), AT));
    assert!(killed.as_ref().unwrap().was_killed());
    assert_eq!(replace_execution(&killed, 1, ("arn-undo", "x"), "ABORTED", AT), Ok(Vec::new()), "nothing left to do");
}

/// The run as a command leaves it, as far as the ledger looks at it.
fn run(status: SagaStatus, cancel: bool, skipped: Option<Step>) -> Run {
    use crate::{DateRange, JobId, connection::Adapter, ids::ConnectionId, job::Side, reconciliation::Request};
    let side = || Side { adapter: Adapter::Shopify, connection: ConnectionId::parse("c").unwrap() };
    let request = Request {
        job_id: JobId::parse("j").unwrap(),
        job_version: 1,
        date_range: DateRange { start: "2026-01-01".into(), end: "2026-01-31".into() },
        timezone: "UTC".into(),
        source: side(),
        target: side(),
    };
    let started = crate::reconciliation::ReconciliationEvent::ReconciliationStarted { request, as_of: AT };
    let mut run = crate::reconciliation::Reconciliation::evolve(None, &started).unwrap();
    run.status = status;
    run.cancel = cancel.then_some(Asked { reason: None, at: AT });
    run.skipped = skipped
        .map(|step| crate::reconciliation::SkippedUndo { step, reason: "looked at".into(), at: AT })
        .into_iter()
        .collect();
    run
}

fn killed_run() -> Run {
    let state = Some(run(SagaStatus::Stuck, false, None));
    let events = crate::reconciliation::kill(&state, Some("gone"), AT).unwrap();
    events.iter().fold(state, crate::reconciliation::Reconciliation::evolve).unwrap()
}

#[test]
fn the_ledger_follows_commands_however_often_the_bell_rings() {
    let step = Step::PerformMatching;
    let running = begun(&[step]);
    let planned = when(running.clone(), |state| plan_undo(state, 1, None, AT));
    let stuck = when(planned, |state| undo_failed(state, 1, step, &failure(step), AT));
    let paused = Saga::evolve(running.clone(), &SagaEvent::Paused { attempt: 1, reason: None, at: AT });
    use SagaStatus as S;
    for (ledger, run, told) in [
        (&running, run(S::Paused, false, None), &["Paused"][..]),
        (&paused, run(S::Running, false, None), &["Resumed"]),
        (&running, run(S::Compensating, true, None), &["CancelRequested"]),
        (&paused, run(S::Compensating, true, None), &["CancelRequested"]),
        (&stuck, run(S::Compensating, true, None), &["CancelRequested"]),
        (&stuck, run(S::Compensating, false, None), &["Resumed"]),
        (&stuck, run(S::Compensating, false, Some(step)), &["UndoSkipped"]),
        (&stuck, run(S::Stuck, false, None), &[]),
        (&running, run(S::Running, false, None), &[]),
        (&None, run(S::Compensating, true, None), &[]),
        (&stuck, killed_run(), &["Killed"]),
    ] {
        use crate::Event;
        let events = follow(ledger, &run, AT);
        assert_eq!(events.iter().map(Event::event_type).collect::<Vec<_>>(), told);
        let after = events.iter().fold(ledger.clone(), Saga::evolve);
        assert_eq!(follow(&after, &run, AT), [], "rings again");
    }
}

/// Everything that anybody may decide about a ledger.
fn decide(
    number: u8,
    attempt: AttemptNumber,
    state: &Option<SagaRun>,
    now: Timestamp,
) -> Result<Decided<Saga>, Decline> {
    let step = Step::ALL[usize::from(number / 16) % Step::ALL.len()];
    match number % 16 {
        0 => start(state, attempt, "arn"),
        1 => start_attempt(state, attempt, "arn2", (step, &FETCHES), now),
        2 => replace_execution(state, attempt, ("arn", "arn-undo"), "FAILED", now),
        3 | 4 => step_started(state, attempt, step, now),
        5 => step_progressed(state, attempt, step, (1, 2), now),
        6 => step_waiting(state, attempt, step, (WaitReason::Throttled, Some(at(9))), BUDGET_S, now),
        7 => step_succeeded(state, attempt, step, Value::Null, now),
        8 => step_failed(state, attempt, step, &failure(step), now),
        9 => plan_undo(state, attempt, Some(&failure(step)), now),
        10 => undo_started(state, attempt, step, now),
        11 => undo_finished(state, attempt, step, now),
        12 => undo_failed(state, attempt, step, &failure(step), now),
        13 => complete(state, attempt, now),
        14 => compensate(state, attempt, now),
        _ => kill(state, attempt, None, now),
    }
}

proptest! {
    #[test]
    fn whatever_happened_deciding_again_yields_nothing(history in prop::collection::vec((0u8..96, 0u32..2), 1..80)) {
        let mut state = None;
        for (second, (number, behind)) in history.into_iter().enumerate() {
            let now = at(i64::try_from(second).unwrap());
            let attempt = state.as_ref().map_or(1, |saga: &SagaRun| saga.attempt).saturating_sub(behind).max(1);
            let Ok(events) = decide(number, attempt, &state, now) else { continue };
            let turned = state.as_ref().is_some_and(|saga| !saga.status.goes_forward());
            for event in &events {
                let forward = matches!(event, SagaEvent::Completed { .. } | SagaEvent::UndoPlanned { .. });
                prop_assert!(!(turned && forward), "{event:?} after the attempt had turned around");
            }
            state = events.iter().fold(state, Saga::evolve);
            let again = decide(number, attempt, &state, now);
            prop_assert!(again.as_ref().map_or(true, Vec::is_empty), "{number}: {again:?}");
            let Some(saga) = &state else { continue };
            let ended = matches!(saga.status, SagaStatus::Failed | SagaStatus::Cancelled) && !saga.was_killed();
            prop_assert!(!ended || saga.to_undo().is_empty(), "ended with something left: {saga:?}");
            prop_assert_eq!(saga.status.has_ended(), saga.ended_at.is_some());
            let text = serde_json::to_string(saga).unwrap();
            prop_assert_eq!(&serde_json::from_str::<SagaRun>(&text).unwrap(), saga);
        }
    }
}
