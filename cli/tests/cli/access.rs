//! Keys, and what is wrong with whoever uses one.

use crate::fake::{Fake, KEY, Reply, settler, words};
use serde_json::{Value, json};

fn key(more: &Value) -> Value {
    let mut key = json!({
        "key_id": "key_0a1b2c3d4e5f6071", "tenant_id": "acme", "scopes": ["read", "write"],
        "created_at": "2026-04-01T06:00:00.000Z", "expires_at": "2027-01-01T00:00:00.000Z", "status": "active",
    });
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key
}

#[test]
fn a_key_is_made_listed_and_revoked() {
    let fake = Fake::start();
    fake.on("POST /admin/api-keys?tenant_id=acme", Reply::json(201, &key(&json!({ "key": "sk_new" }))));
    let made = fake.settler(
        "key create --tenant acme --scope read --scope write --expires-at 2027-01-01T00:00:00Z --idempotency-key k1",
    );
    assert_eq!(made.code, 0, "{}", made.stderr);
    let call = fake.calls().remove(0);
    assert_eq!(call.header("idempotency-key"), Some("k1"));
    let asked = json!({ "tenant_id": "acme", "scopes": ["read", "write"], "expires_at": "2027-01-01T00:00:00Z" });
    assert_eq!(call.body, asked);

    let platform =
        key(&json!({ "key_id": "key_platform", "tenant_id": null, "scopes": ["admin"], "expires_at": null }));
    let revoked = key(&json!({ "status": "revoked" }));
    fake.ok("GET /admin/api-keys", &json!({ "items": [platform, revoked], "next_cursor": null }));
    fake.ok("DELETE /admin/api-keys/key_0a1b2c3d4e5f6071", &revoked);
    let listed = fake.settler("key list");
    let refused = fake.settler("key revoke key_0a1b2c3d4e5f6071");
    assert_eq!(refused.code, 2, "nobody can be asked: {}", refused.stderr);
    let gone = fake.settler("key revoke key_0a1b2c3d4e5f6071 --yes");
    assert_eq!((listed.code, gone.code), (0, 0), "{}{}", listed.stderr, gone.stderr);
    insta::assert_snapshot!(
        "keys",
        format!("{}\n{}\n{}\n{}\n{}", made.stderr, made.stdout, listed.stdout, refused.stderr, gone.stdout)
    );
}

fn health(checks: &[Value]) -> Value {
    json!({ "status": "whatever", "checks": checks, "as_of": "2026-04-01T06:00:00.000Z" })
}

fn check(name: &str, items: &[&str], detail: &str) -> Value {
    let status = if items.is_empty() { "ok" } else { "trouble" };
    json!({ "name": name, "status": status, "count": items.len(), "detail": detail, "items": items })
}

#[test]
fn the_doctor_lists_what_is_wrong_and_what_to_do() {
    let fake = Fake::start();
    fake.ok("GET /healthz", &json!({ "status": "ok" }));
    let well = [
        check("event_store", &[], "it answers"),
        check("projections", &[], "what moved in the last 30 minutes is in the read models"),
        check("sagas", &[], "none is stuck"),
        check("circuits", &[], "all calls go out"),
        check("dead_letters", &[], "none waits for a person"),
    ];
    fake.on("GET /admin/health", Reply::json(200, &health(&well)));
    let ill = [
        check("event_store", &[], "it answers"),
        check(
            "projections",
            &["reconciliation_summary of acme reconciliation march: parked"],
            "1 read models are behind or parked",
        ),
        check("sagas", &["acme march"], "1 saga is stuck and waits for an operator"),
        check("circuits", &["stripe", "stripe.acme"], "2 circuits are open: calls are held back"),
        check("dead_letters", &["19dd0b57 from saga-control: Settler.NotFound"], "1 dead letter waits for a person"),
    ];
    fake.on("GET /admin/health", Reply::json(200, &health(&ill)));
    let first = fake.settler("doctor");
    let second = fake.settler("doctor");
    let third = fake.settler("doctor -o json");
    assert_eq!((first.code, second.code, third.code), (0, 8, 8), "{}{}", first.stderr, second.stderr);
    let shown: Value = serde_json::from_str(&third.stdout).unwrap();
    assert_eq!((&shown["status"], shown["checks"].as_array().unwrap().len()), (&json!("trouble"), 8));
    assert!(!(first.stdout.clone() + &second.stdout + &third.stdout).contains(KEY), "a key was printed");
    let text = format!("{}\n{}{}", first.stdout, second.stdout, second.stderr);
    insta::assert_snapshot!("doctor", text.replace(&fake.url, "https://settler.example.com"));
}

#[test]
fn the_doctor_says_where_it_ends() {
    // Nothing configured.
    let nothing = settler(&words("doctor"), &[], "");
    assert_eq!(nothing.code, 8, "{}", nothing.stderr);
    assert!(nothing.stdout.contains("the address of the API") && nothing.stdout.contains("the API key"));
    // Nobody there.
    let nobody = settler(&words("doctor --api-url http://127.0.0.1:9 --api-key sk_x"), &[], "");
    assert_eq!(nobody.code, 8);
    assert!(nobody.stdout.contains("api") && nobody.stdout.contains("make up"), "{}", nobody.stdout);
    // A tenant's key sees what a tenant may see.
    let fake = Fake::start();
    let forbidden = json!({ "message": "Forbidden" });
    fake.ok("GET /healthz", &json!({ "status": "ok" })).on("GET /admin/health", Reply::json(403, &forbidden));
    fake.ok("GET /v1/reconciliations", &json!({ "items": [], "next_cursor": null }));
    let tenants = fake.settler("doctor");
    assert_eq!(tenants.code, 0, "{}{}", tenants.stdout, tenants.stderr);
    assert!(tenants.stdout.contains("a tenant's key"));
    // A revoked key opens nothing.
    let fake = Fake::start();
    fake.ok("GET /healthz", &json!({ "status": "ok" })).on("GET /admin/health", Reply::json(403, &forbidden));
    fake.on("GET /v1/reconciliations", Reply::json(403, &forbidden));
    let revoked = fake.settler("doctor");
    assert_eq!(revoked.code, 8);
    assert!(revoked.stdout.contains("the key opens nothing") && revoked.stdout.contains("settler key create"));
}
