//! Translate the gateway's question, look the key up, translate the answer (payload 2.0, simple responses).

use crate::keys::{ApiKey, Keys, LookupFailed};
use domain::{TenantId, Timestamp};
use http_api::Scope;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Whether the key may do what is asked. The answers are not cached, so a revoked key stops at once.
///
/// # Errors
/// The key could not be looked up; the gateway answers 500.
pub async fn authorize(event: &Value, keys: &dyn Keys, now: Timestamp) -> Result<Value, LookupFailed> {
    let Some(bearer) = bearer(event) else { return Ok(refused()) };
    let hash = base16ct::lower::encode_string(&Sha256::digest(bearer.as_bytes()));
    let Some(key) = keys.get(&hash).await? else { return Ok(refused()) };
    let expired = key.expires_at.is_some_and(|at| at <= now);
    if key.revoked || expired || !may(&key, wanted(event)) {
        return Ok(refused());
    }
    let mut context = json!({ "key_id": key.key_id, "scopes": key.scopes.join(" ") });
    if let Some(tenant) = key.tenant_id {
        TenantId::parse(tenant.as_str()).map_err(|_| LookupFailed("a key's tenant_id is not an id".into()))?;
        context["tenant_id"] = Value::from(tenant);
    }
    Ok(json!({ "isAuthorized": true, "context": context }))
}

fn refused() -> Value {
    json!({ "isAuthorized": false })
}

/// The key in `Authorization: Bearer …`.
fn bearer(event: &Value) -> Option<&str> {
    let headers = event.get("headers")?.as_object()?;
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let (scheme, key) = value.as_str()?.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// What the route asks for; for `$default`, what the method and path would ask for.
fn wanted(event: &Value) -> Scope {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match text("/routeKey").split_once(' ') {
        Some((method, path)) => Scope::of(method, path),
        None => Scope::of(text("/requestContext/http/method"), text("/rawPath")),
    }
}

/// A tenant's key never reaches `/admin`, whatever its scopes say; a platform key may act on `/v1` for the tenant it names.
fn may(key: &ApiKey, wanted: Scope) -> bool {
    let has = |scope: Scope| key.scopes.iter().any(|held| held == scope.as_str());
    match (&key.tenant_id, wanted) {
        (Some(_), Scope::Admin) => false,
        (Some(_), scope) => has(scope),
        (None, _) => has(Scope::Admin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use testkit::sample_events;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    /// Knows the hashes of `sk_known` and of the samples' `sk_example` alone.
    struct One(ApiKey);

    #[async_trait]
    impl Keys for One {
        async fn get(&self, hash: &str) -> Result<Option<ApiKey>, LookupFailed> {
            let hex = |key: &str| base16ct::lower::encode_string(&Sha256::digest(key));
            Ok(["sk_known", "sk_example"].into_iter().any(|key| hex(key) == hash).then(|| self.0.clone()))
        }
    }

    struct Down;

    #[async_trait]
    impl Keys for Down {
        async fn get(&self, _: &str) -> Result<Option<ApiKey>, LookupFailed> {
            Err(LookupFailed("no answer".into()))
        }
    }

    fn tenants(scopes: &[&str]) -> ApiKey {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        ApiKey { key_id: "key_1".into(), tenant_id: Some("acme".into()), scopes, expires_at: None, revoked: false }
    }

    fn platform() -> ApiKey {
        ApiKey { tenant_id: None, ..tenants(&["admin"]) }
    }

    fn event(method: &str, path: &str, authorization: &str) -> Value {
        let mut event = sample_events("authorizer").remove("read").unwrap();
        event["routeKey"] = json!("$default");
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["method"] = json!(method);
        event["headers"]["authorization"] = json!(authorization);
        event
    }

    async fn allowed(key: ApiKey, method: &str, path: &str) -> bool {
        authorize(&event(method, path, "Bearer sk_known"), &One(key), NOW).await.unwrap()["isAuthorized"] == true
    }

    #[tokio::test]
    async fn scopes_open_what_they_say() {
        let both = || tenants(&["read", "write"]);
        for (key, method, path, wanted) in [
            (both(), "GET", "/v1/jobs", true),
            (both(), "POST", "/v1/jobs", true),
            (both(), "GET", "/admin/sagas", false),
            (both(), "GET", "/admin/dead-letter-queue", false),
            (tenants(&["read"]), "POST", "/v1/jobs", false),
            (tenants(&["write"]), "GET", "/v1/jobs", false),
            (tenants(&["admin", "read"]), "GET", "/admin/sagas", false),
            (platform(), "GET", "/admin/sagas", true),
            (platform(), "POST", "/v1/reconciliations", true),
            (platform(), "GET", "/nowhere", true),
            (ApiKey { revoked: true, ..both() }, "GET", "/v1/jobs", false),
            (ApiKey { expires_at: Some(NOW), ..both() }, "GET", "/v1/jobs", false),
            (ApiKey { expires_at: Some(Timestamp::from_millis(NOW.millis() + 1)), ..both() }, "GET", "/v1/jobs", true),
        ] {
            assert_eq!(allowed(key.clone(), method, path).await, wanted, "{key:?} {method} {path}");
        }
    }

    #[tokio::test]
    async fn the_route_decides_where_there_is_one() {
        let mut event = event("GET", "/v1/jobs", "Bearer sk_known");
        event["routeKey"] = json!("GET /admin/sagas");
        assert_eq!(authorize(&event, &One(tenants(&["read"])), NOW).await.unwrap(), refused());
    }

    #[tokio::test]
    async fn the_context_names_key_tenant_and_scopes() {
        let answer = authorize(&event("GET", "/v1/jobs", "bearer  sk_known "), &One(tenants(&["read", "write"])), NOW)
            .await
            .unwrap();
        assert_eq!(answer["context"], json!({"key_id": "key_1", "tenant_id": "acme", "scopes": "read write"}));
        let answer = authorize(&event("GET", "/v1/jobs", "Bearer sk_known"), &One(platform()), NOW).await.unwrap();
        assert_eq!(answer["context"], json!({"key_id": "key_1", "scopes": "admin"}));
    }

    #[tokio::test]
    async fn anything_else_stays_outside() {
        for bad in ["", "sk_known", "Basic sk_known", "Bearer", "Bearer ", "Bearer sk_wrong", "Bearer ' or 1=1"] {
            assert_eq!(
                authorize(&event("GET", "/v1/jobs", bad), &One(tenants(&["read"])), NOW).await.unwrap(),
                refused(),
                "{bad:?}"
            );
        }
        assert_eq!(authorize(&json!({}), &One(tenants(&["read"])), NOW).await.unwrap(), refused());
        assert!(authorize(&event("GET", "/v1/jobs", "Bearer sk_known"), &Down, NOW).await.is_err());
    }

    #[tokio::test]
    async fn every_sample_event_is_answered() {
        let samples = sample_events("authorizer");
        let expected = [
            ("admin", false, true),
            ("no-such-route", false, true),
            ("not-a-bearer", false, false),
            ("read", true, true),
        ];
        assert_eq!(samples.len(), expected.len());
        for (name, tenants_key, platform_key) in expected {
            for (key, allowed) in [(tenants(&["read"]), tenants_key), (platform(), platform_key)] {
                let answer = authorize(&samples[name], &One(key), NOW).await.unwrap();
                assert_eq!(answer["isAuthorized"], allowed, "{name}");
            }
        }
    }
}
