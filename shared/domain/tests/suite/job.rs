use crate::deciding::deciding_again_yields_nothing_in_any_state;
use domain::{
    ConnectionId, ErrorName,
    aggregate::fold,
    connection::Adapter,
    job::{self, Job, JobDefinition, JobEvent, JobState, Side},
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Command {
    Create(JobDefinition),
    Update(JobDefinition),
    Delete,
}

fn decide(state: &JobState, command: &Command) -> Result<Vec<JobEvent>, domain::Decline> {
    match command {
        Command::Create(definition) => job::create(state, definition),
        Command::Update(definition) => job::update(state, definition),
        Command::Delete => job::delete(state),
    }
}

fn definition(name: &str) -> JobDefinition {
    let side = |adapter, connection: &str| Side { adapter, connection: ConnectionId::parse(connection).unwrap() };
    serde_json::from_value(serde_json::json!({
        "name": name,
        "source": side(Adapter::Shopify, "shop"),
        "target": side(Adapter::Stripe, "stripe"),
        "timezone": "UTC",
    }))
    .unwrap()
}

fn created(name: &str) -> JobEvent {
    JobEvent::JobCreated { definition: definition(name) }
}

fn updated(name: &str) -> JobEvent {
    JobEvent::JobUpdated { definition: definition(name) }
}

fn given(events: impl IntoIterator<Item = JobEvent>) -> JobState {
    fold::<Job>(events)
}

#[test]
fn deciding_again_yields_no_events() {
    let definitions = || "[ab]".prop_map(|name| definition(&name));
    let commands = prop_oneof![
        definitions().prop_map(Command::Create),
        definitions().prop_map(Command::Update),
        Just(Command::Delete)
    ];
    deciding_again_yields_nothing_in_any_state::<Job, _, _>(commands.boxed(), decide);
}

#[test]
fn given_nothing_when_created_then_it_is_there() {
    assert_eq!(decide(&given([]), &Command::Create(definition("a"))), Ok(vec![created("a")]));
    assert_eq!(given([created("a")]).current(), Some((1, &definition("a"))));
}

#[test]
fn given_a_job_when_created_again_then_only_the_same_definition_passes() {
    let state = given([created("a")]);
    assert_eq!(decide(&state, &Command::Create(definition("a"))), Ok(Vec::new()));
    let taken = decide(&state, &Command::Create(definition("b"))).unwrap_err();
    assert_eq!(taken.name, ErrorName::Conflict);
}

#[test]
fn given_a_job_when_updated_then_runs_still_find_the_version_they_pinned() {
    let state = given([created("a")]);
    assert_eq!(decide(&state, &Command::Update(definition("b"))), Ok(vec![updated("b")]));
    assert_eq!(decide(&state, &Command::Update(definition("a"))), Ok(Vec::new()));
    let state = given([created("a"), updated("b")]);
    assert_eq!(state.current(), Some((2, &definition("b"))));
    assert_eq!((state.at(1), state.at(2), state.at(3)), (Some(&definition("a")), Some(&definition("b")), None));
}

#[test]
fn given_a_deleted_job_then_its_id_is_spent() {
    let state = given([created("a"), JobEvent::JobDeleted {}]);
    assert_eq!(state.current(), None);
    assert_eq!(decide(&state, &Command::Delete), Ok(Vec::new()));
    assert_eq!(decide(&state, &Command::Create(definition("a"))).unwrap_err().name, ErrorName::Conflict);
    assert_eq!(decide(&state, &Command::Update(definition("a"))).unwrap_err().name, ErrorName::NotFound);
}

#[test]
fn given_nothing_when_updated_or_deleted_then_it_is_not_found() {
    for command in [Command::Update(definition("a")), Command::Delete] {
        assert_eq!(decide(&given([]), &command).unwrap_err().name, ErrorName::NotFound);
    }
}
