//! One bounded step of a rebuild after the other.

use super::{Phase, Rebuild, RebuildStore, Registration, Scope, Unfolded};
use crate::{
    engine::{Engine, PARK_AFTER_ATTEMPTS, PullError, Pulled},
    registered::Registered,
    store::{CheckpointKey, Fault, Trouble},
};
use domain::{Aggregate, Clock, Timestamp, reconciliation::Reconciliation, saga::Saga, time::Window};
use event_store::{EventStore, StreamKey};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};

/// Heads or commits per step. A step takes well under a second, so that little is repeated after a crash.
const PER_STEP: u32 = 50;
/// Streams that are folded side by side.
const AT_ONCE: usize = 8;
/// Feeders and readers remember versions for 5 s; the rest is for their clocks and for what is under way.
const HEARD_MS: i64 = 6_000;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stepped {
    /// There is nothing to do.
    Idle,
    More,
    /// Nothing may be done before so much time has passed.
    Wait(Duration),
}

#[derive(Clone)]
pub struct Rebuilder {
    events: Arc<dyn EventStore>,
    store: Arc<dyn RebuildStore>,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    /// Most aggregates per second.
    per_second: u32,
}

impl std::fmt::Debug for Rebuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuilder").field("per_second", &self.per_second).finish_non_exhaustive()
    }
}

/// A new version that an earlier release has begun and this one would end otherwise.
fn outdated(rebuild: &Rebuild, projection: &Registered) -> bool {
    let folding = matches!(rebuild.phase, Phase::Announcing | Phase::Counting | Phase::Folding | Phase::Auditing);
    rebuild.scope == Scope::All && folding && rebuild.format != projection.format
}

/// In a version of its own, so that nothing that the earlier release has folded is in it.
fn begin_again(registration: &mut Registration, rebuild: &mut Rebuild, projection: &Registered, now: Timestamp) {
    registration.versions.building = registration.versions.building.map(|building| building + 1);
    rebuild.format = projection.format;
    rebuild.unfolded.clear();
    rebuild.unfolded_count = 0;
    rebuild.enter(Phase::Announcing, now);
}

/// An aggregate with the version that it has to reach.
type Goal = (StreamKey, u64);

impl Rebuilder {
    #[must_use]
    pub fn new(
        events: Arc<dyn EventStore>,
        store: Arc<dyn RebuildStore>,
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
        per_second: u32,
    ) -> Self {
        Self { events, store, engine, clock, per_second: per_second.max(1) }
    }

    /// Steps until there is nothing left to do, or for `budget`; true when there is nothing left.
    ///
    /// # Errors
    /// [`Fault`]: the step was not done, and will be done again by whoever comes next.
    pub async fn run(&self, projection: &Registered, budget: Duration) -> Result<bool, Fault> {
        let begun = Instant::now();
        while begun.elapsed() < budget {
            match self.step(projection).await? {
                Stepped::Idle => return Ok(true),
                Stepped::More => {}
                Stepped::Wait(pause) => tokio::time::sleep(pause.min(budget)).await,
            }
        }
        Ok(false)
    }

    /// Does the next piece of the projection's rebuild and writes down how far it has come.
    ///
    /// # Errors
    /// As [`Rebuilder::run`].
    pub async fn step(&self, projection: &Registered) -> Result<Stepped, Fault> {
        let mut registration = self.store.registration(projection.name).await?;
        let Some(mut rebuild) = registration.rebuild.take().filter(|rebuild| !rebuild.phase.is_end()) else {
            return Ok(Stepped::Idle);
        };
        let now = self.clock.now();
        if let Some(ms) = rebuild.not_before.map(|at| at.millis() - now.millis()).filter(|ms| *ms > 0) {
            return Ok(Stepped::Wait(Duration::from_millis(ms.unsigned_abs())));
        }
        if outdated(&rebuild, projection) {
            begin_again(&mut registration, &mut rebuild, projection, now);
        }
        match rebuild.phase {
            Phase::Announcing => {
                rebuild.enter(Phase::Counting, now);
                rebuild.wait(now, HEARD_MS);
            }
            Phase::Counting => self.count(projection, &mut rebuild, now).await?,
            Phase::Folding => self.fold(projection, &registration, &mut rebuild, now).await?,
            Phase::Auditing => self.audit(projection, &mut registration, &mut rebuild, now).await?,
            Phase::Retiring => rebuild.enter(Phase::RemovingRows, now),
            Phase::RemovingRows | Phase::RemovingCheckpoints => {
                self.remove(projection, registration.versions.live, &mut rebuild, now).await?;
            }
            Phase::Done | Phase::Blocked => return Ok(Stepped::Idle),
        }
        rebuild.updated_at = self.clock.now();
        registration.rebuild = Some(rebuild);
        // Lost: somebody else did this step too. What was written is the same, and the next step reads anew.
        self.store.register(projection.name, &registration).await?;
        Ok(Stepped::More)
    }

