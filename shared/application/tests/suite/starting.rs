//! StartReconciliation: what it pins, what makes two starts the same, and what it costs.

use crate::given::{World, acme, declined, definition, job_id, key, other, start, stream, wrong_fields};
use application::StartReconciliation;
use domain::{
    CorrelationId, DateRange, ErrorName, JobId,
    connection::Adapter,
    reconciliation::{Reconciliation, Status},
};
use event_store::{EventStore, load};

#[tokio::test]
async fn a_start_pins_the_jobs_version() {
    let world = World::with_job().await;
    world.jobs().update(&acme(), job_id(), definition("second"), None).await.unwrap();
    let command = StartReconciliation {
        correlation_id: Some(CorrelationId::parse("corr-february").unwrap()),
        source_adapter: Some(Adapter::Shopify),
        target_adapter: Some(Adapter::Stripe),
        ..start(Some("february"))
    };
    let started = world.reconciliations().start(&acme(), command, None).await.unwrap();
    assert_eq!((started.status, started.attempt, started.version), (Status::Running, 1, 1));
    let loaded = load::<Reconciliation>(&world.memory, &acme().tenant, "february").await.unwrap();
    let request = loaded.state.unwrap().request;
    assert_eq!((request.job_version, request.timezone.as_str()), (2, "Europe/Berlin"));
    let origin = loaded.origin.unwrap();
    assert_eq!((origin.correlation_id.as_str(), origin.user_id.as_deref()), ("corr-february", Some("key_acme")));
}

#[tokio::test]
async fn the_same_start_again_is_the_same_answer() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    let first = service.start(&acme(), start(Some("february")), None).await.unwrap();
    world.clock.advance_ms(60_000);
    let again = service.start(&acme(), start(Some("february")), None).await.unwrap();
    assert_eq!(again.correlation_id, first.correlation_id, "the run's own, not a fresh one");
    assert_eq!((again.version, again.status), (first.version, first.status));
    assert_eq!(world.version("reconciliation", "february").await, 1);
}

#[tokio::test]
async fn an_id_belongs_to_one_content() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    service.start(&acme(), start(Some("february")), None).await.unwrap();
    let march = DateRange { start: "2026-03-01".into(), end: "2026-03-31".into() };
    let other_content = StartReconciliation { date_range: march, ..start(Some("february")) };
    assert_eq!(declined(service.start(&acme(), other_content, None).await), ErrorName::Conflict);
}

#[tokio::test]
async fn a_start_is_the_same_whatever_became_of_the_job() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    let first = service.start(&acme(), start(Some("february")), key("k", "body")).await.unwrap();
    let unnamed = service.start(&acme(), start(None), key("k2", "body")).await.unwrap();
    world.jobs().delete(&acme(), job_id(), None).await.unwrap();

    let by_id = service.start(&acme(), start(Some("february")), None).await.unwrap();
    assert_eq!((by_id.version, by_id.replayed), (1, false));
    let by_key = service.start(&acme(), start(Some("february")), key("k", "body")).await.unwrap();
    assert_eq!((by_key.reconciliation_id, by_key.replayed), (first.reconciliation_id, true));
    let by_key = service.start(&acme(), start(None), key("k2", "body")).await.unwrap();
    assert_eq!((by_key.reconciliation_id, by_key.replayed), (unnamed.reconciliation_id, true));
    assert_eq!(declined(service.start(&acme(), start(Some("march")), None).await), ErrorName::NotFound);
}

#[tokio::test]
async fn a_key_belongs_to_one_body() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    let first = service.start(&acme(), start(None), key("k", "body")).await.unwrap();
    let reused = service.start(&acme(), start(None), key("k", "another body")).await;
    assert_eq!(declined(reused), ErrorName::IdempotencyKeyReused);
    let id = first.reconciliation_id.as_str();
    let reused = service.start(&acme(), start(Some(id)), key("k", "another body")).await;
    assert_eq!(declined(reused), ErrorName::IdempotencyKeyReused, "also when the run is there");
    assert_eq!(world.streams("reconciliation"), 1);
}

#[tokio::test]
async fn a_key_that_met_an_existing_run_is_taken_too() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    service.start(&acme(), start(Some("february")), None).await.unwrap();
    let joined = service.start(&acme(), start(Some("february")), key("k", "body")).await.unwrap();
    assert!(!joined.replayed);
    assert!(service.start(&acme(), start(Some("february")), key("k", "body")).await.unwrap().replayed);
    let reused = service.start(&acme(), start(None), key("k", "another body")).await;
    assert_eq!(declined(reused), ErrorName::IdempotencyKeyReused);
    assert_eq!(world.streams("reconciliation"), 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_seven_days() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    let first = service.start(&acme(), start(None), key("k", "body")).await.unwrap();
    world.clock.advance_ms(7 * 86_400_000);
    assert!(service.start(&acme(), start(None), key("k", "body")).await.unwrap().replayed);
    world.clock.advance_ms(1);
    let fresh = service.start(&acme(), start(None), key("k", "another body")).await.unwrap();
    assert_ne!(fresh.reconciliation_id, first.reconciliation_id);
}

#[tokio::test]
async fn keys_and_jobs_belong_to_a_tenant() {
    let world = World::with_job().await;
    let service = world.reconciliations();
    service.start(&acme(), start(Some("february")), key("k", "body")).await.unwrap();
    let foreign = service.start(&other(), start(Some("february")), key("k", "body")).await;
    assert_eq!(declined(foreign), ErrorName::NotFound, "another tenant's job is no job");
    let unknown = StartReconciliation { job_id: JobId::parse("nowhere").unwrap(), ..start(None) };
    assert_eq!(declined(service.start(&acme(), unknown, None).await), ErrorName::NotFound);
}

#[tokio::test]
async fn adapters_must_be_the_jobs() {
    let world = World::with_job().await;
    let swapped = StartReconciliation {
        source_adapter: Some(Adapter::Stripe),
        target_adapter: Some(Adapter::Shopify),
        ..start(None)
    };
    let code = "not_the_jobs_adapter";
    assert_eq!(
        wrong_fields(world.reconciliations().start(&acme(), swapped, None).await),
        [("/source_adapter".to_owned(), code), ("/target_adapter".to_owned(), code)]
    );
}

#[tokio::test]
async fn a_start_costs_at_most_eight_write_units() {
    for with_id in [false, true] {
        let world = World::with_job().await;
        let id = "r".repeat(32);
        let command = start(with_id.then_some(id.as_str()));
        let hash = "0123456789abcdef".repeat(4);
        let started = world.reconciliations().start(&acme(), command, key(&"k".repeat(32), &hash)).await.unwrap();
        let milli = started.units.write_milli;
        assert!(0 < milli && milli <= 8_000, "{milli} milli-units, id given: {with_id}");
        let head = world.memory.head(&stream("reconciliation", started.reconciliation_id.as_str())).await.unwrap();
        assert_eq!(head.map(|head| head.version), Some(1));
    }
}
