//! What calls do to circuits, over both stores.

use crate::{
    backend::{Backend, tenant},
    both,
};
use domain::{TenantId, ports::PortError};
use resilience::breaker::{
    Breakers, Circuit, CircuitKey, CircuitStore, Counts, Guard, Guarded, Outcome, Phase, Policy, Refused,
};
use std::{collections::BTreeSet, sync::Arc};

both!(
    it_opens_when_half_of_at_least_five_calls_fail,
    of_fifty_environments_at_retry_at_one_probes,
    three_successes_close_it_and_a_failure_opens_it_again,
    the_lease_of_a_prober_that_died_runs_out,
    a_prober_that_ends_early_hands_its_successes_on,
    a_throttled_account_is_left_alone_until_its_time_and_no_other_is_touched,
    three_tenants_in_trouble_open_the_providers_own,
    throttled_tenants_say_nothing_about_the_provider,
    calls_of_many_invocations_add_up,
    what_a_provider_refuses_never_counts,
    every_transition_is_announced_once_though_the_bus_was_down,
);

async fn call(guard: &Guard, outcome: Outcome) -> Result<(), Refused> {
    guard.admit().await?;
    guard.record(outcome).await;
    Ok(())
}

async fn fail(guard: &Guard, times: u32) {
    for _ in 0..times {
        call(guard, Outcome::Failed).await.unwrap();
    }
}

/// Opens a tenant's circuit.
async fn open(world: &Backend, name: &str) {
    fail(&world.guard(name), 5).await;
    assert_eq!(world.circuit(&format!("stripe.{name}")).await.phase.as_str(), "open");
}

async fn it_opens_when_half_of_at_least_five_calls_fail(world: &Backend) {
    let guard = world.guard("acme");
    fail(&guard, 2).await;
    for _ in 0..2 {
        call(&guard, Outcome::Succeeded).await.unwrap();
    }
    assert_eq!(world.circuit("stripe.acme").await.phase, Phase::Closed, "four calls are not enough");
    call(&guard, Outcome::Failed).await.unwrap();
    let opened = world.circuit("stripe.acme").await;
    let retry_at = world.seconds(60);
    assert_eq!(opened.phase, Phase::Open { retry_at });
    assert_eq!(opened.counts(world.now(), &Policy::default()), Counts { calls: 5, failures: 3 });
    world.pass(59);
    let key = CircuitKey::parse("stripe.acme").unwrap();
    assert_eq!(world.guard("acme").admit().await, Err(Refused { key, retry_at }));
    assert_eq!(world.guard("other").admit().await, Ok(()), "another account is not in its way");

    let healthy = world.guard("healthy");
    for outcome in [Outcome::Failed, Outcome::Failed] {
        call(&healthy, outcome).await.unwrap();
    }
    for _ in 0..3 {
        call(&healthy, Outcome::Succeeded).await.unwrap();
    }
    call(&healthy, Outcome::Failed).await.unwrap();
    assert_eq!(world.circuit("stripe.healthy").await.phase.as_str(), "open", "3 of 6 are half");
}

async fn of_fifty_environments_at_retry_at_one_probes(world: &Backend) {
    open(world, "acme").await;
    world.pass(60);
    let guards: Vec<Guard> = (0..50).map(|_| world.guard("acme")).collect();
    let asked = guards.iter().map(|guard| async move { guard.admit().await.is_ok() });
    let admitted = futures::future::join_all(asked).await;
    assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 1);
    let prober = guards.into_iter().zip(admitted).find_map(|(guard, admitted)| admitted.then_some(guard)).unwrap();
    for _ in 0..2 {
        prober.record(Outcome::Succeeded).await;
        assert!(world.guard("acme").admit().await.is_err(), "the prober is still alone");
        prober.admit().await.unwrap();
    }
    prober.record(Outcome::Succeeded).await;
    assert_eq!(world.guard("acme").admit().await, Ok(()));
}

