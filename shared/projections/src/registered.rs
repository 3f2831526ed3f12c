//! A projection without its types, so that one engine drives all: commits in, rows as text out.

use crate::{
    projection::{ApplyError, Projection, Row},
    store::Table,
};
use domain::{Aggregate, EventEnvelope, reconciliation::Reconciliation, saga::Saga};
use event_store::{Commit, StreamKey};

/// An aggregate as one version of a projection shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    pub rows: Vec<Row>,
    /// The state, where it is not the row itself.
    pub apart: Option<String>,
}

impl Shown {
    /// What the next fold starts from.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.apart.as_deref().or_else(|| self.rows.first().map(|row| row.text.as_str()))
    }
}

/// Why a fold stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    pub error: String,
    /// Sequence of the event; 0 when it could not be told.
    pub position: u64,
    /// Trying again cannot help: the pair is parked at once.
    pub is_final: bool,
}

impl Stop {
    pub(crate) fn at(position: u64, error: impl Into<String>) -> Self {
        Self { error: error.into(), position, is_final: false }
    }

    pub(crate) fn for_good(position: u64, error: impl Into<String>) -> Self {
        Self { error: error.into(), position, is_final: true }
    }
}

impl From<ApplyError> for Stop {
    fn from(error: ApplyError) -> Self {
        Self::at(error.sequence, error.to_string())
    }
}

/// How far a fold came. Commits are taken whole, so that a checkpoint always stands at the end of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// After the last commit that was applied; none when there was none.
    pub shown: Option<Shown>,
    /// Commits applied.
    pub commits: usize,
    pub stop: Option<Stop>,
}

type Fold = fn(&StreamKey, Option<&str>, &[Commit]) -> Folded;
type Show = fn(&StreamKey, &str) -> Result<Shown, Stop>;

/// See [`Projection`].
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    pub name: &'static str,
    pub aggregate: &'static str,
    pub table: Table,
    pub apart: bool,
    /// See [`Projection::FORMAT`].
    pub format: u32,
    fold: Fold,
    show: Show,
}

impl Registered {
    #[must_use]
    pub const fn of<P: Projection>() -> Self {
        Self {
            name: P::NAME,
            aggregate: P::AGGREGATE,
            table: P::TABLE,
            apart: P::APART,
            format: P::FORMAT,
            fold: fold_commits::<P>,
            show: show::<P>,
        }
    }

    /// Whether its rows belong to runs.
    #[must_use]
    pub fn follows_runs(&self) -> bool {
        matches!(self.aggregate, Reconciliation::TYPE | Saga::TYPE)
    }

    /// Applies commits to a stored state, as far as they can be applied.
    #[must_use]
    pub fn fold(&self, stream: &StreamKey, state: Option<&str>, commits: &[Commit]) -> Folded {
        (self.fold)(stream, state, commits)
    }

    /// What a stored state shows.
    ///
    /// # Errors
    /// The state cannot be read or is another tenant's.
    pub fn show(&self, stream: &StreamKey, state: &str) -> Result<Shown, Stop> {
        (self.show)(stream, state)
    }
}

/// What puts right a stored state that cannot be used.
fn advice<P: Projection>(stream: &StreamKey) -> String {
    if matches!(P::AGGREGATE, Reconciliation::TYPE | Saga::TYPE) {
        format!("run `settler projections rebuild --reconciliation {}`", stream.aggregate_id)
    } else {
        format!("run `settler projections rebuild --projection {}`", P::NAME)
    }
}

fn decode<P: Projection>(stream: &StreamKey, state: &str, position: u64) -> Result<P::State, Stop> {
    let state: P::State = serde_json::from_str(state).map_err(|cause| {
        Stop::for_good(position, format!("the stored state does not decode ({cause}): {}", advice::<P>(stream)))
    })?;
    match P::tenant(&state) {
        Some(tenant) if *tenant != stream.tenant => {
            let error = format!("the stored row belongs to tenant {tenant}: {}", advice::<P>(stream));
            Err(Stop::for_good(position, error))
        }
        _ => Ok(state),
    }
}

fn encode<P: Projection>(stream: &StreamKey, state: &P::State) -> Result<Shown, Stop> {
    let unwritable = |cause: serde_json::Error| Stop::at(0, format!("the state cannot be written: {cause}"));
    let rows = P::rows(&stream.aggregate_id, state).map_err(unwritable)?;
    let apart = if P::APART { Some(serde_json::to_string(state).map_err(unwritable)?) } else { None };
    Ok(Shown { rows, apart })
}

fn show<P: Projection>(stream: &StreamKey, state: &str) -> Result<Shown, Stop> {
    encode::<P>(stream, &decode::<P>(stream, state, 0)?)
}

/// An event that stands in a stream is of that stream.
fn own(stream: &StreamKey, event: &EventEnvelope) -> Result<(), Stop> {
    let tenant = &event.metadata.tenant_id;
    if *tenant == stream.tenant && event.aggregate_id == stream.aggregate_id {
        return Ok(());
    }
    let error = format!(
        "{} belongs to {} of tenant {tenant}, not to this stream: run `settler events verify`",
        event.event_type, event.aggregate_id
    );
    Err(Stop::for_good(event.sequence, error))
}

/// Applies whole commits; gives back how many, and why not more.
fn apply<P: Projection>(
    stream: &StreamKey,
    mut state: Option<P::State>,
    commits: &[Commit],
) -> Result<Option<P::State>, (usize, Stop)> {
    for (index, commit) in commits.iter().enumerate() {
        for event in &commit.events {
            own(stream, event).map_err(|stop| (index, stop))?;
            state = Some(P::apply(state, event).map_err(|error| (index, error.into()))?);
        }
    }
    Ok(state)
}

fn fold_commits<P: Projection>(stream: &StreamKey, stored: Option<&str>, commits: &[Commit]) -> Folded {
    let position = commits.first().map_or(0, |commit| commit.from);
    let stopped = |stop| Folded { shown: None, commits: 0, stop: Some(stop) };
    let begin = || stored.map(|stored| decode::<P>(stream, stored, position)).transpose();
    let begun = match begin() {
        Ok(begun) => begun,
        Err(stop) => return stopped(stop),
    };
    let (state, applied, stop) = match apply::<P>(stream, begun, commits) {
        Ok(state) => (state, commits.len(), None),
        // Half a commit may be in the state by now: fold again what lies before it. Rare, so it may cost.
        Err((whole, stop)) => {
            let before = commits.get(..whole).unwrap_or_default();
            let again = begin().ok().and_then(|begun| apply::<P>(stream, begun, before).ok()).flatten();
            (again.filter(|_| whole > 0), whole, Some(stop))
        }
    };
    match state.filter(|_| applied > 0).map(|state| encode::<P>(stream, &state)).transpose() {
        Ok(shown) => Folded { shown, commits: applied, stop },
        Err(stop) => stopped(stop),
    }
}
