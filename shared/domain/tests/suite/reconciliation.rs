use crate::deciding::deciding_again_yields_nothing;
use domain::{
    ConnectionId, DateRange, ErrorName, Failure, JobId, Timestamp,
    connection::Adapter,
    job::Side,
    reconciliation::{self, Fetched, Published, Reconciliation, Request, StagedData},
    saga::Step,
    summary::RunSummary,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Command {
    Start(&'static str),
    OrdersFetched,
    PaymentsFetched,
    Publish,
    Withdraw,
    Complete,
    Hold,
    Compensating,
    GetStuck(Step),
    EndUndone,
    Kill,
    Retry(Option<Step>),
    Cancel,
    Pause,
    Resume,
    SkipUndo(Option<Step>),
}

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

fn request(end: &str) -> Request {
    let side = |adapter| Side { adapter, connection: ConnectionId::parse("c").unwrap() };
    Request {
        job_id: JobId::parse("job").unwrap(),
        job_version: 1,
        date_range: DateRange { start: "2026-02-01".into(), end: end.into() },
        timezone: "UTC".into(),
        source: side(Adapter::Shopify),
        target: side(Adapter::Stripe),
    }
}

fn fetched(attempt: u32) -> Fetched {
    Fetched { attempt, count: 3, reference: "staged/x".into(), digest: "d".into(), fetch_duration_ms: 5 }
}

fn failure() -> Failure {
    let name = ErrorName::ProviderUnavailable;
    Failure { name, message: "503".into(), step: "fetch_shopify_orders".into(), retryable: true }
}

#[test]
fn deciding_again_yields_no_events() {
    let step = || prop::sample::select(&Step::ALL[..]);
    let command = prop_oneof![
        prop::sample::select(vec!["2026-02-28", "2026-02-27"]).prop_map(Command::Start),
        step().prop_map(Command::GetStuck),
        prop::option::of(step()).prop_map(Command::Retry),
        prop::option::of(step()).prop_map(Command::SkipUndo),
        prop::sample::select(vec![
            Command::OrdersFetched,
            Command::PaymentsFetched,
            Command::Publish,
            Command::Withdraw,
            Command::Complete,
            Command::Hold,
            Command::Compensating,
            Command::EndUndone,
            Command::Kill,
            Command::Cancel,
            Command::Pause,
            Command::Resume,
        ]),
    ];
    let commands = (1_u32..3, command);
    deciding_again_yields_nothing::<Reconciliation, _, _>(commands.boxed(), |state, (attempt, command)| {
        let attempt = *attempt;
        match command {
            Command::Start(end) => reconciliation::start(state, &request(end), NOW),
            Command::OrdersFetched => reconciliation::orders_fetched(state, &fetched(attempt)),
            Command::PaymentsFetched => reconciliation::payments_fetched(state, &fetched(attempt)),
            Command::Publish => {
                let summary = RunSummary::default();
                let published = Published { attempt, summary, reference: "results/x".into(), digest: "d".into() };
                reconciliation::publish(state, &published)
            }
            Command::Withdraw => reconciliation::withdraw(state, attempt),
            Command::Complete => reconciliation::complete(state, attempt, NOW),
            Command::Hold => reconciliation::hold(state, attempt, &failure(), NOW),
            Command::Compensating => reconciliation::compensating(state, attempt, &failure(), NOW),
            Command::GetStuck(step) => reconciliation::stuck(state, attempt, *step, &failure(), NOW),
            Command::EndUndone => reconciliation::end_undone(state, attempt, NOW),
            Command::Kill => reconciliation::kill(state, None, NOW),
            Command::Retry(step) => {
                reconciliation::retry(state, *step, StagedData { orders: true, payments: true }, NOW)
            }
            Command::Cancel => reconciliation::cancel(state, None, NOW),
            Command::Pause => reconciliation::pause(state, None, NOW),
            Command::Resume => reconciliation::resume(state, NOW),
            Command::SkipUndo(step) => reconciliation::skip_undo(state, *step, "seen to", NOW),
        }
    });
}
