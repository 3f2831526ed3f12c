//! What is known of a rebuild between two of its steps. All of it is in one item beside the projection's versions, so
//! that whoever goes on, goes on from there.

use crate::store::Versions;
use domain::{ReconciliationId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// Pairs that are named in a record; further ones are only counted.
pub(super) const MAX_NAMED: usize = 20;

/// What is to be rebuilt of a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum Scope {
    /// Everything, as a new version beside the live one.
    All,
    /// One run, in the live version.
    Reconciliation { tenant_id: TenantId, reconciliation_id: ReconciliationId },
    /// Every aggregate with an event in `[from, to)`, in the live version.
    Range { from: Timestamp, to: Timestamp },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The new version is registered; every feeder has to hear of it before anything is counted.
    Announcing,
    /// How much there is to do.
    Counting,
    Folding,
    /// Every head is compared with its checkpoint in the new version.
    Auditing,
    /// The new version is live; readers that still look at the old one are waited for.
    Retiring,
    RemovingRows,
    RemovingCheckpoints,
    Done,
    /// Aggregates cannot be folded that the live version shows: it stays live until somebody decides.
    Blocked,
}

impl Phase {
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Blocked)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announcing => "announcing",
            Self::Counting => "counting",
            Self::Folding => "folding",
            Self::Auditing => "auditing",
            Self::Retiring => "retiring",
            Self::RemovingRows => "removing_rows",
            Self::RemovingCheckpoints => "removing_checkpoints",
            Self::Done => "done",
            Self::Blocked => "blocked",
        }
    }
}

/// An aggregate that could not be folded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfolded {
    pub tenant_id: TenantId,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub position: u64,
    pub error: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuild {
    /// Counts the rebuilds of a projection; see [`crate::store::Checkpoint::epoch`].
    pub number: u64,
    #[serde(flatten)]
    pub scope: Scope,
    /// What is stored is made of: see [`crate::projection::Projection::FORMAT`].
    #[serde(default = "first_format")]
    pub format: u32,
    pub phase: Phase,
    /// Key id of the operator.
    pub requested_by: Option<String>,
    pub started_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// Nothing is done before this.
    pub not_before: Option<Timestamp>,
    /// Where the present phase goes on.
    pub cursor: Option<String>,
    /// Aggregates (of a range: commits) that the present phase has to look at; 0 while it is not known.
    pub total: u64,
    pub done: u64,
    pub unfolded_count: u64,
    pub unfolded: Vec<Unfolded>,
}

impl Rebuild {
    pub(super) fn new(number: u64, scope: Scope, format: u32, by: Option<String>, now: Timestamp) -> Self {
        let phase = if scope == Scope::All { Phase::Announcing } else { Phase::Counting };
        Self {
            number,
            scope,
            format,
            phase,
            requested_by: by,
            started_at: now,
            updated_at: now,
            finished_at: None,
            not_before: None,
            cursor: None,
            total: 0,
            done: 0,
            unfolded_count: 0,
            unfolded: Vec::new(),
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Timestamp) {
        self.phase = phase;
        self.cursor = None;
        self.not_before = None;
        self.done = 0;
        self.finished_at = phase.is_end().then_some(now);
    }

    /// Not before so many milliseconds from now.
    pub(super) fn wait(&mut self, now: Timestamp, ms: i64) {
        self.not_before = Some(Timestamp::from_millis(now.millis().saturating_add(ms)));
    }

    pub(super) fn name(&mut self, unfolded: Unfolded) {
        self.unfolded_count += 1;
        if self.unfolded.len() < MAX_NAMED {
            self.unfolded.push(unfolded);
        }
    }
}

/// Rebuilds that were written down before formats were.
const fn first_format() -> u32 {
    1
}

/// A projection as it is registered: its versions and its last rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub versions: Versions,
    /// What the live version was made of; 1 as long as nothing was rebuilt.
    pub format: u32,
    pub rebuild: Option<Rebuild>,
    /// Rises with each change; a change needs the one that was read.
    pub revision: u64,
}

impl Default for Registration {
    fn default() -> Self {
        Self { versions: Versions::default(), format: first_format(), rebuild: None, revision: 0 }
    }
}
