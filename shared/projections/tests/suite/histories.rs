//! Random histories out of every type of event that a projection follows: made-up ones with varying figures, and the
//! golden ones of the corpus, so that an event type that is added takes part by itself.

use crate::given::{NEW_YEAR_MS, append, definition, failed, fetched, published, started, tenant};
use domain::{
    Aggregate, ErrorName, Failure, Timestamp, aggregate,
    job::{Job, JobEvent},
    reconciliation::{Reconciliation, ReconciliationEvent},
    saga::{Saga, SagaEvent, Step},
};
use event_store::{EventStore, MemoryStore, StreamKey};
use proptest::prelude::*;
use serde_json::Value;
use std::{fs, path::Path};

/// One commit of one of a few aggregates; the first of each is completed with the event that begins it.
#[derive(Debug, Clone)]
pub enum Commit {
    Run { number: u8, events: Vec<ReconciliationEvent> },
    Ledger { number: u8, events: Vec<SagaEvent> },
    Job { number: u8, events: Vec<JobEvent> },
}

/// Aggregates of each kind.
const NUMBERS: u8 = 2;
pub const TENANTS: [&str; 2] = ["acme", "other"];

fn at() -> impl Strategy<Value = Timestamp> {
    (0..1_000_i64).prop_map(|ms| Timestamp::from_millis(NEW_YEAR_MS + ms))
}

/// Every golden event of an aggregate, as it reads today, but the one that begins it: a second beginning is damage.
fn golden<A: Aggregate>(begins: &str) -> impl Strategy<Value = A::Event>
where
    A::Event: Clone + std::fmt::Debug + 'static,
{
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/events").join(A::TYPE);
    let mut events = Vec::new();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let Some((event_type, _)) = name
            .split_once('@')
            .filter(|(event_type, rest)| ![begins, "state"].contains(event_type) && !rest.contains("schema"))
        else {
            continue;
        };
        let golden: Vec<Value> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        events.extend(
            golden.into_iter().map(|golden| aggregate::from_parts(event_type, golden["today"].clone()).unwrap()),
        );
    }
    prop::sample::select(events)
}

/// Half made up, half golden.
fn mixed<A: Aggregate>(begins: &str, made_up: impl Strategy<Value = A::Event>) -> impl Strategy<Value = A::Event>
where
    A::Event: Clone + std::fmt::Debug + 'static,
{
    prop_oneof![made_up, golden::<A>(begins)]
}

fn run_event() -> impl Strategy<Value = ReconciliationEvent> {
    prop_oneof![
        Just(ReconciliationEvent::OrdersFetched(fetched())),
        Just(ReconciliationEvent::PaymentsFetched(fetched())),
        (0..50_u64, 0..50_u64, prop::option::of(0..=10_000_u32))
            .prop_map(|(matched, unmatched, accuracy)| published(matched, unmatched, accuracy)),
        Just(ReconciliationEvent::ResultsWithdrawn { attempt: 1 }),
        at().prop_map(|completed_at| ReconciliationEvent::ReconciliationCompleted { attempt: 1, completed_at }),
        (0..1_000_i64).prop_map(|ms| failed(NEW_YEAR_MS + ms)),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    let names = [ErrorName::ProviderUnavailable, ErrorName::ProviderThrottled, ErrorName::StepCrashed];
    (prop::sample::select(names.to_vec()), "[a-z]{1,8}").prop_map(|(name, message)| Failure {
        name,
        message,
        step: "perform_matching".into(),
        retryable: true,
    })
}

fn ledger_event() -> impl Strategy<Value = SagaEvent> {
    let step = || prop::sample::select(Step::ALL.to_vec());
    let attempt = 1;
    prop_oneof![
        (step(), at()).prop_map(move |(step, at)| SagaEvent::StepStarted { attempt, step, at }),
        (step(), at(), 0..9_u64).prop_map(move |(step, at, pages)| SagaEvent::StepProgressed {
            attempt,
            step,
            pages,
            records: pages * 100,
            at
        }),
        (step(), at()).prop_map(move |(step, at)| SagaEvent::StepSucceeded {
            attempt,
            step,
            reference: Value::from("ref"),
            at
        }),
        (step(), at(), failure()).prop_map(move |(step, at, failure)| SagaEvent::StepFailed {
            attempt,
            failure,
            step,
            at
        }),
        at().prop_map(move |at| SagaEvent::Completed { attempt, at }),
        at().prop_map(move |at| SagaEvent::Compensated { attempt, at }),
    ]
}

fn job_event() -> impl Strategy<Value = JobEvent> {
    prop_oneof![
        "[a-z]{1,8}".prop_map(|name| JobEvent::JobUpdated { definition: definition(&name) }),
        Just(JobEvent::JobDeleted {}),
    ]
}

pub fn commit() -> impl Strategy<Value = Commit> {
    let number = || 0..NUMBERS;
    prop_oneof![
        3 => (number(), prop::collection::vec(mixed::<Reconciliation>("ReconciliationStarted", run_event()), 1..4)).prop_map(|(number, events)| Commit::Run { number, events }),
        3 => (number(), prop::collection::vec(mixed::<Saga>("SagaStarted", ledger_event()), 1..4)).prop_map(|(number, events)| Commit::Ledger { number, events }),
        1 => (number(), prop::collection::vec(mixed::<Job>("JobCreated", job_event()), 1..3)).prop_map(|(number, events)| Commit::Job { number, events }),
    ]
}

async fn is_new(store: &MemoryStore, stream: &StreamKey) -> bool {
    store.head(stream).await.unwrap().is_none()
}

impl Commit {
    /// Writes it. Every other aggregate belongs to the other tenant, under the same ids.
    pub async fn append(self, store: &MemoryStore) {
        let at_ms = NEW_YEAR_MS + i64::try_from(store.changes().len()).unwrap() * 3_600_000;
        let owner = |number: u8| tenant(TENANTS[usize::from(number) % TENANTS.len()]);
        match self {
            Self::Run { number, mut events } => {
                let owner = owner(number);
                if is_new(store, &StreamKey::new(&owner, Reconciliation::TYPE, "recon_1")).await {
                    events.insert(0, started("job_1"));
                }
                append::<Reconciliation>(store, &owner, "recon_1", at_ms, &events).await;
            }
            Self::Ledger { number, mut events } => {
                let owner = owner(number);
                if is_new(store, &StreamKey::new(&owner, Saga::TYPE, "recon_1")).await {
                    events.insert(0, SagaEvent::SagaStarted { attempt: 1, execution_arn: "arn".into() });
                }
                append::<Saga>(store, &owner, "recon_1", at_ms, &events).await;
            }
            Self::Job { number, mut events } => {
                let owner = owner(number);
                if is_new(store, &StreamKey::new(&owner, Job::TYPE, "job_1")).await {
                    events.insert(0, JobEvent::JobCreated { definition: definition("first") });
                }
                append::<Job>(store, &owner, "job_1", at_ms, &events).await;
            }
        }
    }
}
