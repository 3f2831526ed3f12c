//! Given some events, when a decision is made, then these events follow; and for any history, deciding again yields
//! none.

use super::*;
use crate::{
    Aggregate, DateRange, Decided, Decline, ErrorName, Failure, JobId, Timestamp,
    connection::Adapter,
    fold,
    ids::{AttemptNumber, ConnectionId},
    job::Side,
    saga::Step,
    summary::RunSummary,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const ALL_STAGED: StagedData = StagedData { orders: true, payments: true };

fn request(end: &str) -> Request {
    let side = |adapter| Side { adapter, connection: ConnectionId::parse("c").unwrap() };
    Request {
        job_id: JobId::parse("job").unwrap(),
        job_version: 1,
        date_range: DateRange { start: "2026-01-01".into(), end: end.into() },
        timezone: "UTC".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
    }
}

fn fetched(attempt: AttemptNumber) -> Fetched {
    Fetched { attempt, count: 3, reference: "staged/x".into(), digest: "d".into(), fetch_duration_ms: 5 }
}

fn published(attempt: AttemptNumber) -> Published {
    Published { attempt, summary: RunSummary::default(), reference: "results/x".into(), digest: "d".into() }
}

fn failure() -> Failure {
    Failure {
        name: ErrorName::ProviderAccessDenied,
        message: "401".into(),
        step: "fetch_stripe_payments".into(),
        retryable: false,
    }
}

/// Given these decisions in turn, folds all their events.
#[derive(Clone)]
struct Given(Option<Run>);

impl Given {
    fn when(self, decide: impl Fn(&Option<Run>) -> Result<Decided<Reconciliation>, Decline>) -> Self {
        let events = decide(&self.0).unwrap();
        let state = events.iter().fold(self.0, Reconciliation::evolve);
        assert_eq!(decide(&state), Ok(Vec::new()), "deciding again yields no events");
        Self(state)
    }

    fn started() -> Self {
        Self(None).when(|state| start(state, &request("2026-01-31"), NOW))
    }

    fn fetched() -> Self {
        Self::started()
            .when(|state| payments_fetched(state, &fetched(1)))
            .when(|state| orders_fetched(state, &fetched(1)))
    }

    fn failed() -> Self {
        Self::fetched().when(|state| compensating(state, 1, &failure(), NOW)).when(|state| end_undone(state, 1, NOW))
    }

    fn status(&self) -> Status {
        self.0.as_ref().unwrap().status
    }

    /// Status and name of a refusal.
    fn declines(&self, decide: impl Fn(&Option<Run>) -> Result<Decided<Reconciliation>, Decline>) -> ErrorName {
        let refusal = decide(&self.0).unwrap_err();
        assert!(refusal.name != ErrorName::Conflict || refusal.message.contains(self.status().as_str()), "{refusal}");
        refusal.name
    }
}

#[test]
fn a_run_that_ends_well() {
    let end = Given::fetched().when(|state| publish(state, &published(1))).when(|state| complete(state, 1, NOW));
    let run = end.0.unwrap();
    assert_eq!((run.status, run.ended_at), (Status::Completed, Some(NOW)));
    assert!(run.published.is_some());
}

#[test]
fn an_id_belongs_to_one_request() {
    let state = Given::started().0;
    let other = start(&state, &request("2026-01-30"), NOW).unwrap_err();
    assert_eq!(other.name, ErrorName::Conflict);
    let newer_job = Request { job_version: 2, ..request("2026-01-31") };
    assert_eq!(start(&state, &newer_job, NOW), Ok(Vec::new()));
}

#[test]
fn undoing_hides_what_was_published_before_the_run_ends() {
    let given = Given::fetched()
        .when(|state| publish(state, &published(1)))
        .when(|state| compensating(state, 1, &failure(), NOW));
    assert_eq!(given.status(), Status::Compensating);
    assert_eq!(end_undone(&given.0, 1, NOW).unwrap_err().name, ErrorName::Conflict, "something is still visible");
    let run = given.when(|state| withdraw(state, 1)).when(|state| end_undone(state, 1, NOW)).0.unwrap();
    assert_eq!((run.status, run.published, run.failure), (Status::Failed, None, Some(failure())));
}

#[test]
fn an_attempt_that_is_over_takes_nothing_more() {
    let failed = Given::failed();
    for late in [orders_fetched(&failed.0, &fetched(1)), publish(&failed.0, &published(1)), complete(&failed.0, 1, NOW)]
    {
        assert_eq!(late.unwrap_err().name, ErrorName::Superseded);
    }
    let running = Given::started();
    assert_eq!(payments_fetched(&running.0, &fetched(2)).unwrap_err().name, ErrorName::Superseded);
    assert_eq!(complete(&running.0, 1, NOW).unwrap_err().name, ErrorName::Conflict);
}

#[test]
fn each_command_makes_sense_in_its_states_only() {
    let paused = Given::fetched().when(|state| pause(state, Some("audit"), NOW));
    let compensating = Given::fetched().when(|state| compensating(state, 1, &failure(), NOW));
    let stuck = compensating.clone().when(|state| stuck(state, 1, Step::PerformMatching, &failure(), NOW));
    let completed = Given::fetched().when(|state| publish(state, &published(1))).when(|state| complete(state, 1, NOW));
    let cancelled = Given::fetched().when(|state| cancel(state, None, NOW)).when(|state| end_undone(state, 1, NOW));
    for given in [Given::fetched(), paused, compensating, stuck, completed, Given::failed(), cancelled] {
        let possible = given.status().actions();
        let tried: [(&str, Result<Decided<Reconciliation>, Decline>); 5] = [
            ("cancel", cancel(&given.0, None, NOW)),
            ("pause", pause(&given.0, None, NOW)),
            ("resume", resume(&given.0, NOW)),
            ("retry", retry(&given.0, None, ALL_STAGED, NOW)),
            ("skip-undo", skip_undo(&given.0, None, "looked at", NOW)),
        ];
        for (command, decided) in tried {
            let what = format!("{command} of a run that is {}", given.status().as_str());
            match decided {
                Ok(events) if possible.contains(&command) => assert_eq!(events.len(), 1, "{what}"),
                // A pause of a paused run asks for what is there.
                Ok(events) => assert!(events.is_empty() && command == "pause", "{what}"),
                Err(refusal) => {
                    assert!(!possible.contains(&command), "{what}: {refusal}");
                    assert_eq!(refusal.name, ErrorName::Conflict, "{what}");
                    assert!(refusal.message.contains(given.status().as_str()), "{what}: {refusal}");
                }
            }
        }
    }
}

#[test]
fn a_cancelled_run_finishes_what_it_had_begun_and_shows_nothing_new() {
    let asked = Given::started().when(|state| cancel(state, Some("wrong month"), NOW));
    assert_eq!(asked.declines(|state| may_go_on(state, 1).map(|()| Vec::new())), ErrorName::Cancelled);
    let late = asked.when(|state| orders_fetched(state, &fetched(1)));
    assert_eq!(late.declines(|state| publish(state, &published(1))), ErrorName::Cancelled);
    assert_eq!(late.declines(|state| complete(state, 1, NOW)), ErrorName::Cancelled);
    let end = late.when(|state| end_undone(state, 1, NOW));
    assert_eq!(end.status(), Status::Cancelled);
    assert_eq!(end.declines(|state| cancel(state, None, NOW)), ErrorName::Conflict);
}

#[test]
fn an_accepted_cancel_wins_over_finishing_and_a_late_one_is_refused() {
    let shown = Given::fetched().when(|state| publish(state, &published(1)));
    let cancelled = shown.clone().when(|state| cancel(state, None, NOW));
    assert_eq!(complete(&cancelled.0, 1, NOW).unwrap_err().name, ErrorName::Cancelled);
    let completed = shown.when(|state| complete(state, 1, NOW));
    assert_eq!(completed.declines(|state| cancel(state, None, NOW)), ErrorName::Conflict);
}

#[test]
fn a_paused_run_holds_its_next_step_and_goes_on_where_it_stood() {
    let paused = Given::started().when(|state| pause(state, None, NOW));
    assert_eq!(may_go_on(&paused.0, 1).unwrap_err().name, ErrorName::OnHold);
    let late = paused.when(|state| orders_fetched(state, &fetched(1)));
    assert_eq!(late.status(), Status::Paused, "a step that had begun may finish");
    let resumed = late.when(|state| resume(state, NOW));
    assert_eq!((resumed.status(), may_go_on(&resumed.0, 1)), (Status::Running, Ok(())));
    assert_eq!(Given::started().declines(|state| resume(state, NOW)), ErrorName::Conflict, "it was never paused");
}

#[test]
fn a_retry_uses_again_what_is_staged() {
    let run = |asked, staged| Given::failed().when(move |state| retry(state, asked, staged, NOW)).0.unwrap();
    let plain = run(None, ALL_STAGED);
    assert_eq!((plain.attempt, plain.status, plain.from_step), (2, Status::Running, Some(Step::PerformMatching)));
    assert!(plain.orders.is_some() && plain.payments.is_some() && plain.failure.is_none());
    let clamped = run(Some(Step::PersistResults), ALL_STAGED);
    assert_eq!(clamped.from_step, Some(Step::PerformMatching), "what it would build on was undone");
    let again = run(Some(Step::FetchStripePayments), ALL_STAGED);
    assert!(again.orders.is_some() && again.payments.is_none());
    let all = run(Some(Step::FetchShopifyOrders), ALL_STAGED);
    assert!(all.orders.is_none() && all.payments.is_none());
    let half = run(None, StagedData { orders: false, payments: true });
    assert_eq!((half.from_step, half.reused), (Some(Step::FetchShopifyOrders), vec![Step::FetchStripePayments]));
}

#[test]
fn a_retry_whose_inputs_are_gone_names_the_step_that_is_possible() {
    let gone =
        retry(&Given::failed().0, Some(Step::PerformMatching), StagedData { orders: true, payments: false }, NOW);
    let refusal = gone.unwrap_err();
    assert_eq!(refusal.name, ErrorName::StagedDataExpired);
    assert!(refusal.message.ends_with("fetch_stripe_payments"), "{refusal}");
}

#[test]
fn an_operator_resumes_or_skips_a_stuck_undo() {
    let stuck = Given::fetched()
        .when(|state| compensating(state, 1, &failure(), NOW))
        .when(|state| stuck(state, 1, Step::PerformMatching, &failure(), NOW));
    let other = skip_undo(&stuck.0, Some(Step::PersistResults), "no", NOW).unwrap_err();
    assert!(other.message.contains("perform_matching"), "{other}");
    assert_eq!(stuck.clone().when(|state| resume(state, NOW)).status(), Status::Compensating);
    let run = stuck.when(|state| skip_undo(state, None, "looked at", NOW)).0.unwrap();
    assert_eq!((run.status, run.stuck, run.skipped.len()), (Status::Compensating, None, 1));
}

#[test]
fn a_killed_run_shows_nothing_and_can_be_retried() {
    let shown = Given::fetched().when(|state| publish(state, &published(1)));
    let killed = shown.when(|state| kill(state, Some("engine gone"), NOW));
    let run = killed.0.clone().unwrap();
    assert_eq!((run.status, run.published), (Status::Failed, None));
    assert_eq!(run.failure.unwrap().name, ErrorName::Killed);
    assert_eq!(killed.when(|state| retry(state, None, ALL_STAGED, NOW)).status(), Status::Running);
}

#[test]
fn a_lost_attempt_is_taken_over_with_what_it_had_staged() {
    let shown = Given::fetched().when(|state| publish(state, &published(1)));
    let events = take_over(&shown.0, 1, NOW).unwrap();
    let run = events.iter().fold(shown.0, Reconciliation::evolve).unwrap();
    assert_eq!((run.attempt, run.status, run.published.is_none()), (2, Status::Running, true));
    assert_eq!(run.reused, [Step::FetchShopifyOrders, Step::FetchStripePayments]);
    assert_eq!(take_over(&Some(run), 1, NOW).unwrap_err().name, ErrorName::Superseded);
}

#[test]
fn folding_restores_what_events_say() {
    let events = start(&None, &request("2026-01-31"), NOW).unwrap();
    assert_eq!(fold::<Reconciliation>(events).map(|run| run.attempt), Some(1));
}

/// Everything that anybody may decide about a run, at its current attempt or another.
fn decide(number: u8, attempt: AttemptNumber, state: &Option<Run>) -> Result<Decided<Reconciliation>, Decline> {
    let step = Step::ALL[usize::from(number) % Step::ALL.len()];
    let staged = StagedData { orders: attempt.is_multiple_of(2), payments: attempt.is_multiple_of(3) };
    match number % 17 {
        0 => start(state, &request("2026-01-31"), NOW),
        1 => orders_fetched(state, &fetched(attempt)),
        2 => payments_fetched(state, &fetched(attempt)),
        3 | 4 => publish(state, &published(attempt)),
        5 => complete(state, attempt, NOW),
        6 => hold(state, attempt, &failure(), NOW),
        7 => compensating(state, attempt, &failure(), NOW),
        8 => withdraw(state, attempt),
        9 => stuck(state, attempt, step, &failure(), NOW),
        10 => end_undone(state, attempt, NOW),
        11 => kill(state, None, NOW),
        12 => retry(state, (attempt.is_multiple_of(4)).then_some(step), staged, NOW),
        13 => cancel(state, None, NOW),
        14 => pause(state, None, NOW),
        15 => resume(state, NOW),
        _ => skip_undo(state, None, "looked at", NOW),
    }
}

proptest! {
    #[test]
    fn whatever_happened_deciding_again_yields_nothing(history in prop::collection::vec((0u8..85, 0u32..3), 1..60)) {
        let mut state = None;
        let mut results_visible = false;
        for (number, back) in history {
            let attempt = state.as_ref().map_or(1, |run: &Run| run.attempt).saturating_sub(back).max(1);
            let Ok(events) = decide(number, attempt, &state) else { continue };
            let ended = state.as_ref().is_some_and(|run| run.status.has_ended());
            for event in &events {
                match event {
                    ReconciliationEvent::ResultsPublished(_) => results_visible = true,
                    ReconciliationEvent::ResultsWithdrawn { .. } => results_visible = false,
                    _ => {}
                }
                prop_assert!(!ended || matches!(event, ReconciliationEvent::ReconciliationRetried { .. }), "{event:?} after the end");
            }
            state = events.iter().fold(state, Reconciliation::evolve);
            let again = decide(number, attempt, &state);
            prop_assert!(again.as_ref().map_or(true, Vec::is_empty), "{number}: {again:?}");
            let run = state.as_ref().unwrap();
            prop_assert_eq!(run.published.is_some(), results_visible);
            prop_assert!(!matches!(run.status, Status::Failed | Status::Cancelled) || !results_visible, "half a result");
            prop_assert_eq!(run.status == Status::Stuck, run.stuck.is_some());
            prop_assert_eq!(run.status == Status::Paused, run.paused.is_some());
        }
    }
}
