//! A small second saga: a trip. It says what its steps are and what they do, and gets everything else for free.

use crate::scaffold::{UnderTest, fates, hold};
use ::saga::{DecisionOf, Effect, Guard, LedgerOf, StepError, StepInput, Undoes};
use async_trait::async_trait;
use domain::{
    Aggregate, AttemptNumber, CorrelationId, Decided, Decline, Event, Failure, ReconciliationId, TenantId, Timestamp,
    saga::{self, SagaOf, SagaStep, Subject, Undo, ended_fence, forward_fence},
    status::Status,
};
use event_store::{Append, EventStore, MemoryStore, NewCommit, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use testkit::{Fault, FaultyStore, FixedClock, SequentialIds};
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Leg {
    ReserveHotel,
    BookFlight,
    Confirm,
}

impl SagaStep for Leg {
    const SAGA: &'static str = "trip";

    fn all() -> &'static [Self] {
        &[Self::ReserveHotel, Self::BookFlight, Self::Confirm]
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::ReserveHotel => "reserve_hotel",
            Self::BookFlight => "book_flight",
            Self::Confirm => "confirm",
        }
    }

    fn undo(self) -> Undo {
        if self == Self::Confirm { Undo::ForwardOnly } else { Undo::Event }
    }

    fn timeout_s(self) -> u32 {
        10
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum TripEvent {
    Booked { leg: Leg },
    Unbooked { leg: Leg },
    TripTurned { failure: Failure },
    TripEnded { status: Status },
}

impl Event for TripEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Booked { .. } => "Booked",
            Self::Unbooked { .. } => "Unbooked",
            Self::TripTurned { .. } => "TripTurned",
            Self::TripEnded { .. } => "TripEnded",
        }
    }
}

#[derive(Debug, Clone, Default)]
struct State {
    booked: Vec<Leg>,
    turned: bool,
    ended: Option<Status>,
}

#[derive(Debug)]
struct Trip;

impl Aggregate for Trip {
    const TYPE: &'static str = "trip";
    type Event = TripEvent;
    type State = State;

    fn evolve(mut state: State, event: &TripEvent) -> State {
        match event {
            TripEvent::Booked { leg } => state.booked.push(*leg),
            TripEvent::Unbooked { leg } => state.booked.retain(|booked| booked != leg),
            TripEvent::TripTurned { .. } => state.turned = true,
            TripEvent::TripEnded { status } => state.ended = Some(*status),
        }
        state
    }
}

impl Subject for Trip {
    type Step = Leg;

    fn attempt(_: &State) -> Option<AttemptNumber> {
        Some(1)
    }

    fn is_cancelled(_: &State) -> bool {
        false
    }

    fn may_go_on(state: &State, _: AttemptNumber) -> Result<(), Decline> {
        if state.turned { Err(Decline::superseded("the trip is off")) } else { Ok(()) }
    }

    fn hold(_: &State, _: AttemptNumber, _: &Failure, _: Timestamp) -> Result<Decided<Self>, Decline> {
        Ok(Vec::new())
    }

    fn compensating(state: &State, _: AttemptNumber, why: &Failure, _: Timestamp) -> Result<Decided<Self>, Decline> {
        Ok(if state.turned { Vec::new() } else { vec![TripEvent::TripTurned { failure: why.clone() }] })
    }

    fn stuck(_: &State, _: AttemptNumber, _: (Leg, &Failure), _: Timestamp) -> Result<Decided<Self>, Decline> {
        Ok(Vec::new())
    }

    fn end_undone(state: &State, _: AttemptNumber, _: Timestamp) -> Result<Decided<Self>, Decline> {
        let status = Status::Failed;
        Ok(if state.ended.is_some() { Vec::new() } else { vec![TripEvent::TripEnded { status }] })
    }
}

/// Unbooks what is booked.
struct Unbook;

#[async_trait]
impl Undoes<Trip> for Unbook {
    async fn effect(
        &self,
        _: &LedgerOf<Trip>,
        _: &StepInput,
        leg: Leg,
        trip: &State,
    ) -> Result<Effect<Trip>, StepError> {
        let subject = if trip.booked.contains(&leg) { vec![TripEvent::Unbooked { leg }] } else { Vec::new() };
        Ok(Effect { subject, others: Vec::new() })
    }
}

