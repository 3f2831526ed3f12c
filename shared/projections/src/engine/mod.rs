//! The engine that feeds every projection: read the checkpoint, load the commits after it, apply, and write rows and
//! checkpoint in one transaction.
//!
//! A doorbell says that a stream has reached a version, and nothing else. Duplicates, gaps, reordering and lost records
//! heal here: what counts is the difference between checkpoint and stream.
//!
//! Only decode and apply errors count towards parking. After [`PARK_AFTER_ATTEMPTS`] the pair (projection, aggregate)
//! is parked: doorbells pass it by, everything else goes on, and [`Engine::unpark`] pulls it again. Damage that no
//! further try can mend (a checkpoint ahead of its head, another tenant's row) parks at once.

mod advance;
mod refold;

use crate::{
    ALL,
    parking::{LogOnly, ParkedPair, ParkedPairs},
    registered::{Registered, Shown, Stop},
    store::{
        Advance, Checkpoint, CheckpointKey, Fault, ProjectionStore, RowKey, Stand, Trouble, Written, row_partition,
    },
};
use advance::next_step;
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

/// What one look at the stream has found.
#[derive(Default)]
struct Step {
    advance: Option<Advance>,
    stop: Option<Stop>,
}

impl Step {
    fn stopped(stop: Stop) -> Self {
        Self { advance: None, stop: Some(stop) }
    }
}

