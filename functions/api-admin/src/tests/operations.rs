//! Dead letters and circuits: what operators see and do, and the trail that it leaves.

use super::{sample, tenant, with_query, world};
use crate::handler::Handler;
use async_trait::async_trait;
use domain::{
    Timestamp,
    api_key::{Grant, Scope},
    ports::{KeyEntry, KeyTable},
};
use resilience::{
    Attributes, DeadLetter,
    breaker::{Breakers, Force, Guarded, MemoryCircuits, Outcome, Policy, Silent},
    dead_letter::{MemoryLetters, Redrive, Resend, Unsent},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FixedClock, MemoryKeys, SequentialIds};

const LETTER: &str = "19dd0b57-b21e-4ac1-bd88-01bbb068cb78";

/// Takes everything that has a way back.
struct Taken;

#[async_trait]
impl Resend for Taken {
    fn knows(&self, source: &str) -> bool {
        source == "saga-control"
    }

    async fn resend(&self, _source: &str, payload: &str, attributes: &Attributes) -> Result<(), Unsent> {
        assert!(!payload.is_empty() && attributes.contains_key("dead_letter_id"));
        Ok(())
    }
}

/// A key of acme's that was put there by hand.
pub async fn keys() -> Arc<MemoryKeys> {
    let table = MemoryKeys::default();
    let grant = Grant { tenant_id: Some(tenant("acme")), scopes: vec![Scope::Read, Scope::Write], expires_at: None };
    let entry =
        KeyEntry { key_id: "key_acme".into(), key_hash: "0".repeat(64), grant, created_at: super::NOW, revoked: false };
    table.put(&entry).await.unwrap();
    Arc::new(table)
}

pub fn redrive(clock: &Arc<FixedClock>) -> Redrive {
    Redrive { store: Arc::new(MemoryLetters::default()), resend: Arc::new(Taken), clock: clock.clone() }
}

pub fn force(clock: &Arc<FixedClock>, ids: &Arc<SequentialIds>) -> Force {
    Force(Breakers {
        store: Arc::new(MemoryCircuits::default()),
        bus: Arc::new(Silent),
        clock: clock.clone(),
        ids: ids.clone(),
        policy: Policy::default(),
    })
}

/// Three letters, one of them nobody's, and an open circuit of acme's.
pub async fn fill(handler: &Handler) {
    let at = |minutes: i64| Timestamp::from_millis(super::NOW.millis() + minutes * 60_000);
    for (number, (id, source, of)) in (0..).zip([
        (LETTER, "saga-control", Some("acme")),
        ("second", "saga-control", Some("other")),
        ("third", "bus", None),
    ]) {
        let letter = DeadLetter {
            id: id.into(),
            occurrence: id.into(),
            source: source.into(),
            tenant_id: of.map(tenant),
            correlation_id: None,
            saga_id: Some("february".into()),
            event_id: None,
            error_type: "Settler.NotFound".into(),
            error_message: "there is no reconciliation `february`".into(),
            payload: if number == 2 { "{not json".into() } else { json!({"detail": {"n": number}}).to_string() },
            retry_count: 1,
            max_retries: 5,
            first_seen: at(number),
            last_seen: at(number),
        };
        handler.redrive.store.write(&letter).await.unwrap();
    }
    let guard = handler.force.0.guard("stripe", &tenant("acme"));
    for _ in 0..5 {
        guard.record(Outcome::Failed).await;
    }
}

fn with_body(name: &str, body: &Value) -> Value {
    let mut event = sample(name);
    event["body"] = json!(body.to_string());
    event
}

