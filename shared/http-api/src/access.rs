//! Who asks, and for whom. The authorizer has let the key pass; here its tenant becomes the caller.

use crate::{problem::Problem, request::Request};
use application::Caller;
use domain::TenantId;
use serde::{Deserialize, Serialize};

/// How a platform key names a tenant on `/v1`.
pub const TENANT_HEADER: &str = "Settler-Tenant";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Read,
    Write,
    /// Only platform keys have it, and they have no tenant.
    Admin,
}

impl Scope {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// What a method on a path asks for.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        let path = path.trim_start_matches('/');
        if path == "admin" || path.starts_with("admin/") {
            Self::Admin
        } else if matches!(method, "GET" | "HEAD") {
            Self::Read
        } else {
            Self::Write
        }
    }
}

/// The caller and whether it is an operator acting for a tenant, which is audited.
#[derive(Debug, Clone)]
pub struct Access {
    pub caller: Caller,
    pub by_platform: bool,
}

fn key_id(request: &Request) -> Result<String, Problem> {
    request
        .authorized("key_id")
        .map(str::to_owned)
        .ok_or_else(|| Problem::internal("the authorizer's context has no key_id"))
}

/// The tenant for which a request on `/v1` is made.
///
/// # Errors
/// 400 when a platform key names no tenant, 403 when a tenant's key names another one.
pub fn caller(request: &Request) -> Result<Access, Problem> {
    let named = request.header(TENANT_HEADER).map(TenantId::parse).transpose();
    let named = named.map_err(|error| Problem::parameter(&format!("header:{TENANT_HEADER}"), error.to_string()))?;
    let key_id = key_id(request)?;
    if let Some(own) = request.authorized("tenant_id") {
        has_scope(request)?;
        let tenant = TenantId::parse(own).map_err(|_| Problem::internal("the authorizer's tenant_id is not an id"))?;
        if named.is_some_and(|named| named != tenant) {
            return Err(Problem::not_allowed("this key belongs to another tenant"));
        }
        return Ok(Access { caller: Caller { tenant, key_id }, by_platform: false });
    }
    operator(request)?;
    let Some(tenant) = named else {
        return Err(Problem::parameter(
            &format!("header:{TENANT_HEADER}"),
            "is required with a platform key: it names the tenant",
        ));
    };
    Ok(Access { caller: Caller { tenant, key_id }, by_platform: true })
}

/// The authorizer has asked for the scope before; a gateway that checks tokens has not.
fn has_scope(request: &Request) -> Result<(), Problem> {
    let Some((method, path)) = request.route_key.split_once(' ') else { return Ok(()) };
    let wanted = Scope::of(method, path);
    let scopes = request.authorized("scopes").unwrap_or_default();
    if scopes.split(' ').any(|scope| scope == wanted.as_str()) {
        Ok(())
    } else {
        Err(Problem::not_allowed(format!("this needs the scope {}", wanted.as_str())))
    }
}

/// The key id of an operator on `/admin`.
///
/// # Errors
/// 403 for any other key. The authorizer has refused those before; this is the second lock.
pub fn operator(request: &Request) -> Result<String, Problem> {
    let scopes = request.authorized("scopes").unwrap_or_default();
    if request.authorized("tenant_id").is_none() && scopes.split(' ').any(|scope| scope == Scope::Admin.as_str()) {
        key_id(request)
    } else {
        Err(Problem::not_allowed("this needs a platform key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(context: &Value, tenant_header: Option<&str>) -> Request {
        let headers = tenant_header.map_or(json!({}), |tenant| json!({"settler-tenant": tenant}));
        Request::read(json!({"routeKey": "GET /v1/jobs", "headers": headers, "requestContext": {"authorizer": {"lambda": context}}})).unwrap()
    }

    #[test]
    fn the_tenant_comes_from_the_key() {
        let own = json!({"tenant_id": "acme", "scopes": "read", "key_id": "k"});
        assert_eq!(caller(&request(&own, None)).unwrap().caller.tenant.as_str(), "acme");
        assert_eq!(caller(&request(&own, Some("acme"))).unwrap().caller.tenant.as_str(), "acme");
        assert_eq!(caller(&request(&own, Some("other"))).unwrap_err().status, 403);
        assert_eq!(operator(&request(&own, None)).unwrap_err().status, 403);
    }

    #[test]
    fn a_platform_key_names_the_tenant() {
        let platform = json!({"scopes": "admin", "key_id": "p"});
        assert_eq!(caller(&request(&platform, None)).unwrap_err().status, 400);
        assert_eq!(caller(&request(&platform, Some("a b"))).unwrap_err().status, 400);
        let access = caller(&request(&platform, Some("acme"))).unwrap();
        assert!(access.by_platform);
        assert_eq!((access.caller.tenant.as_str(), access.caller.key_id.as_str()), ("acme", "p"));
        assert_eq!(operator(&request(&platform, None)).unwrap(), "p");
    }

    #[test]
    fn a_token_is_as_good_as_a_key_and_opens_no_more() {
        let with = |route: &str, claims: Value| {
            let event = json!({"routeKey": route, "headers": {}, "requestContext": {"authorizer": {"jwt": {"claims": claims, "scopes": null}}}});
            Request::read(event).unwrap()
        };
        let tenants =
            json!({"sub": "ann", "custom:tenant_id": "acme", "scope": "openid settler/read", "iss": "https://issuer"});
        let access = caller(&with("GET /v1/jobs", tenants.clone())).unwrap();
        assert_eq!(
            (access.caller.tenant.as_str(), access.caller.key_id.as_str(), access.by_platform),
            ("acme", "ann", false)
        );
        assert_eq!(caller(&with("POST /v1/jobs", tenants.clone())).unwrap_err().status, 403, "no scope to write");
        assert_eq!(operator(&with("GET /admin/sagas", tenants)).unwrap_err().status, 403);
        let greedy = json!({"sub": "ann", "tenant_id": "acme", "scope": "read admin"});
        assert_eq!(
            operator(&with("GET /admin/sagas", greedy)).unwrap_err().status,
            403,
            "a tenant's token is no platform's"
        );
        let platform = json!({"sub": "ops", "scope": "admin"});
        assert_eq!(operator(&with("GET /admin/sagas", platform)).unwrap(), "ops");
        assert_eq!(
            caller(&with("GET /v1/jobs", json!({"sub": "ann", "scope": "read"}))).unwrap_err().status,
            403,
            "no tenant"
        );
    }

    #[test]
    fn without_the_authorizer_nobody_is_anybody() {
        assert_eq!(caller(&request(&json!({}), Some("acme"))).unwrap_err().status, 500);
        assert_eq!(caller(&request(&json!({"key_id": "k", "scopes": "read"}), Some("acme"))).unwrap_err().status, 403);
    }

    #[test]
    fn methods_and_paths_ask_for_scopes() {
        for (method, path, scope) in [
            ("GET", "/v1/jobs", Scope::Read),
            ("POST", "/v1/jobs", Scope::Write),
            ("DELETE", "/v1/jobs/x", Scope::Write),
            ("GET", "/admin/sagas", Scope::Admin),
            ("POST", "//admin/sagas", Scope::Admin),
            ("GET", "/nowhere", Scope::Read),
        ] {
            assert_eq!(Scope::of(method, path), scope, "{method} {path}");
        }
    }
}
