//! What all commands share: the caller, the idempotency key, and the loop load - decide - append.

use crate::error::CommandError;
use domain::{Aggregate, Clock, CorrelationId, Decline, ErrorName, IdSource, Metadata, TenantId, Timestamp};
use event_store::{
    AppendError, CommandKey, CommandRecord, CommandRow, EventStore, Loaded, NewCommit, Transaction, Units,
};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use uuid::Uuid;

/// How long a first answer is kept for repetitions.
const COMMAND_ROW_LIFE_MS: i64 = 7 * 86_400_000;
/// Decisions per command. More than one is needed only when writers meet on one aggregate.
const MAX_DECISIONS: u32 = 4;

/// Who asks. The tenant comes from the key, never from a body.
#[derive(Debug, Clone)]
pub struct Caller {
    pub tenant: TenantId,
    pub key_id: String,
}

/// The client's `Idempotency-Key` and a hash of what it stands for.
#[derive(Debug, Clone)]
pub struct Idempotency {
    pub key: String,
    pub request_hash: String,
}

/// The ports of every command.
#[derive(Clone)]
pub(crate) struct Ports {
    pub store: Arc<dyn EventStore>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

/// One command on one aggregate.
pub(crate) struct Command<'a> {
    pub name: &'static str,
    pub caller: &'a Caller,
    pub aggregate_id: &'a str,
    pub correlation_id: &'a CorrelationId,
    pub idempotency: Option<&'a Idempotency>,
    /// The client's `If-Match`.
    pub expected: Option<u64>,
    /// The id is fresh, so there is nothing to load.
    pub fresh: bool,
}

/// What became of a command.
pub(crate) enum Outcome<S, R> {
    /// Carried out, or found to be carried out already; the state and version afterwards.
    Done { loaded: Loaded<S>, units: Units },
    /// An earlier command of the same key gave this answer.
    Replayed(R),
}

impl Ports {
    /// Loads the aggregate, decides, appends; again when another writer was first.
    ///
    /// What may refuse the command belongs into `decide`: a repetition gets its first answer even if today's decision
    /// would be a refusal.
    ///
    /// `answer` makes the answer that repetitions of the same idempotency key will get.
    pub(crate) async fn carry_out<A, R>(
        &self,
        command: Command<'_>,
        decide: impl Fn(&A::State) -> Result<Vec<A::Event>, CommandError> + Send + Sync,
        answer: impl Fn(&Loaded<A::State>) -> R + Send + Sync,
    ) -> Result<Outcome<A::State, R>, CommandError>
    where
        A: Aggregate,
        R: Serialize + DeserializeOwned,
    {
        let now = self.clock.now();
        let mut units = Units::default();
        let mut fresh = command.fresh;
        let commit_id = Uuid::from_u128(self.ids.next());
        for _ in 0..MAX_DECISIONS {
            let mut loaded = if std::mem::take(&mut fresh) {
                Loaded::default()
            } else {
                event_store::load::<A>(self.store.as_ref(), &command.caller.tenant, command.aggregate_id).await?
            };
            units = units.plus(loaded.units);
            let decided = decide(&loaded.state);
            // A repetition must get its first answer whatever has become of the aggregate since.
            if !matches!(&decided, Ok(events) if !events.is_empty())
                && let Some(replayed) = self.replay(&command, now).await?
            {
                return Ok(Outcome::Replayed(replayed));
            }
            let events = decided?;
            if command.expected.is_some_and(|expected| expected != loaded.version) {
                let message = format!("it is at version {}; read it again", loaded.version);
                return Err(Decline { name: ErrorName::StaleVersion, message }.into());
            }
            if events.is_empty() && command.idempotency.is_none() {
                return Ok(Outcome::Done { loaded, units });
            }
            let metadata = Metadata {
                tenant_id: command.caller.tenant.clone(),
                user_id: Some(command.caller.key_id.clone()),
                timestamp: now,
                correlation_id: command.correlation_id.clone(),
                causation_id: None,
            };
            // Without events only the key is written down: another request must not get it either.
            let mut appends = Vec::new();
            if !events.is_empty() {
                let (tenant, id) = (&command.caller.tenant, command.aggregate_id);
                appends.push(NewCommit::of::<A>(tenant, id, loaded.version, &events, commit_id)?);
                loaded.state = events.iter().fold(loaded.state, |state, event| A::evolve(state, event));
                loaded.version += u64::try_from(events.len()).unwrap_or(u64::MAX);
                loaded.as_of = Some(now);
                loaded.origin.get_or_insert_with(|| metadata.clone());
            }
            let row = self.row(&command, &answer(&loaded), now)?;
            match self.store.append(Transaction { appends, command: row, fence: None, metadata }).await {
                Ok(appended) => {
                    units = units.plus(appended.units);
                    tracing::info!(target: domain::METRIC, name = "Commands", value = 1_u64, unit = "Count", kind = command.name);
                    return Ok(Outcome::Done { loaded, units });
                }
                Err(AppendError::Repeated(record)) => return Ok(Outcome::Replayed(first_answer(&command, &record)?)),
                Err(AppendError::VersionConflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Decline::conflict("others keep changing this at the same time; repeat the command").into())
    }

    pub(crate) async fn replay<R: DeserializeOwned>(
        &self,
        command: &Command<'_>,
        now: Timestamp,
    ) -> Result<Option<R>, CommandError> {
        let Some(key) = command.key() else { return Ok(None) };
        let record = self.store.command(&key, now).await?;
        record.map(|record| first_answer(command, &record)).transpose()
    }

    pub(crate) fn row<R: Serialize>(
        &self,
        command: &Command<'_>,
        answer: &R,
        now: Timestamp,
    ) -> Result<Option<CommandRow>, CommandError> {
        let (Some(key), Some(idempotency)) = (command.key(), command.idempotency) else { return Ok(None) };
        let result = serde_json::to_value(answer).map_err(|cause| CommandError::Internal(cause.to_string()))?;
        let expires_at = Timestamp::from_millis(now.millis() + COMMAND_ROW_LIFE_MS);
        Ok(Some(CommandRow {
            key,
            record: CommandRecord { request_hash: idempotency.request_hash.clone(), result, expires_at },
        }))
    }
}

impl Command<'_> {
    fn key(&self) -> Option<CommandKey> {
        let idempotency = self.idempotency?;
        Some(CommandKey {
            tenant: self.caller.tenant.clone(),
            command: self.name.to_owned(),
            idempotency_key: idempotency.key.clone(),
        })
    }
}

fn first_answer<R: DeserializeOwned>(command: &Command<'_>, record: &CommandRecord) -> Result<R, CommandError> {
    let same = command.idempotency.is_some_and(|idempotency| idempotency.request_hash == record.request_hash);
    if !same {
        let message = "this Idempotency-Key was used with another request; use a new key".to_owned();
        return Err(Decline { name: ErrorName::IdempotencyKeyReused, message }.into());
    }
    serde_json::from_value(record.result.clone())
        .map_err(|cause| CommandError::Internal(format!("command row: {cause}")))
}
