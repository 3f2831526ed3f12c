//! What is known of one circuit.

use super::{
    key::CircuitKey,
    window::{Counts, Window},
};
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Transitions that a circuit remembers.
const HISTORY: usize = 20;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Calls decide.
    #[default]
    Automatic,
    ForcedOpen,
    ForcedClosed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub owner: String,
    pub until: Timestamp,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Closed,
    Open {
        retry_at: Timestamp,
    },
    /// Somebody tries whether it works again.
    HalfOpen {
        lease: Option<Lease>,
        successes: u32,
    },
}

impl Phase {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// Why a circuit changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Too many calls failed.
    Failures {
        calls: u64,
        failures: u64,
    },
    /// The provider named a time before which it wants no call.
    Throttled,
    /// So many tenants' circuits at this provider are open.
    Tenants {
        open: usize,
    },
    ProbeDue,
    ProbeFailed,
    ProbesSucceeded {
        successes: u32,
    },
    Operator {
        by: String,
    },
}

impl Reason {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Failures { .. } => "failures",
            Self::Throttled => "throttled",
            Self::Tenants { .. } => "tenants",
            Self::ProbeDue => "probe_due",
            Self::ProbeFailed => "probe_failed",
            Self::ProbesSucceeded { .. } => "probes_succeeded",
            Self::Operator { .. } => "operator",
        }
    }
}

/// One change of phase or mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The epoch that it began.
    pub epoch: u64,
    pub at: Timestamp,
    pub from: String,
    pub to: String,
    pub mode: Mode,
    #[serde(flatten)]
    pub reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    pub key: CircuitKey,
    /// Raised by every change but counting.
    pub epoch: u64,
    pub mode: Mode,
    pub phase: Phase,
    /// Newest last.
    pub history: Vec<Transition>,
    /// Up to this epoch transitions were told to the bus.
    pub announced: u64,
    pub window: Window,
    /// Of a provider's own circuit: tenants whose circuits opened because calls failed and have not closed since.
    pub troubled: BTreeSet<String>,
}

impl Circuit {
    /// One that nobody has used yet.
    #[must_use]
    pub fn new(key: CircuitKey) -> Self {
        Self {
            key,
            epoch: 0,
            mode: Mode::default(),
            phase: Phase::default(),
            history: Vec::new(),
            announced: 0,
            window: Window::default(),
            troubled: BTreeSet::new(),
        }
    }

    #[must_use]
    pub fn last(&self) -> Option<&Transition> {
        self.history.last()
    }

    /// When the next call may go out, if not now.
    #[must_use]
    pub const fn retry_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Open { retry_at } => Some(*retry_at),
            Phase::Closed | Phase::HalfOpen { .. } => None,
        }
    }

    /// Transitions that the bus was not told of.
    #[must_use]
    pub fn unannounced(&self) -> Vec<&Transition> {
        self.history.iter().filter(|transition| transition.epoch > self.announced).collect()
    }

    /// The next epoch: another phase or mode, with its reason.
    pub(super) fn change(&self, at: Timestamp, mode: Mode, phase: Phase, reason: Reason) -> Self {
        let epoch = self.epoch + 1;
        let retry_at = match &phase {
            Phase::Open { retry_at } => Some(*retry_at),
            Phase::Closed | Phase::HalfOpen { .. } => None,
        };
        let from = self.phase.as_str().to_owned();
        let transition = Transition { epoch, at, from, to: phase.as_str().to_owned(), mode, reason, retry_at };
        let mut next = Self { epoch, mode, phase, ..self.clone() };
        next.history.push(transition);
        let surplus = next.history.len().saturating_sub(HISTORY);
        next.history.drain(..surplus);
        if next.phase == Phase::Closed {
            next.window = Window::default();
            next.troubled.clear();
        }
        next
    }

    /// The next epoch in the same phase: the lease or the count of successes moved.
    pub(super) fn probing(&self, lease: Option<Lease>, successes: u32) -> Self {
        Self { epoch: self.epoch + 1, phase: Phase::HalfOpen { lease, successes }, ..self.clone() }
    }

    /// Whether `me` is the prober.
    #[must_use]
    pub fn held_by(&self, me: &str) -> bool {
        matches!(&self.phase, Phase::HalfOpen { lease: Some(lease), .. } if lease.owner == me)
    }

    #[must_use]
    pub fn counts(&self, now: Timestamp, policy: &super::Policy) -> Counts {
        self.window.total(now, policy)
    }
}