    async fn count(&self, projection: &Registered, rebuild: &mut Rebuild, now: Timestamp) -> Result<(), Fault> {
        if rebuild.cursor.is_none() {
            rebuild.total = 0;
        }
        let (goals, next) = self.goals(projection, rebuild, PER_STEP * 10).await?;
        rebuild.total += goals;
        rebuild.cursor = next;
        if rebuild.cursor.is_none() {
            rebuild.enter(Phase::Folding, now);
        }
        Ok(())
    }

    async fn goals(
        &self,
        projection: &Registered,
        rebuild: &Rebuild,
        limit: u32,
    ) -> Result<(u64, Option<String>), Fault> {
        let (page, next) = self.page(projection, rebuild, limit).await?;
        Ok((page.looked_at, next))
    }

    /// The aggregates that the rebuild's scope names next.
    async fn page(
        &self,
        projection: &Registered,
        rebuild: &Rebuild,
        limit: u32,
    ) -> Result<(Page, Option<String>), Fault> {
        let after = rebuild.cursor.clone();
        match &rebuild.scope {
            Scope::All => {
                let (heads, next) = self.events.heads(limit, after).await?;
                let heads = heads.into_iter().filter(|head| head.stream.aggregate_type == projection.aggregate);
                let goals: Vec<Goal> = heads.map(|head| (head.stream, head.version)).collect();
                Ok((Page { looked_at: count(goals.len()), goals }, next))
            }
            Scope::Reconciliation { tenant_id, reconciliation_id } => {
                let aggregate = match projection.aggregate {
                    Saga::TYPE => Saga::TYPE,
                    _ => Reconciliation::TYPE,
                };
                let stream = StreamKey::new(tenant_id, aggregate, reconciliation_id.as_str());
                Ok((Page { looked_at: 1, goals: vec![(stream, 0)] }, None))
            }
            Scope::Range { from, to } => {
                let window = Window { from: *from, to: *to };
                let (commits, next) = self.events.feed(window, limit, after).await?;
                let looked_at = count(commits.len());
                let mut goals: BTreeMap<StreamKey, u64> = BTreeMap::new();
                for commit in commits.into_iter().filter(|commit| commit.stream.aggregate_type == projection.aggregate)
                {
                    let to = goals.entry(commit.stream).or_default();
                    *to = commit.to.max(*to);
                }
                Ok((Page { looked_at, goals: goals.into_iter().collect() }, next))
            }
        }
    }

    async fn fold(
        &self,
        projection: &Registered,
        registration: &Registration,
        rebuild: &mut Rebuild,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let begun = Instant::now();
        let (page, next) = self.page(projection, rebuild, PER_STEP).await?;
        let folded = count(page.goals.len());
        let beside = if rebuild.scope == Scope::All { registration.versions.building } else { None };
        let version = beside.unwrap_or(registration.versions.live);
        for (stream, trouble) in
            self.fold_streams(*projection, version, beside.is_some(), rebuild.number, page.goals).await?
        {
            // What cannot be folded beside the live version is judged by the audit.
            if beside.is_none() {
                rebuild.name(unfolded(&stream, &trouble));
            }
        }
        rebuild.done += page.looked_at;
        rebuild.cursor = next;
        if rebuild.cursor.is_none() {
            rebuild.enter(if beside.is_some() { Phase::Auditing } else { Phase::Done }, now);
            if beside.is_none() {
                rebuild.done = rebuild.total;
            }
        }
        self.keep_pace(begun, folded).await;
        Ok(())
    }

    /// Folds streams side by side; gives back those that are parked.
    async fn fold_streams(
        &self,
        projection: Registered,
        version: u32,
        beside: bool,
        number: u64,
        goals: Vec<Goal>,
    ) -> Result<Vec<(StreamKey, Trouble)>, Fault> {
        let mut parked = Vec::new();
        for some in goals.chunks(AT_ONCE) {
            let mut folds = JoinSet::new();
            for (stream, _) in some.iter().cloned() {
                let engine = Arc::clone(&self.engine);
                folds.spawn(async move {
                    let pulled = if beside {
                        pull_to_the_end(&engine, &projection, version, &stream).await
                    } else {
                        engine.refold(&projection, version, &stream, number).await
                    };
                    (stream, pulled)
                });
            }
            while let Some(folded) = folds.join_next().await {
                let (stream, pulled) = folded.map_err(|cause| Fault::Busy(format!("a fold ended early: {cause}")))?;
                match pulled.map_err(|error| Fault::Busy(error.to_string()))? {
                    Pulled::UpTo { .. } => {}
                    Pulled::Parked(trouble) => parked.push((stream, trouble)),
                }
            }
        }
        parked.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(parked)
    }

