//! The engine that feeds every projection: read the checkpoint, load the commits after it, apply, and write row and
//! checkpoint in one transaction.
//!
//! A doorbell says that a stream has reached a version, and nothing else. Duplicates, gaps, reordering and lost records
//! heal here: what counts is the difference between checkpoint and stream.
//!
//! Only decode and apply errors count towards parking. After [`PARK_AFTER_ATTEMPTS`] the pair (projection, aggregate)
//! is parked: doorbells pass it by, everything else goes on, and [`Engine::unpark`] pulls it again.

use crate::{
    ALL,
    projection::Registered,
    store::{Advance, Checkpoint, CheckpointKey, Fault, ProjectionStore, RowKey, Trouble, Written, row_partition},
};
use event_store::{EventStore, StoreError, StreamKey, Units};
use rand::Rng;
use std::{sync::Arc, time::Duration};
use thiserror::Error;

/// Pulls that may end at the same event before its pair is parked.
pub const PARK_AFTER_ATTEMPTS: u32 = 5;
/// Commits per load: a commit holds at most 400 KB, so a page fits into a small function's memory.
const COMMITS_PER_LOAD: u32 = 100;
/// Lost races before a pull gives up and leaves the rest to the next doorbell's retry.
const MAX_RACES: u32 = 10;
/// Upper bound of the pause after a lost race, times the number of races.
const RACE_PAUSE_MS: u64 = 20;

#[derive(Debug, Error)]
pub enum PullError {
    /// Try again: storage was busy or contended.
    #[error("{projection} of {stream} could not be pulled: {detail}")]
    Transient { projection: &'static str, stream: String, detail: String },
    /// Counted; the next pull tries again, until the pair is parked.
    #[error("{projection} of {stream} stopped at sequence {position}, attempt {attempts}: {error}")]
    Trouble { projection: &'static str, stream: String, position: u64, attempts: u32, error: String },
}

/// What one pull found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulled {
    /// The checkpoint stands at `version` now, `applied` events further than before.
    UpTo { version: u64, applied: u64, units: Units },
    /// Nothing was read: the pair waits for somebody to unpark it.
    Parked(Trouble),
}

/// Why a pull stopped at an event.
struct Stop {
    error: String,
    position: u64,
}

pub struct Engine {
    events: Arc<dyn EventStore>,
    store: Arc<dyn ProjectionStore>,
    projections: Vec<Registered>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("projections", &self.projections).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine for every projection of this crate.
    #[must_use]
    pub fn new(events: Arc<dyn EventStore>, store: Arc<dyn ProjectionStore>) -> Self {
        Self::of(events, store, &ALL)
    }

    #[must_use]
    pub fn of(events: Arc<dyn EventStore>, store: Arc<dyn ProjectionStore>, projections: &[Registered]) -> Self {
        Self { events, store, projections: projections.to_vec() }
    }

