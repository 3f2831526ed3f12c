//! API keys: issued, shown once, revoked.
//!
//! What happened to a key is in its stream; the table in which the authorizer looks keys up holds the same without the
//! history. A new key is in the log before it opens anything, and a revoked one opens nothing before it is in the log,
//! so a crash in between never leaves a key that works and that nobody knows of.

use crate::{
    command::{Caller, Command, Idempotency, Outcome, Ports},
    error::{CommandError, FieldError},
};
use base16ct::lower::encode_string;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Clock, CorrelationId, Decline, IdSource, TenantId, Timestamp,
    api_key::{self, ApiKey, Grant, IssuedKey, KeyStatus, PLATFORM, Scope},
    ids,
    ports::{Entropy, KeyEntry, KeyTable},
};
use event_store::{EventStore, Loaded};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What keys begin with, so that a scanner for secrets knows one when it sees it.
const PREFIX: &str = "sk_";

/// A key without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    pub key_id: String,
    #[serde(flatten)]
    pub grant: Grant,
    pub created_at: Timestamp,
    pub status: KeyStatus,
}

/// A new key. The key itself is only in the first answer.
#[derive(Clone)]
pub struct NewKey {
    pub view: KeyView,
    pub key: Option<String>,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("view", &self.view).finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub struct KeyService {
    ports: Ports,
    table: Arc<dyn KeyTable>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for KeyService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyService")
    }
}

impl KeyService {
    #[must_use]
    pub fn new(
        store: Arc<dyn EventStore>,
        table: Arc<dyn KeyTable>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { ports: Ports { store, clock, ids }, table, entropy }
    }