async fn three_successes_close_it_and_a_failure_opens_it_again(world: &Backend) {
    open(world, "acme").await;
    world.pass(60);
    let guard = world.guard("acme");
    call(&guard, Outcome::Succeeded).await.unwrap();
    call(&guard, Outcome::Failed).await.unwrap();
    assert_eq!(world.circuit("stripe.acme").await.retry_at(), Some(world.seconds(60)));
    assert!(guard.admit().await.is_err());
    world.pass(60);
    let guard = world.guard("acme");
    for _ in 0..3 {
        assert_ne!(world.circuit("stripe.acme").await.phase, Phase::Closed);
        call(&guard, Outcome::Succeeded).await.unwrap();
    }
    let closed = world.circuit("stripe.acme").await;
    assert_eq!(closed.phase, Phase::Closed);
    assert_eq!(closed.counts(world.now(), &Policy::default()), Counts::default(), "it begins anew");
    let reasons: Vec<&str> = closed.history.iter().map(|transition| transition.reason.as_str()).collect();
    assert_eq!(reasons, ["failures", "probe_due", "probe_failed", "probe_due", "probes_succeeded"]);
}

async fn the_lease_of_a_prober_that_died_runs_out(world: &Backend) {
    open(world, "acme").await;
    world.pass(60);
    let dead = world.guard("acme");
    dead.admit().await.unwrap();
    world.pass(44);
    assert!(world.guard("acme").admit().await.is_err());
    world.pass(1);
    let heir = world.guard("acme");
    heir.admit().await.unwrap();
    // Not dead after all, but late: what it has to say is no longer asked for.
    dead.record(Outcome::Failed).await;
    for _ in 0..3 {
        call(&heir, Outcome::Succeeded).await.unwrap();
    }
    assert_eq!(world.circuit("stripe.acme").await.phase, Phase::Closed);
}

async fn a_prober_that_ends_early_hands_its_successes_on(world: &Backend) {
    open(world, "acme").await;
    world.pass(60);
    for _ in 0..3 {
        let guard = world.guard("acme");
        call(&guard, Outcome::Succeeded).await.unwrap();
        guard.finish().await;
    }
    assert_eq!(world.circuit("stripe.acme").await.phase, Phase::Closed);
}

async fn a_throttled_account_is_left_alone_until_its_time_and_no_other_is_touched(world: &Backend) {
    let guard = world.guard("acme");
    let until = world.seconds(90);
    call(&guard, Outcome::Throttled { until }).await.unwrap();
    assert_eq!(world.circuit("stripe.acme").await.phase, Phase::Open { retry_at: until });
    // An earlier time changes nothing, a later one does.
    guard.record(Outcome::Throttled { until: world.seconds(10) }).await;
    assert_eq!(world.circuit("stripe.acme").await.epoch, 1);
    world.pass(89);
    assert_eq!(guard.admit().await.unwrap_err().retry_at, until, "asked before each call, by whoever");
    assert_eq!(world.guard("acme").admit().await.unwrap_err().retry_at, until);
    assert_eq!(world.guard("other").admit().await, Ok(()));
    world.pass(1);
    assert_eq!(world.guard("acme").admit().await, Ok(()));
}

async fn three_tenants_in_trouble_open_the_providers_own(world: &Backend) {
    for name in ["a", "b"] {
        open(world, name).await;
    }
    assert_eq!(world.guard("bystander").admit().await, Ok(()));
    open(world, "c").await;
    assert_eq!(world.circuit("stripe").await.phase, Phase::Open { retry_at: world.seconds(60) });
    assert_eq!(world.guard("bystander").admit().await.unwrap_err().key.to_string(), "stripe");
    assert_eq!(world.breakers().guard("shopify", &tenant("a")).admit().await, Ok(()), "another provider");
    world.pass(60);
    // Tenants with and without trouble of their own come at once: one call goes out.
    let names = ["a", "b", "c", "bystander", "d", "e", "f", "g"];
    let guards: Vec<Guard> = names.iter().map(|name| world.guard(name)).collect();
    let admitted =
        futures::future::join_all(guards.iter().map(|guard| async move { guard.admit().await.is_ok() })).await;
    assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 1);
    let prober = guards.iter().zip(&admitted).find_map(|(guard, admitted)| admitted.then_some(guard)).unwrap();
    prober.record(Outcome::Succeeded).await;
    for _ in 0..2 {
        call(prober, Outcome::Succeeded).await.unwrap();
    }
    let shared = world.circuit("stripe").await;
    assert_eq!((shared.phase, shared.troubled), (Phase::Closed, BTreeSet::new()));
    assert_eq!(world.guard("bystander").admit().await, Ok(()));
}