    /// A doorbell: `stream` is at `version` now. Feeds the live and the building version of every projection of this
    /// kind of aggregate; a stream that no projection follows is nobody's.
    ///
    /// # Errors
    /// The first [`PullError`], after all were tried.
    pub async fn ring(&self, stream: &StreamKey, version: u64) -> Result<Vec<Pulled>, PullError> {
        let mut pulled = Vec::new();
        let mut failed = None;
        for projection in self.projections.iter().filter(|projection| projection.aggregate == stream.aggregate_type) {
            match self.ring_one(projection, stream, version).await {
                Ok(done) => pulled.extend(done),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(pulled), Err)
    }

    async fn ring_one(
        &self,
        projection: &Registered,
        stream: &StreamKey,
        version: u64,
    ) -> Result<Vec<Pulled>, PullError> {
        let versions =
            self.store.versions(projection.name).await.map_err(|fault| transient(projection, stream, &fault))?;
        let mut pulled = Vec::new();
        for fed in [Some(versions.live), versions.building].into_iter().flatten() {
            pulled.push(self.pull(projection, fed, stream, Some(version)).await?);
        }
        Ok(pulled)
    }

    /// Brings one version of one projection up to date with one stream; nothing to do when the checkpoint has reached
    /// `wanted`.
    ///
    /// # Errors
    /// [`PullError`].
    pub async fn pull(
        &self,
        projection: &Registered,
        version: u32,
        stream: &StreamKey,
        wanted: Option<u64>,
    ) -> Result<Pulled, PullError> {
        let key = CheckpointKey { projection: projection.name.to_owned(), version, stream: stream.clone() };
        let busy = |fault: Fault| transient(projection, stream, &fault);
        let (mut applied, mut units, mut races) = (0, Units::default(), 0);
        loop {
            let checkpoint = self.store.checkpoint(&key).await.map_err(busy)?;
            if let Some(trouble) = checkpoint.trouble.as_ref().filter(|trouble| trouble.parked) {
                return Ok(Pulled::Parked(trouble.clone()));
            }
            if wanted.is_some_and(|wanted| checkpoint.version >= wanted) {
                return Ok(Pulled::UpTo { version: checkpoint.version, applied, units });
            }
            let (advance, stop) = self.step(projection, &key, &checkpoint).await?;
            if let Some(advance) = &advance {
                match self.store.advance(advance).await.map_err(busy)? {
                    Written::Done(spent) => {
                        applied += advance.to - advance.from;
                        units = units.plus(spent);
                    }
                    Written::Lost => {
                        races += 1;
                        self.pause(projection, stream, races).await?;
                        continue;
                    }
                }
            }
            if let Some(stop) = stop {
                let at = advance.as_ref().map_or(checkpoint.version, |advance| advance.to);
                let before = checkpoint.trouble.as_ref().filter(|_| advance.is_none());
                match self.note(projection, &key, at, before, stop).await? {
                    Some(outcome) => return outcome,
                    None => {
                        races += 1;
                        self.pause(projection, stream, races).await?;
                        continue;
                    }
                }
            }
            let version = advance.map_or(checkpoint.version, |advance| advance.to);
            if version == checkpoint.version || wanted.is_some_and(|wanted| version >= wanted) {
                return Ok(Pulled::UpTo { version, applied, units });
            }
        }
    }

    /// Forgets the trouble of a pair and pulls it again, with all its attempts before it.
    ///
    /// # Errors
    /// [`PullError`], also when the trouble is still there.
    pub async fn unpark(&self, projection: &Registered, version: u32, stream: &StreamKey) -> Result<Pulled, PullError> {
        let key = CheckpointKey { projection: projection.name.to_owned(), version, stream: stream.clone() };
        let busy = |fault: Fault| transient(projection, stream, &fault);
        let checkpoint = self.store.checkpoint(&key).await.map_err(busy)?;
        if checkpoint.trouble.is_some() {
            // Losing means that somebody moved the checkpoint, which clears the trouble too.
            self.store.note(&key, checkpoint.version, None).await.map_err(busy)?;
        }
        self.pull(projection, version, stream, None).await
    }

    /// Folds the next commits, as far as they can be applied. Commits are taken whole, so that a checkpoint always
    /// stands at the end of one.
    async fn step(
        &self,
        projection: &Registered,
        key: &CheckpointKey,
        checkpoint: &Checkpoint,
    ) -> Result<(Option<Advance>, Option<Stop>), PullError> {
        let stream = &key.stream;
        let mut page = self.events.page(stream, checkpoint.version, COMMITS_PER_LOAD).await;
        if matches!(page, Err(StoreError::Corrupt { .. })) {
            // What lies before the damage still counts.
            page = self.events.page(stream, checkpoint.version, 1).await;
        }
        let commits = match page {
            Ok(commits) => commits,
            Err(StoreError::Corrupt { sequence, detail, .. }) => {
                return Ok((None, Some(Stop { error: detail, position: sequence })));
            }
            Err(error) => return Err(transient(projection, stream, &error)),
        };
        if commits.is_empty() {
            return Ok((None, None));
        }
        let row_key = RowKey {
            table: projection.table,
            partition: row_partition(&stream.tenant, key.version),
            sort: stream.aggregate_id.clone(),
        };
        let mut row = match checkpoint.version {
            0 => None,
            _ => self.store.row(&row_key).await.map_err(|fault| transient(projection, stream, &fault))?,
        };
        let mut advance: Option<Advance> = None;
        for commit in commits {
            let applied = match projection.advance(row.as_deref(), &commit.events) {
                Ok(applied) => applied,
                Err(error) => return Ok((advance, Some(Stop { position: error.sequence, error: error.to_string() }))),
            };
            row = Some(applied.row.clone());
            advance = Some(Advance {
                checkpoint: key.clone(),
                from: checkpoint.version,
                to: commit.to,
                as_of: commit.metadata.timestamp,
                key: row_key.clone(),
                row: applied.row,
                keys: applied.keys,
            });
        }
        Ok((advance, None))
    }

    /// Counts an attempt; none when the checkpoint moved meanwhile and the pull has to start over.
    async fn note(
        &self,
        projection: &Registered,
        key: &CheckpointKey,
        at: u64,
        before: Option<&Trouble>,
        stop: Stop,
    ) -> Result<Option<Result<Pulled, PullError>>, PullError> {
        let attempts = before.map_or(0, |trouble| trouble.attempts) + 1;
        let Stop { error, position } = stop;
        let trouble = Trouble { parked: attempts >= PARK_AFTER_ATTEMPTS, error, position, attempts };
        let written = self
            .store
            .note(key, at, Some(&trouble))
            .await
            .map_err(|fault| transient(projection, &key.stream, &fault))?;
        if written == Written::Lost {
            return Ok(None);
        }
        let stream = key.stream.partition();
        if trouble.parked {
            tracing::error!(projection = projection.name, %stream, position, attempts, error = %trouble.error, "projection parked");
            return Ok(Some(Ok(Pulled::Parked(trouble))));
        }
        Ok(Some(Err(PullError::Trouble {
            projection: projection.name,
            stream,
            position,
            attempts,
            error: trouble.error,
        })))
    }

    /// Waits a little after a lost race, so that equal pulls part; gives up after too many.
    async fn pause(&self, projection: &Registered, stream: &StreamKey, races: u32) -> Result<(), PullError> {
        if races > MAX_RACES {
            return Err(transient(projection, stream, &"the checkpoint keeps moving"));
        }
        let pause_ms = rand::rng().random_range(0..=RACE_PAUSE_MS * u64::from(races));
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        Ok(())
    }
}

fn transient(projection: &Registered, stream: &StreamKey, cause: &impl ToString) -> PullError {
    PullError::Transient { projection: projection.name, stream: stream.partition(), detail: cause.to_string() }
}
