use crate::deciding::deciding_again_yields_nothing_in_any_state;
use domain::{
    ErrorName, TenantId, Timestamp,
    aggregate::fold,
    api_key::{self, ApiKey, ApiKeyEvent, Grant, IssuedKey, KeyStatus, PLATFORM, Scope},
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

fn later(ms: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + ms)
}

fn tenants(scopes: &[Scope]) -> Grant {
    Grant { tenant_id: Some(TenantId::parse("acme").unwrap()), scopes: scopes.to_vec(), expires_at: None }
}

fn platform(scopes: &[Scope]) -> Grant {
    Grant { tenant_id: None, ..tenants(scopes) }
}

fn created(grant: Grant) -> ApiKeyEvent {
    ApiKeyEvent::ApiKeyCreated { key_hash: "ab".into(), grant, created_at: NOW }
}

fn given(events: impl IntoIterator<Item = ApiKeyEvent>) -> Option<IssuedKey> {
    fold::<ApiKey>(events)
}

#[derive(Debug, Clone)]
enum Command {
    Create(&'static str, Grant),
    Revoke,
}

#[test]
fn deciding_again_yields_no_events() {
    let scopes = prop::collection::vec(prop::sample::select(&Scope::ALL[..]), 0..4);
    let grants = (any::<bool>(), scopes, prop::option::of(-1_i64..2)).prop_map(|(own, scopes, expiry)| Grant {
        expires_at: expiry.map(later),
        ..if own { tenants(&scopes) } else { platform(&scopes) }
    });
    let create =
        (prop::sample::select(vec!["ab", "cd"]), grants).prop_map(|(hash, grant)| Command::Create(hash, grant));
    let commands = prop_oneof![3 => create, 1 => Just(Command::Revoke)];
    deciding_again_yields_nothing_in_any_state::<ApiKey, _, _>(commands.boxed(), |state, command| match command {
        Command::Create(hash, grant) => api_key::create(state, hash, grant, NOW),
        Command::Revoke => api_key::revoke(state, NOW),
    });
}

#[test]
fn given_nothing_when_created_then_scopes_are_in_order_and_once() {
    let decided = api_key::create(&None, "ab", &tenants(&[Scope::Write, Scope::Read, Scope::Write]), NOW);
    assert_eq!(decided, Ok(vec![created(tenants(&[Scope::Read, Scope::Write]))]));
}

#[test]
fn given_nothing_when_the_grant_makes_no_sense_then_it_is_declined() {
    let reserved = Grant { tenant_id: Some(TenantId::parse(PLATFORM).unwrap()), ..tenants(&[Scope::Read]) };
    let expired = Grant { expires_at: Some(NOW), ..tenants(&[Scope::Read]) };
    for grant in [
        tenants(&[]),
        tenants(&[Scope::Admin]),
        tenants(&[Scope::Read, Scope::Admin]),
        platform(&[Scope::Read]),
        platform(&[Scope::Admin, Scope::Write]),
        reserved,
        expired,
    ] {
        let declined = api_key::create(&None, "ab", &grant, NOW).unwrap_err();
        assert_eq!(declined.name, ErrorName::InvalidInput, "{grant:?}");
    }
    assert!(api_key::create(&None, "ab", &platform(&[Scope::Admin]), NOW).is_ok());
}

#[test]
fn given_a_key_when_its_id_is_asked_for_again_then_only_the_same_key_passes() {
    let state = given([created(tenants(&[Scope::Read]))]);
    assert_eq!(api_key::create(&state, "ab", &tenants(&[Scope::Read]), later(5)), Ok(Vec::new()));
    for (hash, grant) in [("cd", tenants(&[Scope::Read])), ("ab", tenants(&[Scope::Write]))] {
        assert_eq!(api_key::create(&state, hash, &grant, NOW).unwrap_err().name, ErrorName::Conflict);
    }
}

#[test]
fn given_a_key_when_revoked_then_it_stays_revoked() {
    let state = given([created(tenants(&[Scope::Read]))]);
    assert_eq!(api_key::revoke(&state, NOW), Ok(vec![ApiKeyEvent::ApiKeyRevoked { revoked_at: NOW }]));
    let state = given([created(tenants(&[Scope::Read])), ApiKeyEvent::ApiKeyRevoked { revoked_at: NOW }]);
    assert_eq!(api_key::revoke(&state, later(5)), Ok(Vec::new()));
    assert_eq!(state.unwrap().status(NOW), KeyStatus::Revoked);
    assert_eq!(api_key::revoke(&None, NOW).unwrap_err().name, ErrorName::NotFound);
}

#[test]
fn given_an_expiry_then_the_key_ends_at_that_instant() {
    let grant = Grant { expires_at: Some(later(10)), ..tenants(&[Scope::Read]) };
    let key = given([created(grant)]).unwrap();
    assert_eq!((key.status(later(9)), key.status(later(10))), (KeyStatus::Active, KeyStatus::Expired));
}