#[derive(Clone)]
struct Journey {
    stored: MemoryStore,
    store: Arc<FaultyStore>,
    ids: Arc<SequentialIds>,
}

impl Journey {
    async fn confirm(&self) -> Result<(), StepError> {
        let (ledger, input) = (self.ledger(), self.input());
        let fence = forward_fence(1);
        let work = ledger.transact(&input, Guard::Fence(&fence), |current, at| {
            let mut lines = saga::step_succeeded(&current.saga.state, 1, Leg::Confirm, Value::Null, at)?;
            lines.extend(saga::complete(&current.saga.state, 1, at)?);
            let subject = match current.run.state.ended {
                None => vec![TripEvent::TripEnded { status: Status::Completed }],
                Some(_) => Vec::new(),
            };
            Ok(DecisionOf { saga: lines, subject, set_fence: Some(ended_fence(1)), ..DecisionOf::default() })
        });
        ledger.step(&input, Leg::Confirm, &fence, (), work).await
    }
}

#[async_trait]
impl UnderTest for Journey {
    type Subject = Trip;

    async fn fresh() -> Self {
        let stored = MemoryStore::new();
        let store = Arc::new(FaultyStore::new(Arc::new(stored.clone()), []));
        let journey = Self { stored, store, ids: Arc::default() };
        let (ledger, input) = (journey.ledger(), journey.input());
        let begin = saga::start(&None, 1, "arn").unwrap();
        let id = input.reconciliation_id.as_str();
        let append = NewCommit::of::<SagaOf<Leg>>(&input.tenant_id, id, 0, &begin, Uuid::from_u128(77)).unwrap();
        let append = Append { set_fence: Some(forward_fence(1)), ..append };
        let metadata = ledger.metadata(&input, ledger.now());
        let transaction = Transaction { appends: vec![append], command: None, fence: None, metadata };
        journey.stored.append(transaction).await.unwrap();
        journey
    }

    fn with_fault(&self, position: usize, fault: Fault) -> Self {
        let store = Arc::new(FaultyStore::new(Arc::new(self.stored.clone()), [(position, fault)]));
        Self { store, ..self.clone() }
    }

    fn appends(&self) -> usize {
        self.store.appends()
    }

    fn ledger(&self) -> LedgerOf<Trip> {
        LedgerOf::new(self.store.clone(), Arc::new(FixedClock::default()), self.ids.clone())
    }

    fn input(&self) -> StepInput {
        StepInput {
            schema: 1,
            tenant_id: TenantId::parse("acme").unwrap(),
            reconciliation_id: ReconciliationId::parse("lisbon").unwrap(),
            attempt: 1,
            correlation_id: CorrelationId::parse("corr").unwrap(),
        }
    }

    fn undoes(&self) -> Arc<dyn Undoes<Trip>> {
        Arc::new(Unbook)
    }

    async fn forward(&self, leg: Leg) -> Result<(), StepError> {
        if leg == Leg::Confirm {
            return self.confirm().await;
        }
        let (ledger, input) = (self.ledger(), self.input());
        let book = ledger.succeed(&input, leg, Value::Null, |trip: &State| {
            Ok(if trip.booked.contains(&leg) { Vec::new() } else { vec![TripEvent::Booked { leg }] })
        });
        ledger.step(&input, leg, &forward_fence(1), (), book).await
    }

    async fn visible(&self) -> BTreeMap<String, String> {
        let trip = self.ledger().current(&self.input()).await.unwrap().run.state;
        trip.booked.iter().map(|leg| (leg.as_str().to_owned(), "booked".to_owned())).collect()
    }
}

#[tokio::test]
async fn another_saga_gets_all_of_it() {
    hold::<Journey>().await;
}

#[tokio::test]
async fn its_fates_are_told_as_trees() {
    insta::assert_snapshot!(fates::<Journey>().await);
}