    /// Compares heads with the new version's checkpoints, pulls what is missing, and after the last head goes live.
    async fn audit(
        &self,
        projection: &Registered,
        registration: &mut Registration,
        rebuild: &mut Rebuild,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Some(building) = registration.versions.building else {
            return Err(Fault::Corrupt(format!("`{}` is audited, but no version is being built", projection.name)));
        };
        let begun = Instant::now();
        let (page, next) = self.page(projection, rebuild, PER_STEP).await?;
        let keys = |version: u32| -> Vec<CheckpointKey> {
            let key = |(stream, _): &Goal| CheckpointKey {
                projection: projection.name.to_owned(),
                version,
                stream: stream.clone(),
            };
            page.goals.iter().map(key).collect()
        };
        let built = self.store.checkpoints(&keys(building)).await?;
        let missing = |((_, goal), checkpoint): &(&Goal, &crate::store::Checkpoint)| checkpoint.version < *goal;
        let behind: Vec<Goal> = page.goals.iter().zip(&built).filter(missing).map(|(goal, _)| goal.clone()).collect();
        let pulled = count(behind.len());
        let parked = self.fold_streams(*projection, building, true, rebuild.number, behind).await?;
        if !parked.is_empty() {
            let live = self.store.checkpoints(&keys(registration.versions.live)).await?;
            let parked_live = |stream: &StreamKey| {
                let place = page.goals.iter().position(|(other, _)| other == stream);
                place.and_then(|place| live.get(place)).is_some_and(|live| live.trouble.is_some())
            };
            // What the live version cannot show either is no reason to keep it.
            for (stream, trouble) in parked.iter().filter(|(stream, _)| !parked_live(stream)) {
                rebuild.name(unfolded(stream, trouble));
            }
        }
        rebuild.done += page.looked_at;
        rebuild.cursor = next;
        if rebuild.cursor.is_none() {
            if rebuild.unfolded_count > 0 {
                rebuild.enter(Phase::Blocked, now);
            } else {
                registration.versions = crate::store::Versions { live: building, building: None };
                registration.format = rebuild.format;
                rebuild.enter(Phase::Retiring, now);
                rebuild.done = rebuild.total;
                rebuild.wait(self.clock.now(), HEARD_MS);
            }
        }
        self.keep_pace(begun, pulled).await;
        Ok(())
    }

    async fn remove(
        &self,
        projection: &Registered,
        live: u32,
        rebuild: &mut Rebuild,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let after = rebuild.cursor.take();
        let rows = rebuild.phase == Phase::RemovingRows;
        let removed = if rows {
            self.store.remove_rows(projection.table, live, after).await?
        } else {
            self.store.remove_checkpoints(projection.name, live, after).await?
        };
        rebuild.done += removed.count;
        rebuild.cursor = removed.next;
        if rebuild.cursor.is_none() {
            rebuild.enter(if rows { Phase::RemovingCheckpoints } else { Phase::Done }, now);
            rebuild.done = rebuild.total;
        }
        Ok(())
    }

    /// Waits until so many aggregates may have taken so long.
    async fn keep_pace(&self, begun: Instant, aggregates: u64) {
        let due = Duration::from_millis(aggregates.saturating_mul(1_000) / u64::from(self.per_second));
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
}

struct Page {
    /// What counts as progress: aggregates, or commits of a range.
    looked_at: u64,
    goals: Vec<Goal>,
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn unfolded(stream: &StreamKey, trouble: &Trouble) -> Unfolded {
    Unfolded {
        tenant_id: stream.tenant.clone(),
        aggregate_type: stream.aggregate_type.clone(),
        aggregate_id: stream.aggregate_id.clone(),
        position: trouble.position,
        error: trouble.error.clone(),
    }
}

/// Pulls until the end of the stream or until the pair is parked: here nobody rings a second time.
async fn pull_to_the_end(
    engine: &Engine,
    projection: &Registered,
    version: u32,
    stream: &StreamKey,
) -> Result<Pulled, PullError> {
    let mut pulled = engine.pull(projection, version, stream, None).await;
    if matches!(pulled, Ok(Pulled::Parked(_))) {
        // An earlier try, perhaps with an earlier release.
        pulled = engine.unpark(projection, version, stream).await;
    }
    for _ in 0..PARK_AFTER_ATTEMPTS {
        match pulled {
            Err(PullError::Trouble { .. }) => pulled = engine.pull(projection, version, stream, None).await,
            other => return other,
        }
    }
    pulled
}