    /// Issues a key. Repeated under the same idempotency key it answers the same without the key, which was shown once.
    ///
    /// # Errors
    /// Scopes, tenant and expiry that do not go together, every wrong field at once.
    pub async fn create(
        &self,
        operator: &str,
        grant: &Grant,
        idempotency: Option<&Idempotency>,
    ) -> Result<NewKey, CommandError> {
        let now = self.ports.clock.now();
        let wrong = wrong_fields(grant, now);
        if !wrong.is_empty() {
            return Err(CommandError::Fields(wrong));
        }
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.entropy.bytes()?));
        let key_hash = encode_string(&Sha256::digest(key.as_bytes()));
        let key_id = format!("key_{}", encode_string(&Sha256::digest(format!("key id{key}").as_bytes())[..8]));
        let view = |loaded: &Loaded<Option<IssuedKey>>| loaded.state.as_ref().map(|key| shown(&key_id, key, now));
        let decide = |state: &Option<IssuedKey>| Ok(api_key::create(state, &key_hash, grant, now)?);
        let made = self.carry_out(operator, grant.tenant_id.as_ref(), &key_id, idempotency, decide, view).await?;
        let issued = match made {
            Outcome::Replayed(first) => return Ok(NewKey { view: first.ok_or_else(nothing_issued)?, key: None }),
            Outcome::Done { loaded, .. } => loaded.state.ok_or_else(nothing_issued)?,
        };
        let view = shown(&key_id, &issued, now);
        self.table
            .put(&KeyEntry { key_id, key_hash, grant: issued.grant, created_at: issued.created_at, revoked: false })
            .await?;
        Ok(NewKey { view, key: Some(key) })
    }

    /// Revokes a key at once. Again is fine.
    ///
    /// # Errors
    /// No such key; the key that asks, so that nobody locks everybody out by mistake.
    pub async fn revoke(&self, operator: &str, key_id: &str) -> Result<KeyView, CommandError> {
        if operator == key_id {
            return Err(Decline::conflict("a key cannot revoke itself; use another platform key").into());
        }
        let now = self.ports.clock.now();
        let Some(entry) = self.table.find(key_id).await? else {
            return Err(Decline::not_found("no such key").into());
        };
        self.table.revoke(&entry.key_hash).await?;
        let decide = |state: &Option<IssuedKey>| {
            // A key that was put into the table by hand has no history yet.
            let mut events = match state {
                Some(_) => Vec::new(),
                None => vec![api_key::ApiKeyEvent::ApiKeyCreated {
                    key_hash: entry.key_hash.clone(),
                    grant: entry.grant.clone(),
                    created_at: entry.created_at,
                }],
            };
            let issued = events.iter().fold(state.clone(), <ApiKey as domain::Aggregate>::evolve);
            events.extend(api_key::revoke(&issued, now)?);
            Ok(events)
        };
        let view = |loaded: &Loaded<Option<IssuedKey>>| loaded.state.as_ref().map(|key| shown(key_id, key, now));
        match self.carry_out(operator, entry.grant.tenant_id.as_ref(), key_id, None, decide, view).await? {
            Outcome::Replayed(first) => first.ok_or_else(nothing_issued),
            Outcome::Done { loaded, .. } => view(&loaded).ok_or_else(nothing_issued),
        }
    }

    /// A page of keys in no order, those of one tenant where it is named.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list(
        &self,
        tenant: Option<&TenantId>,
        limit: u32,
        after: Option<String>,
    ) -> Result<(Vec<KeyView>, Option<String>), CommandError> {
        let now = self.ports.clock.now();
        let (entries, next) = self.table.list(limit, after).await?;
        let meant = entries.into_iter().filter(|entry| tenant.is_none() || entry.grant.tenant_id.as_ref() == tenant);
        let view = |entry: KeyEntry| {
            let expired = entry.grant.expires_at.is_some_and(|at| at <= now);
            let status = match (entry.revoked, expired) {
                (true, _) => KeyStatus::Revoked,
                (false, true) => KeyStatus::Expired,
                (false, false) => KeyStatus::Active,
            };
            KeyView { key_id: entry.key_id, grant: entry.grant, created_at: entry.created_at, status }
        };
        Ok((meant.map(view).collect(), next))
    }

    async fn carry_out(
        &self,
        operator: &str,
        tenant: Option<&TenantId>,
        key_id: &str,
        idempotency: Option<&Idempotency>,
        decide: impl Fn(&Option<IssuedKey>) -> Result<Vec<api_key::ApiKeyEvent>, CommandError> + Send + Sync,
        view: impl Fn(&Loaded<Option<IssuedKey>>) -> Option<KeyView> + Send + Sync,
    ) -> Result<Outcome<Option<IssuedKey>, Option<KeyView>>, CommandError> {
        let platform = || TenantId::parse(PLATFORM).map_err(|error| CommandError::Internal(error.to_string()));
        let tenant = tenant.cloned().map_or_else(platform, Ok)?;
        let correlation_id = CorrelationId::parse(ids::typed("corr", self.ports.ids.next()))
            .map_err(|error| CommandError::Internal(error.to_string()))?;
        let caller = Caller { tenant, key_id: operator.to_owned() };
        let command = Command {
            name: "ManageApiKey",
            caller: &caller,
            aggregate_id: key_id,
            correlation_id: &correlation_id,
            idempotency,
            expected: None,
            fresh: false,
        };
        self.ports.carry_out::<ApiKey, Option<KeyView>>(command, decide, view).await
    }
}

fn nothing_issued() -> CommandError {
    CommandError::Internal("a key was not issued and not refused".into())
}

fn shown(key_id: &str, key: &IssuedKey, now: Timestamp) -> KeyView {
    let (grant, created_at) = (key.grant.clone(), key.created_at);
    KeyView { key_id: key_id.to_owned(), grant, created_at, status: key.status(now) }
}

fn wrong_fields(grant: &Grant, now: Timestamp) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut add = |pointer: &str, detail: &str| {
        wrong.push(FieldError { pointer: pointer.to_owned(), code: "invalid", detail: detail.to_owned() });
    };
    let admin = grant.scopes.contains(&Scope::Admin);
    match &grant.tenant_id {
        _ if grant.scopes.is_empty() => add("/scopes", "name at least one of read, write, admin"),
        Some(tenant) if tenant.as_str() == PLATFORM => add("/tenant_id", "is reserved"),
        Some(_) if admin => add("/scopes", "admin is for platform keys: leave tenant_id out, or take read and write"),
        None if !admin => add("/tenant_id", "is required for the scopes read and write"),
        None if grant.scopes.iter().any(|scope| *scope != Scope::Admin) => {
            add("/scopes", "a platform key has the scope admin alone, which includes the others");
        }
        _ => {}
    }
    if grant.expires_at.is_some_and(|at| at <= now) {
        add("/expires_at", "must lie in the future");
    }
    wrong
}