#[tokio::test]
async fn letters_are_filtered_and_their_payload_is_shown_alone() {
    let world = world(&["acme"]).await;
    for (query, found) in [
        (Value::Null, 3),
        (json!({"state": "new"}), 3),
        (json!({"state": "resolved"}), 0),
        (json!({"source": "saga-control"}), 2),
        (json!({"tenant_id": "acme"}), 1),
        (json!({"error_type": "Settler.Internal"}), 0),
    ] {
        let items = world.ask(&with_query("dead-letters", query.clone())).await.body["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), found, "{query}");
        assert!(items.as_array().unwrap().iter().all(|item| item["payload"].is_null()));
    }
    assert_eq!(world.all(&with_query("dead-letters", json!({})), "1").await.len(), 3);
    assert_eq!(world.ask(&sample("dead-letter")).await.body["payload"], json!({"detail": {"n": 0}}));
    let mut unreadable = sample("dead-letter");
    unreadable["pathParameters"]["id"] = json!("third");
    assert_eq!(world.ask(&unreadable).await.body["payload"], "{not json");
}

#[tokio::test]
async fn a_letter_is_resolved_with_notes_once() {
    let world = world(&["acme"]).await;
    let resolve = with_body("dead-letter-resolve", &json!({"notes": "wrong id, told the customer"}));
    let first = world.ask(&resolve).await;
    assert_eq!(
        (first.status, &first.body["state"], &first.body["by"]),
        (200, &json!("resolved"), &json!("key_platform"))
    );
    assert_eq!(world.ask(&resolve).await.body, first.body, "again is the same");
    let other = with_body("dead-letter-resolve", &json!({"notes": "another story"}));
    assert_eq!(world.ask(&other).await.status, 409);
    assert_eq!(world.ask(&sample("dead-letter-redrive")).await.status, 409, "resolved is resolved");
    assert_eq!(world.audited("acme").await, 4);
}

#[tokio::test]
async fn a_letter_is_redriven_and_a_repeated_request_sends_nothing_more() {
    let world = world(&["acme"]).await;
    let first = world.ask(&sample("dead-letter-redrive")).await;
    assert_eq!((first.status, &first.body["state"]), (200, &json!("redriven")));
    assert_eq!(world.ask(&sample("dead-letter-redrive")).await.body, first.body);
    let mut stuck = sample("dead-letter-redrive");
    stuck["pathParameters"]["id"] = json!("third");
    let held = world.ask(&stuck).await;
    assert_eq!(held.status, 409, "nothing can be sent back there");
    assert!(held.body["detail"].as_str().unwrap().contains("resolve it instead"));
}

#[tokio::test]
async fn a_set_is_counted_before_it_is_redriven() {
    let world = world(&["acme"]).await;
    let set = |more: Value| {
        let mut body = json!({"source": "saga-control", "rate_per_s": 100});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with_body("dead-letters-redrive", &body)
    };
    let counted = world.ask(&set(json!({"dry_run": true}))).await.body;
    assert_eq!((counted["ids"].as_array().unwrap().len(), &counted["redriven"]), (2, &json!(0)));
    let one = world.ask(&set(json!({"limit": 1}))).await.body;
    assert_eq!((&one["redriven"], &one["more"]), (&json!(1), &json!(true)));
    let rest = world.ask(&set(json!({"tenant_id": "acme"}))).await.body;
    assert_eq!((&rest["redriven"], &rest["more"]), (&json!(1), &json!(false)));
    assert!(
        world.audited("acme").await > 0 && world.audited("other").await > 0,
        "each tenant's letter is in its trail"
    );
}

#[tokio::test]
async fn circuits_are_shown_with_what_happened_to_them() {
    let world = world(&["acme"]).await;
    let items = world.ask(&with_query("circuits", json!({}))).await.body["items"].clone();
    let circuit = items.as_array().unwrap().iter().find(|circuit| circuit["circuit"] == "stripe.acme").unwrap();
    assert_eq!((&circuit["state"], &circuit["calls"], &circuit["failures"]), (&json!("open"), &json!(5), &json!(5)));
    assert_eq!(circuit["history"][0]["reason"], "failures");
    let others = world.ask(&with_query("circuits", json!({"tenant_id": "other"}))).await.body["items"].clone();
    assert!(others.as_array().unwrap().iter().all(|circuit| circuit["tenant_id"].is_null()));
}

#[tokio::test]
async fn an_operator_forces_a_circuit_and_lets_it_go() {
    let world = world(&["acme"]).await;
    for (name, state, mode) in [
        ("circuit-close", "closed", "forced_closed"),
        ("circuit-open", "open", "forced_open"),
        ("circuit-auto", "closed", "automatic"),
    ] {
        let held = world.ask(&sample(name)).await;
        assert_eq!(
            (held.status, &held.body["state"], &held.body["mode"]),
            (200, &json!(state), &json!(mode)),
            "{name}"
        );
        assert_eq!(world.ask(&sample(name)).await.body, held.body, "{name} again is the same");
    }
    assert_eq!(world.audited("acme").await, 6);
    for key in ["paypal", "stripe.a b", "", "stripe.acme.x"] {
        let mut event = sample("circuit-open");
        event["pathParameters"]["key"] = json!(key);
        assert_eq!(world.ask(&event).await.status, 404, "{key:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_wish_is_said_at_once() {
    let world = world(&["acme"]).await;
    for (name, body, wrong) in [
        ("dead-letter-resolve", json!({}), vec![("/notes", "missing")]),
        (
            "dead-letter-resolve",
            json!({"notes": "", "state": "new"}),
            vec![("/notes", "invalid"), ("/state", "unknown_field")],
        ),
        ("dead-letter-resolve", json!({"notes": "n".repeat(2_001)}), vec![("/notes", "too_long")]),
        (
            "dead-letters-redrive",
            json!({"limit": 101, "rate_per_s": 0, "before": "soon", "dry_run": "yes"}),
            vec![("/before", "invalid"), ("/dry_run", "wrong_type"), ("/limit", "invalid"), ("/rate_per_s", "invalid")],
        ),
    ] {
        let held = world.ask(&with_body(name, &body)).await;
        assert_eq!((held.status, held.wrong()), (400, wrong), "{name} {body}");
    }
    for name in ["dead-letter", "dead-letter-resolve", "dead-letter-redrive"] {
        for id in ["nowhere", "a/b"] {
            let mut event = sample(name);
            event["pathParameters"]["id"] = json!(id);
            assert_eq!(world.ask(&event).await.status, 404, "{name} {id}");
        }
    }
    assert_eq!(
        world.ask(&with_query("dead-letters", json!({"state": "lost"}))).await.wrong(),
        [("query:state", "invalid")]
    );
}

fn keyed(mut event: Value, key: &str) -> Value {
    event["headers"]["idempotency-key"] = json!(key);
    event
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_operator() {
    let world = world(&["acme"]).await;
    let opened = world.ask(&keyed(sample("circuit-open"), "k1")).await;
    assert_eq!(opened.status, 200);
    assert_eq!(world.ask(&sample("circuit-close")).await.body["mode"], "forced_closed");
    // What was done since is not undone by the repetition.
    let again = world.ask(&keyed(sample("circuit-open"), "k1")).await;
    assert_eq!((again.status, &again.body), (200, &opened.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let now = world.ask(&with_query("circuits", json!({}))).await.body["items"].clone();
    let circuit = now.as_array().unwrap().iter().find(|circuit| circuit["circuit"] == "stripe.acme").unwrap();
    assert_eq!(circuit["mode"], "forced_closed");

    let resolve = |notes: &str| keyed(with_body("dead-letter-resolve", &json!({ "notes": notes })), "k2");
    let first = world.ask(&resolve("done")).await;
    let other = world.ask(&resolve("another story")).await;
    assert_eq!((first.status, other.status), (200, 422));
    assert_eq!(other.body["code"], "idempotency_key_reused");
    let of_another = |mut event: Value| {
        event["requestContext"]["authorizer"]["lambda"]["key_id"] = json!("key_second");
        event
    };
    assert_eq!(world.ask(&of_another(keyed(sample("circuit-open"), "k1"))).await.body["mode"], "forced_open");

    // A refusal is not kept: what stood in the way may be gone.
    let mut unknown = keyed(sample("dead-letter-redrive"), "k3");
    unknown["pathParameters"]["id"] = json!("nobody");
    assert_eq!(world.ask(&unknown).await.status, 404);
    assert_eq!(world.ask(&keyed(sample("dead-letter-redrive"), "k3")).await.status, 409);
    assert_eq!(world.ask(&keyed(sample("circuit-open"), "k 4")).await.status, 400);
}

#[tokio::test]
async fn pages_of_an_audit_are_requests_of_their_own() {
    let world = world(&["acme"]).await;
    let page = |query: Value| keyed(with_query("verify-all", query), "k1");
    let first = world.ask(&page(json!({ "tenant_id": "acme" }))).await;
    assert_eq!(first.status, 200, "{:?}", first.body);
    assert_eq!(world.ask(&page(json!({ "tenant_id": "other" }))).await.status, 422);
}

async fn listed(world: &super::World, query: Value) -> Vec<(String, String)> {
    let items = world.ask(&with_query("keys", query)).await.body["items"].clone();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    let mut keys: Vec<_> =
        items.as_array().unwrap().iter().map(|key| (text(key, "key_id"), text(key, "status"))).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_key_is_shown_once_and_revoked_for_good() {
    let world = world(&["acme"]).await;
    let made = world.ask(&keyed(sample("key-create"), "k1")).await;
    assert_eq!((made.status, &made.body["status"], &made.body["tenant_id"]), (201, &json!("active"), &json!("acme")));
    let (key, id) = (made.body["key"].as_str().unwrap(), made.body["key_id"].as_str().unwrap());
    assert!(key.starts_with("sk_") && key.len() == 46 && id.starts_with("key_"), "{}", made.body);

    // Nowhere but in that answer: not in its repetition, not in lists, not in the log.
    let again = world.ask(&keyed(sample("key-create"), "k1")).await;
    assert_eq!((again.status, &again.body["key_id"], &again.body["key"]), (201, &json!(id), &Value::Null));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert!(!world.ask(&sample("keys")).await.body.to_string().contains(key));
    let stream = event_store::StreamKey::new(&tenant("acme"), "api_key", id);
    let events = event_store::EventStore::load(&world.store, &stream, 0).await.unwrap();
    assert!(!format!("{events:?}").contains(key));

    let mut revoke = sample("key-revoke");
    revoke["pathParameters"]["key_id"] = json!(id);
    for _ in 0..2 {
        let revoked = world.ask(&revoke).await;
        assert_eq!((revoked.status, &revoked.body["status"]), (200, &json!("revoked")));
    }
    let commits = event_store::EventStore::load(&world.store, &stream, 0).await.unwrap();
    assert_eq!(commits.iter().map(|commit| commit.events.len()).sum::<usize>(), 2, "revoked once");
    let expected = [(id.to_owned(), "revoked".to_owned()), ("key_acme".to_owned(), "active".to_owned())];
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(listed(&world, json!({ "tenant_id": "acme" })).await, expected);
    assert_eq!(listed(&world, json!({ "tenant_id": "other" })).await, []);
}

#[tokio::test]
async fn a_key_that_was_put_there_by_hand_gets_its_history_when_it_is_revoked() {
    let world = world(&["acme"]).await;
    assert_eq!(world.ask(&sample("key-revoke")).await.body["status"], "revoked");
    let stream = event_store::StreamKey::new(&tenant("acme"), "api_key", "key_acme");
    let commits = event_store::EventStore::load(&world.store, &stream, 0).await.unwrap();
    let types: Vec<_> =
        commits.iter().flat_map(|commit| &commit.events).map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["ApiKeyCreated", "ApiKeyRevoked"]);
    let mut unknown = sample("key-revoke");
    unknown["pathParameters"]["key_id"] = json!("key_nobody");
    assert_eq!(world.ask(&unknown).await.status, 404);
    unknown["pathParameters"]["key_id"] = json!("key_platform");
    assert_eq!(world.ask(&unknown).await.status, 409, "nobody locks himself out");
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_said_at_once() {
    let world = world(&["acme"]).await;
    for (body, pointers) in [
        (json!({}), vec!["/scopes"]),
        (json!({ "scopes": [] }), vec!["/scopes"]),
        (json!({ "scopes": ["read"] }), vec!["/tenant_id"]),
        (json!({ "scopes": ["admin", "read"] }), vec!["/scopes"]),
        (json!({ "tenant_id": "acme", "scopes": ["admin"] }), vec!["/scopes"]),
        (json!({ "tenant_id": "_platform", "scopes": ["read"] }), vec!["/tenant_id"]),
        (
            json!({ "tenant_id": "acme", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z" }),
            vec!["/scopes", "/expires_at"],
        ),
        (
            json!({ "tenant_id": "a b", "scopes": ["root"], "expires_at": "soon", "more": 1 }),
            vec!["/tenant_id", "/scopes/0", "/expires_at", "/more"],
        ),
    ] {
        let held = world.ask(&with_body("key-create", &body)).await;
        let errors = held.body["errors"].as_array().unwrap();
        let found: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!((held.status, found), (400, pointers), "{body}");
    }
}

#[tokio::test]
async fn health_names_what_needs_a_person() {
    let world = world(&["acme"]).await;
    let body = world.ask(&sample("health")).await.body;
    let check = |name: &str| {
        let checks = body["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name} in {body}")).clone()
    };
    assert_eq!(body["status"], "trouble");
    for (name, count) in [("event_store", 0), ("projections", 0), ("sagas", 0), ("circuits", 1), ("dead_letters", 3)] {
        assert_eq!(check(name)["count"], count, "{name}");
        assert_eq!(check(name)["status"], if count == 0 { "ok" } else { "trouble" }, "{name}");
    }
    assert_eq!(check("circuits")["items"], json!(["stripe.acme"]));

    // A run that no read model has seen yet.
    world.run(&tenant("late")).await;
    let body = world.ask(&sample("health")).await.body;
    let behind = body["checks"][1].clone();
    assert_eq!((&behind["name"], &behind["status"]), (&json!("projections"), &json!("trouble")));
    assert!(behind["items"].to_string().contains("reconciliation_summary of late reconciliation february: behind"));
}
