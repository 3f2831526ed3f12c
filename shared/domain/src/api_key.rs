//! Aggregate `api_key`: who may call the API, for which tenant, with which scopes, until when. Events hold the key's
//! hash; the key itself is shown once and kept by nobody here.

use crate::{
    aggregate::{Aggregate, Decided, Event},
    failure::Decline,
    ids::TenantId,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Read,
    Write,
    /// Only platform keys have it, and they have no tenant.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// Id of the streams of platform keys, which belong to no tenant. No key can be made for a tenant of this name.
pub const PLATFORM: &str = "_platform";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// None for a platform key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// In order, each once.
    pub scopes: Vec<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ApiKeyEvent {
    ApiKeyCreated {
        /// Hex SHA-256 of the key.
        key_hash: String,
        #[serde(flatten)]
        grant: Grant,
        created_at: Timestamp,
    },
    ApiKeyRevoked {
        revoked_at: Timestamp,
    },
}

impl Event for ApiKeyEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::ApiKeyCreated { .. } => "ApiKeyCreated",
            Self::ApiKeyRevoked { .. } => "ApiKeyRevoked",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    Active,
    Expired,
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssuedKey {
    pub key_hash: String,
    #[serde(flatten)]
    pub grant: Grant,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl IssuedKey {
    /// Revoked outlasts expired: a revocation is someone's decision.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match (self.revoked_at, self.grant.expires_at) {
            (Some(_), _) => KeyStatus::Revoked,
            (None, Some(at)) if at <= now => KeyStatus::Expired,
            _ => KeyStatus::Active,
        }
    }
}

#[derive(Debug)]
pub struct ApiKey;

impl Aggregate for ApiKey {
    const TYPE: &'static str = "api_key";
    type Event = ApiKeyEvent;
    type State = Option<IssuedKey>;

    fn evolve(state: Option<IssuedKey>, event: &ApiKeyEvent) -> Option<IssuedKey> {
        match (state, event) {
            (_, ApiKeyEvent::ApiKeyCreated { key_hash, grant, created_at }) => Some(IssuedKey {
                key_hash: key_hash.clone(),
                grant: grant.clone(),
                created_at: *created_at,
                revoked_at: None,
            }),
            (Some(key), ApiKeyEvent::ApiKeyRevoked { revoked_at }) => {
                Some(IssuedKey { revoked_at: Some(*revoked_at), ..key })
            }
            (None, ApiKeyEvent::ApiKeyRevoked { .. }) => None,
        }
    }
}

/// Issues a key. Scopes are kept in order, each once.
///
/// # Errors
/// `InvalidInput` when scopes and tenant do not go together or the key would be expired already; a conflict when the id
/// was issued to another key.
pub fn create(
    state: &Option<IssuedKey>,
    key_hash: &str,
    wanted: &Grant,
    now: Timestamp,
) -> Result<Decided<ApiKey>, Decline> {
    let mut grant = wanted.clone();
    grant.scopes.sort_unstable();
    grant.scopes.dedup();
    if let Some(issued) = state {
        return if issued.key_hash == key_hash && issued.grant == grant {
            Ok(Vec::new())
        } else {
            Err(Decline::conflict("this id was issued to another key"))
        };
    }
    check(&grant, now)?;
    Ok(vec![ApiKeyEvent::ApiKeyCreated { key_hash: key_hash.to_owned(), grant, created_at: now }])
}

fn check(grant: &Grant, now: Timestamp) -> Result<(), Decline> {
    let refused = |message: &str| Err(Decline::invalid(message));
    let admin = grant.scopes.contains(&Scope::Admin);
    match &grant.tenant_id {
        _ if grant.scopes.is_empty() => refused("a key needs at least one scope"),
        Some(tenant) if tenant.as_str() == PLATFORM => refused("this tenant_id is reserved"),
        Some(_) if admin => refused("scope admin is for platform keys, which have no tenant_id"),
        None if grant.scopes != [Scope::Admin] => {
            refused("a key without tenant_id is a platform key: its scope is admin")
        }
        _ if grant.expires_at.is_some_and(|at| at <= now) => refused("expires_at has passed already"),
        _ => Ok(()),
    }
}

/// Revoking twice is fine.
///
/// # Errors
/// Not found when the key was never issued.
pub fn revoke(state: &Option<IssuedKey>, now: Timestamp) -> Result<Decided<ApiKey>, Decline> {
    match state {
        None => Err(Decline::not_found("no such key")),
        Some(IssuedKey { revoked_at: Some(_), .. }) => Ok(Vec::new()),
        Some(_) => Ok(vec![ApiKeyEvent::ApiKeyRevoked { revoked_at: now }]),
    }
}
