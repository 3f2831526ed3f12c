//! What must hold of every aggregate, shown by whatever commands come in whatever order.
//!
//! An aggregate gets all of it with one test of a few lines: a strategy for its commands, and how one is decided.

use domain::{Aggregate, Decline, Event, aggregate, catalogue::Family};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::fmt::Debug;

const HISTORIES: u32 = 256;
const LONGEST_HISTORY: usize = 24;

/// In every state that a history leads to:
///
/// - deciding again after folding what was decided yields no events;
/// - a command that is declined is declined again;
/// - every decided event is in the catalogue and reads back as it was.
pub fn deciding_again_yields_nothing<A, C, S>(
    commands: S,
    decide: impl Fn(&A::State, &C) -> Result<Vec<A::Event>, Decline>,
) where
    A: Aggregate,
    A::State: Debug,
    A::Event: Debug + PartialEq,
    C: Debug + Clone,
    S: Strategy<Value = C> + Clone,
{
    check::<A, C, S>(commands, decide, false);
}

/// As [`deciding_again_yields_nothing`], also in states that no history leads to: events left out, doubled, out of order.
pub fn deciding_again_yields_nothing_in_any_state<A, C, S>(
    commands: S,
    decide: impl Fn(&A::State, &C) -> Result<Vec<A::Event>, Decline>,
) where
    A: Aggregate,
    A::State: Debug,
    A::Event: Debug + PartialEq,
    C: Debug + Clone,
    S: Strategy<Value = C> + Clone,
{
    check::<A, C, S>(commands, decide, true);
}

fn check<A, C, S>(commands: S, decide: impl Fn(&A::State, &C) -> Result<Vec<A::Event>, Decline>, any_state: bool)
where
    A: Aggregate,
    A::State: Debug,
    A::Event: Debug + PartialEq,
    C: Debug + Clone,
    S: Strategy<Value = C> + Clone,
{
    let history = vec(commands.clone(), 1..LONGEST_HISTORY);
    let shuffled = vec(any::<prop::sample::Index>(), 0..LONGEST_HISTORY);
    let mut runner = TestRunner::new(Config { cases: HISTORIES, ..Config::default() });
    let outcome = runner.run(&(history, shuffled, commands), |(history, shuffled, last)| {
        let mut state = A::State::default();
        let mut happened = Vec::new();
        for command in &history {
            let (next, events) = decided_twice::<A, C>(state, command, &decide)?;
            state = next;
            happened.extend(events);
        }
        if any_state && !happened.is_empty() {
            let events = shuffled.iter().map(|index| index.get(&happened).clone());
            decided_twice::<A, C>(aggregate::fold::<A>(events), &last, &decide)?;
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn decided_twice<A, C>(
    state: A::State,
    command: &C,
    decide: &impl Fn(&A::State, &C) -> Result<Vec<A::Event>, Decline>,
) -> Result<(A::State, Vec<A::Event>), TestCaseError>
where
    A: Aggregate,
    A::State: Debug,
    A::Event: Debug + PartialEq,
    C: Debug,
{
    let events = match decide(&state, command) {
        Ok(events) => events,
        Err(decline) => {
            prop_assert_eq!(decide(&state, command), Err(decline), "another answer to the same command");
            return Ok((state, Vec::new()));
        }
    };
    for event in &events {
        reads_back::<A>(event)?;
    }
    let state = events.iter().fold(state, A::evolve);
    let again = decide(&state, command);
    prop_assert!(
        again.as_ref().map_or(true, Vec::is_empty),
        "{command:?} decided {events:?}; decided again in {state:?} it yields {again:?}"
    );
    Ok((state, events))
}

fn reads_back<A: Aggregate>(event: &A::Event) -> Result<(), TestCaseError>
where
    A::Event: Debug + PartialEq,
{
    let failed = |cause: serde_json::Error| TestCaseError::fail(format!("{event:?}: {cause}"));
    let data = aggregate::data_of(event).map_err(failed)?;
    let read: A::Event = aggregate::from_parts(event.event_type(), data.clone()).map_err(failed)?;
    prop_assert_eq!(&read, event);
    let family = Family::of(A::TYPE).ok_or_else(|| TestCaseError::fail(format!("{} is not catalogued", A::TYPE)))?;
    let written = family.read(event.event_type(), data.clone()).map_err(failed)?;
    prop_assert_eq!((written.event_version, written.data), (event.event_version(), data));
    Ok(())
}
