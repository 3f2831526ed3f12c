use crate::deciding::deciding_again_yields_nothing_in_any_state;
use domain::{
    aggregate::fold,
    connection::{self, Adapter, Configured, Connection, ConnectionEvent},
};
use proptest::prelude::*;

fn configured(adapter: Adapter, version: &str) -> Configured {
    Configured { adapter, secret_version: version.to_owned() }
}

fn event(adapter: Adapter, version: &str) -> ConnectionEvent {
    ConnectionEvent::ConnectionConfigured { adapter, secret_version: version.to_owned() }
}

#[test]
fn deciding_again_yields_no_events() {
    let commands =
        (prop::sample::select(&Adapter::ALL[..]), "v[12]").prop_map(|(adapter, version)| configured(adapter, &version));
    deciding_again_yields_nothing_in_any_state::<Connection, _, _>(commands.boxed(), |state, wanted| {
        Ok(connection::configure(state, wanted))
    });
}

#[test]
fn given_nothing_when_configured_then_the_event_names_the_secret() {
    let decided = connection::configure(&None, &configured(Adapter::Stripe, "v1"));
    assert_eq!(decided, [event(Adapter::Stripe, "v1")]);
}

#[test]
fn given_a_connection_when_configured_with_a_new_secret_then_it_points_there() {
    let state = fold::<Connection>([event(Adapter::Stripe, "v1")]);
    assert_eq!(connection::configure(&state, &configured(Adapter::Stripe, "v1")), []);
    assert_eq!(connection::configure(&state, &configured(Adapter::Stripe, "v2")), [event(Adapter::Stripe, "v2")]);
    let state = fold::<Connection>([event(Adapter::Stripe, "v1"), event(Adapter::Stripe, "v2")]);
    assert_eq!(state, Some(configured(Adapter::Stripe, "v2")));
}
