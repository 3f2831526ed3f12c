//! The watchdog: finds sagas that nobody works on and puts somebody to work. The engine may have lost an execution
//! without a word, a bell may have been lost, a deployment may have gone wrong in the middle.

use crate::{control::Control, error::StepError};
use async_trait::async_trait;
use domain::{
    Aggregate, ErrorName, ReconciliationId, TenantId, Timestamp, ports::PortError, reconciliation::Reconciliation,
    time::Window,
};
use event_store::{EventStore, StreamKey};
use std::sync::Arc;

/// A run that was started and has no saga after this time was not heard of.
const UNHEARD_MS: i64 = 2 * 60_000;
/// How far back starts are looked for: some runs of the watchdog may fail in a row.
const LOOK_BACK_MS: i64 = 60 * 60_000;
/// An execution of which the engine says that it runs gets this long beyond its time: the engine's own retries may
/// still be at work.
const PATIENCE_MS: i64 = 30 * 60_000;
/// Commits per read of the feed.
const PAGE: u32 = 200;

/// A saga whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub tenant: TenantId,
    pub id: ReconciliationId,
    pub due_at: Timestamp,
}

/// The sparse index of sagas that have not ended and wait for nobody, by when somebody should look after them.
#[async_trait]
pub trait DueSagas: Send + Sync {
    /// The longest overdue first, at most `limit`.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Due>, PortError>;
}

#[derive(Clone)]
pub struct Watchdog {
    pub control: Control,
    pub due: Arc<dyn DueSagas>,
}

impl std::fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watchdog")
    }
}

/// What one round found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Round {
    pub due: u32,
    pub unheard: u32,
    pub failed: u32,
}

/// Sagas looked after in one round; the rest come in the next.
const MAX_PER_ROUND: u32 = 100;

impl Watchdog {
    /// One round. A saga that cannot be helped does not keep the others from it.
    ///
    /// # Errors
    /// When the index or the feed cannot be read.
    pub async fn run(&self) -> Result<Round, StepError> {
        let now = self.control.ledger.now();
        let mut round = Round::default();
        for due in self.due.due(now, MAX_PER_ROUND).await? {
            round.due += 1;
            let overdue_ms = now.millis().saturating_sub(due.due_at.millis());
            let done = if overdue_ms > PATIENCE_MS {
                self.control.take_over(&due.tenant, &due.id).await
            } else {
                self.control.recover_if_lost(&due.tenant, &due.id).await
            };
            round.failed += told(&due.tenant, &due.id, done);
        }
        for (tenant, id) in self.unheard(now).await? {
            round.unheard += 1;
            round.failed += told(&tenant, &id, self.control.ring(&tenant, &id).await);
        }
        tracing::info!(due = round.due, unheard = round.unheard, failed = round.failed, "watchdog");
        Ok(round)
    }

    /// Runs that were started a while ago and have no ledger.
    async fn unheard(&self, now: Timestamp) -> Result<Vec<(TenantId, ReconciliationId)>, StepError> {
        let store = self.control.ledger.store.as_ref();
        let window = Window {
            from: Timestamp::from_millis(now.millis() - LOOK_BACK_MS),
            to: Timestamp::from_millis(now.millis() - UNHEARD_MS),
        };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = store.feed(window, PAGE, after).await?;
            for commit in page {
                let started = commit.stream.aggregate_type == Reconciliation::TYPE
                    && commit.kinds.iter().any(|kind| kind.starts_with("ReconciliationStarted@"));
                if started && !has_ledger(store, &commit.stream).await? {
                    let id = ReconciliationId::parse(commit.stream.aggregate_id)
                        .map_err(|cause| StepError::new(ErrorName::CorruptStream, cause.to_string()))?;
                    found.push((commit.stream.tenant, id));
                }
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }
}

async fn has_ledger(store: &dyn EventStore, stream: &StreamKey) -> Result<bool, StepError> {
    let ledger = StreamKey::new(&stream.tenant, domain::saga::Saga::TYPE, stream.aggregate_id.as_str());
    Ok(store.head(&ledger).await?.is_some())
}

/// 1 when it failed. Superseded means that somebody was quicker.
fn told(tenant: &TenantId, id: &ReconciliationId, done: Result<(), StepError>) -> u32 {
    match done {
        Err(error) if error.name != ErrorName::Superseded => {
            tracing::error!(%tenant, reconciliation_id = %id, error = error.name.as_str(), message = %error, "a saga could not be helped");
            1
        }
        _ => 0,
    }
}
