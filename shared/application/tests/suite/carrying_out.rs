//! The loop load - decide - append: conflicts, lost answers, repetitions.

#![expect(clippy::unwrap_used, reason = "a test without what it begins with must stop")]

use crate::given::{World, acme, declined, definition, job_id, key, start, stream};
use application::CommandError;
use domain::{ErrorName, aggregate::data_of, job::JobEvent};
use event_store::{Append, EventStore, NewEvent, Transaction};
use std::sync::Arc;
use testkit::{Fault, FaultyStore};
use uuid::Uuid;

#[tokio::test]
async fn a_lost_race_is_decided_again() {
    let world = World::with_job().await.failing((0..3).map(|position| (position, Fault::VersionConflict)));
    let started = world.reconciliations().start(&acme(), start(Some("february")), None).await.unwrap();
    assert_eq!((started.version, world.store.appends()), (1, 4));
    assert_eq!(world.events("reconciliation", "february").await, ["ReconciliationStarted"]);
}

#[tokio::test]
async fn after_four_lost_races_the_client_is_asked_to_repeat() {
    let world = World::with_job().await.failing((0..4).map(|position| (position, Fault::VersionConflict)));
    assert_eq!(
        declined(world.reconciliations().start(&acme(), start(Some("february")), None).await),
        ErrorName::Conflict
    );
    assert_eq!((world.version("reconciliation", "february").await, world.store.appends()), (0, 4));
}

/// A change of the job that somebody else makes.
async fn rival(world: &World, event: &JobEvent) -> Transaction {
    let commits = world.memory.load(&stream("job", "job_shop"), 0).await.unwrap();
    let event_type = domain::Event::event_type(event).to_owned();
    let event = NewEvent { event_type, event_version: 1, data: data_of(event).unwrap() };
    let append = Append {
        stream: stream("job", "job_shop"),
        expected: commits.last().unwrap().to,
        events: vec![event],
        commit_id: Uuid::from_u128(77),
        set_fence: None,
    };
    Transaction { appends: vec![append], command: None, fence: None, metadata: commits[0].metadata.clone() }
}

async fn with_rival(event: JobEvent) -> World {
    let world = World::with_job().await;
    let rival = rival(&world, &event).await;
    let store = FaultyStore::new(Arc::new(world.memory.clone()), []).with_rival(0, rival);
    World { store: Arc::new(store), ..world }
}

#[tokio::test]
async fn the_second_decision_sees_what_the_rival_left() {
    let world = with_rival(JobEvent::JobUpdated { definition: definition("rival") }).await;
    let answer = world.jobs().update(&acme(), job_id(), definition("ours"), None).await.unwrap();
    assert_eq!((answer.version, answer.definition.name.as_str(), world.store.appends()), (3, "ours", 2));

    let world = with_rival(JobEvent::JobUpdated { definition: definition("ours") }).await;
    let answer = world.jobs().update(&acme(), job_id(), definition("ours"), None).await.unwrap();
    assert_eq!((answer.version, world.store.appends()), (2, 1), "the rival did what we wanted");

    let world = with_rival(JobEvent::JobDeleted {}).await;
    let refused = world.jobs().update(&acme(), job_id(), definition("ours"), None).await;
    assert_eq!(declined(refused), ErrorName::NotFound);
}

#[tokio::test]
async fn what_was_read_must_still_hold_when_the_rival_is_through() {
    let world = with_rival(JobEvent::JobUpdated { definition: definition("rival") }).await;
    let refused = world.jobs().update(&acme(), job_id(), definition("ours"), Some(1)).await;
    assert_eq!(declined(refused), ErrorName::StaleVersion);
    assert_eq!(world.version("job", "job_shop").await, 2);
}

#[tokio::test]
async fn busy_stores_are_told_apart_from_refusals() {
    let world = World::with_job().await.failing([(0, Fault::Busy)]);
    let busy = world.reconciliations().start(&acme(), start(None), None).await;
    assert!(matches!(busy, Err(CommandError::Transient(_))), "{busy:?}");
    assert_eq!(world.streams("reconciliation"), 0);
}

#[tokio::test]
async fn after_a_lost_answer_the_key_finds_it() {
    let world = World::with_job().await.failing([(0, Fault::LostAnswer)]);
    let service = world.reconciliations();
    let lost = service.start(&acme(), start(None), key("k", "body")).await;
    assert!(matches!(lost, Err(CommandError::Transient(_))), "{lost:?}");
    let first = service.start(&acme(), start(None), key("k", "body")).await.unwrap();
    assert!(first.replayed);
    assert_eq!(world.streams("reconciliation"), 1);
    assert_eq!(world.version("reconciliation", first.reconciliation_id.as_str()).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_equal_starts_at_once_start_one_run() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { service.start(&acme(), start(None), key("k", "body")).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert_eq!(world.streams("reconciliation"), 1);
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.reconciliation_id == answers[0].reconciliation_id));
    assert!(answers.iter().all(|answer| answer.correlation_id == answers[0].correlation_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn different_changes_at_once_all_come_in_turn() {
    let world = World::with_job().await;
    let service = world.jobs();
    // As many writers as there are decisions: each may lose to every other one.
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let service = service.clone();
            let change = definition(&format!("change {number}"));
            tokio::spawn(async move { service.update(&acme(), job_id(), change, None).await.unwrap().version })
        })
        .collect();
    let mut versions = Vec::new();
    for task in tasks {
        versions.push(task.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5]);
}