pub struct Engine {
    events: Arc<dyn EventStore>,
    store: Arc<dyn ProjectionStore>,
    projections: Vec<Registered>,
    parked: Arc<dyn ParkedPairs>,
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
        Self { events, store, projections: projections.to_vec(), parked: Arc::new(LogOnly) }
    }

    /// The same, telling `parked` about every pair before it is parked.
    #[must_use]
    pub fn telling(self, parked: Arc<dyn ParkedPairs>) -> Self {
        Self { parked, ..self }
    }

    pub fn projections(&self) -> &[Registered] {
        &self.projections
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
            if wanted == Some(checkpoint.version) {
                return Ok(Pulled::UpTo { version: checkpoint.version, applied, units });
            }
            let step = if wanted.is_some_and(|wanted| checkpoint.version > wanted) {
                match self.ahead(projection, stream, checkpoint.version).await? {
                    Some(stop) => Step::stopped(stop),
                    None => return Ok(Pulled::UpTo { version: checkpoint.version, applied, units }),
                }
            } else {
                self.step(projection, &key, &checkpoint).await?
            };
            let mut stands = checkpoint.stand();
            if let Some(advance) = &step.advance {
                match self.store.advance(advance).await.map_err(busy)? {
                    Written::Done(spent) => {
                        applied += advance.to.version - advance.from.version;
                        units = units.plus(spent);
                        stands = advance.to;
                    }
                    Written::Lost => {
                        races += 1;
                        self.pause(projection, stream, races).await?;
                        continue;
                    }
                }
            }
            if let Some(stop) = step.stop {
                let before = checkpoint.trouble.as_ref().filter(|_| step.advance.is_none());
                match self.note(projection, &key, stands, before, stop).await? {
                    Some(outcome) => return outcome,
                    None => {
                        races += 1;
                        self.pause(projection, stream, races).await?;
                        continue;
                    }
                }
            }
            if stands.version == checkpoint.version || wanted.is_some_and(|wanted| stands.version >= wanted) {
                return Ok(Pulled::UpTo { version: stands.version, applied, units });
            }
        }
    }

    /// [`Engine::unpark`] in the version that is live.
    ///
    /// # Errors
    /// As there.
    pub async fn unpark_live(&self, projection: &Registered, stream: &StreamKey) -> Result<Pulled, PullError> {
        let versions =
            self.store.versions(projection.name).await.map_err(|fault| transient(projection, stream, &fault))?;
        self.unpark(projection, versions.live, stream).await
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
            self.store.note(&key, checkpoint.stand(), None).await.map_err(busy)?;
        }
        let head = self.events.head(stream).await.map_err(|error| transient(projection, stream, &error))?;
        // The head is named, so that a checkpoint ahead of it is found again.
        self.pull(projection, version, stream, Some(head.map_or(0, |head| head.version))).await
    }

    /// A checkpoint further than the doorbell says: usually the doorbell is late. One further than the head is damage.
    async fn ahead(&self, projection: &Registered, stream: &StreamKey, at: u64) -> Result<Option<Stop>, PullError> {
        let head = self.events.head(stream).await.map_err(|error| transient(projection, stream, &error))?;
        let head = head.map_or(0, |head| head.version);
        Ok((at > head).then(|| Stop::for_good(at, ahead_of_head(at, head))))
    }

    /// Folds the next commits, as far as they can be applied and their rows fit into one transaction.
    async fn step(
        &self,
        projection: &Registered,
        key: &CheckpointKey,
        checkpoint: &Checkpoint,
    ) -> Result<Step, PullError> {
        let stream = &key.stream;
        let mut page = self.events.page(stream, checkpoint.version, COMMITS_PER_LOAD).await;
        if matches!(page, Err(StoreError::Corrupt { .. })) {
            // What lies before the damage still counts.
            page = self.events.page(stream, checkpoint.version, 1).await;
        }
        let commits = match page {
            Ok(commits) => commits,
            Err(StoreError::Corrupt { sequence, detail, .. }) => {
                return Ok(Step::stopped(Stop::at(sequence, detail)));
            }
            Err(error) => return Err(transient(projection, stream, &error)),
        };
        if commits.is_empty() {
            return Ok(Step::default());
        }
        let state = self.state(projection, key, checkpoint).await?;
        let before = match state.as_deref().filter(|_| projection.apart) {
            Some(state) => match projection.show(stream, state) {
                Ok(shown) => shown,
                Err(stop) => return Ok(Step::stopped(stop)),
            },
            None => Shown::default(),
        };
        Ok(next_step(projection, key, checkpoint, state.as_deref(), &before, &commits))
    }

    /// The state at the checkpoint: beside it, or the row itself.
    async fn state(
        &self,
        projection: &Registered,
        key: &CheckpointKey,
        checkpoint: &Checkpoint,
    ) -> Result<Option<String>, PullError> {
        if projection.apart || checkpoint.version == 0 {
            return Ok(checkpoint.state.clone());
        }
        let row = RowKey {
            table: projection.table,
            partition: row_partition(&key.stream.tenant, key.version),
            sort: key.stream.aggregate_id.clone(),
        };
        self.store.row(&row).await.map_err(|fault| transient(projection, &key.stream, &fault))
    }

    /// Counts an attempt; none when the checkpoint moved meanwhile and the pull has to start over.
    async fn note(
        &self,
        projection: &Registered,
        key: &CheckpointKey,
        at: Stand,
        before: Option<&Trouble>,
        stop: Stop,
    ) -> Result<Option<Result<Pulled, PullError>>, PullError> {
        let busy = |fault: Fault| transient(projection, &key.stream, &fault);
        let attempts = before.map_or(0, |trouble| trouble.attempts) + 1;
        let Stop { error, position, is_final } = stop;
        let trouble = Trouble { parked: is_final || attempts >= PARK_AFTER_ATTEMPTS, error, position, attempts };
        if trouble.parked {
            let pair = ParkedPair { pair: key.clone(), trouble: trouble.clone() };
            self.parked.parked(&pair).await.map_err(busy)?;
        }
        if self.store.note(key, at, Some(&trouble)).await.map_err(busy)? == Written::Lost {
            return Ok(None);
        }
        let stream = key.stream.partition();
        if trouble.parked {
            tracing::error!(projection = projection.name, %stream, position, attempts, error = %trouble.error, "projection parked");
            tracing::info!(target: domain::METRIC, name = "Parked", value = 1_u64, unit = "Count", kind = projection.name);
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

/// What is said of a checkpoint that has read more than there is.
pub(crate) fn ahead_of_head(checkpoint: u64, head: u64) -> String {
    format!(
        "the checkpoint stands at {checkpoint}, ahead of its head at {head}: run `settler events verify`, restore what \
         is missing, then rebuild this aggregate"
    )
}

fn transient(projection: &Registered, stream: &StreamKey, cause: &impl ToString) -> PullError {
    PullError::Transient { projection: projection.name, stream: stream.partition(), detail: cause.to_string() }
}