async fn throttled_tenants_say_nothing_about_the_provider(world: &Backend) {
    for name in ["a", "b", "c", "d"] {
        world.guard(name).record(Outcome::Throttled { until: world.seconds(90) }).await;
    }
    assert_eq!(world.circuit("stripe").await.phase, Phase::Closed);
}

async fn calls_of_many_invocations_add_up(world: &Backend) {
    let used = (0..20).map(|_| async {
        let guard = world.guard("acme");
        for _ in 0..3 {
            call(&guard, Outcome::Succeeded).await.unwrap();
        }
        guard.finish().await;
        guard.finish().await;
    });
    futures::future::join_all(used).await;
    let counts = |circuit: &Circuit| circuit.counts(world.now(), &Policy::default());
    assert_eq!(counts(&world.circuit("stripe.acme").await), Counts { calls: 60, failures: 0 });
    world.pass(30);
    world.guard("acme").record(Outcome::Failed).await;
    assert_eq!(counts(&world.circuit("stripe.acme").await), Counts { calls: 61, failures: 1 });
    world.pass(31);
    assert_eq!(counts(&world.circuit("stripe.acme").await), Counts { calls: 1, failures: 1 });
}

async fn what_a_provider_refuses_never_counts(world: &Backend) {
    let guard = world.guard("acme");
    for _ in 0..20 {
        call(&guard, Outcome::Answered).await.unwrap();
    }
    guard.finish().await;
    assert_eq!(world.circuit("stripe.acme").await, Circuit::new(CircuitKey::parse("stripe.acme").unwrap()));
}

async fn every_transition_is_announced_once_though_the_bus_was_down(world: &Backend) {
    world.bus.down.store(true, std::sync::atomic::Ordering::SeqCst);
    open(world, "acme").await;
    world.bus.down.store(false, std::sync::atomic::Ordering::SeqCst);
    world.pass(60);
    let guard = world.guard("acme");
    for _ in 0..3 {
        call(&guard, Outcome::Succeeded).await.unwrap();
    }
    call(&guard, Outcome::Succeeded).await.unwrap();
    let heard: Vec<(&str, u64)> = world
        .bus
        .all
        .lock()
        .unwrap()
        .iter()
        .map(|announcement| (announcement.event_type(), announcement.transition.epoch))
        .collect();
    assert_eq!(
        heard.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        ["CircuitOpened", "CircuitHalfOpened", "CircuitClosed"]
    );
    assert!(heard.is_sorted_by_key(|(_, epoch)| *epoch));
    assert!(world.circuit("stripe.acme").await.unannounced().is_empty());
}

/// A table that does not answer.
struct Down;

#[async_trait::async_trait]
impl CircuitStore for Down {
    async fn read(&self, _: &[CircuitKey]) -> Result<Vec<Circuit>, PortError> {
        Err(PortError::Transient("down".into()))
    }
    async fn add(&self, _: &CircuitKey, _: i64, _: Counts) -> Result<Circuit, PortError> {
        Err(PortError::Transient("down".into()))
    }
    async fn write(&self, _: &Circuit) -> Result<bool, PortError> {
        Err(PortError::Transient("down".into()))
    }
    async fn trouble(&self, _: &CircuitKey, _: &TenantId, _: bool) -> Result<Circuit, PortError> {
        Err(PortError::Transient("down".into()))
    }
    async fn announced(&self, _: &CircuitKey, _: u64) -> Result<(), PortError> {
        Err(PortError::Transient("down".into()))
    }
    async fn list(&self, _: u32, _: Option<String>) -> Result<(Vec<Circuit>, Option<String>), PortError> {
        Err(PortError::Transient("down".into()))
    }
}

#[tokio::test]
async fn calls_go_through_while_the_store_is_down() {
    let world = Backend::memory();
    let guard = Breakers { store: Arc::new(Down), ..world.breakers() }.guard("stripe", &tenant("acme"));
    for outcome in
        [Outcome::Failed, Outcome::Succeeded, Outcome::Throttled { until: world.seconds(60) }, Outcome::Failed]
    {
        assert_eq!(call(&guard, outcome).await, Ok(()));
    }
    guard.finish().await;
}
