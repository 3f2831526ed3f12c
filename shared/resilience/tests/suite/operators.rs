//! Circuits in the hands of operators, over both stores.

use crate::{backend::Backend, both};
use resilience::breaker::{CircuitKey, Force, Guarded, Mode, Outcome, Phase, Reason};

both!(
    what_is_forced_stays_until_it_is_automatic_again,
    forcing_meets_calls_that_change_the_circuit,
    circuits_are_listed_in_pages
);

async fn what_is_forced_stays_until_it_is_automatic_again(world: &Backend) {
    let force = Force(world.breakers());
    let key = CircuitKey::parse("stripe.acme").unwrap();
    let opened = force.into_mode(&key, Mode::ForcedOpen, "key_1").await.unwrap();
    assert_eq!(opened.last().unwrap().reason, Reason::Operator { by: "key_1".into() });
    assert_eq!(force.into_mode(&key, Mode::ForcedOpen, "key_2").await.unwrap(), opened, "again is the same");
    world.pass(86_400);
    assert!(world.guard("acme").admit().await.is_err());

    force.into_mode(&key, Mode::ForcedClosed, "key_1").await.unwrap();
    let guard = world.guard("acme");
    for _ in 0..20 {
        guard.admit().await.unwrap();
        guard.record(Outcome::Failed).await;
    }
    guard.record(Outcome::Throttled { until: world.seconds(60) }).await;
    assert_eq!(world.circuit("stripe.acme").await.phase, Phase::Closed);

    let automatic = force.into_mode(&key, Mode::Automatic, "key_1").await.unwrap();
    assert_eq!((automatic.mode, &automatic.phase), (Mode::Automatic, &Phase::Closed));
    for _ in 0..5 {
        guard.admit().await.unwrap();
        guard.record(Outcome::Failed).await;
    }
    assert_eq!(world.circuit("stripe.acme").await.phase.as_str(), "open", "and it counts from then on");
    assert_eq!(world.bus.all.lock().unwrap().len(), 4);
}

async fn forcing_meets_calls_that_change_the_circuit(world: &Backend) {
    let force = Force(world.breakers());
    let key = CircuitKey::parse("stripe.acme").unwrap();
    let calls = (0..10).map(|seconds| {
        let until = world.seconds(seconds + 1);
        async move { world.guard("acme").record(Outcome::Throttled { until }).await }
    });
    let (forced, _) =
        futures::join!(force.into_mode(&key, Mode::ForcedOpen, "key_1"), futures::future::join_all(calls));
    forced.unwrap();
    assert_eq!(world.circuit("stripe.acme").await.mode, Mode::ForcedOpen);
}

async fn circuits_are_listed_in_pages(world: &Backend) {
    for number in 0..7 {
        world.guard(&format!("t{number}")).record(Outcome::Failed).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = world.circuits.list(3, after).await.unwrap();
        assert!(page.len() <= 3);
        seen.extend(page.into_iter().map(|circuit| circuit.key.to_string()));
        after = next;
        if after.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|number| format!("stripe.t{number}")).collect::<Vec<_>>());
}
