//! Where a run, or the workflow behind it, stands: the words that people see, and what may be done in each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Running,
    /// Waits for somebody to resume it.
    Paused,
    /// What was done is being undone.
    Compensating,
    /// Undoing kept failing; waits for an operator.
    Stuck,
    Completed,
    /// Undone after a failure, or killed.
    Failed,
    /// Undone because somebody asked for it.
    Cancelled,
}

impl Status {
    pub const ALL: [Self; 7] =
        [Self::Running, Self::Paused, Self::Compensating, Self::Stuck, Self::Completed, Self::Failed, Self::Cancelled];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Compensating => "compensating",
            Self::Stuck => "stuck",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The attempt is over: nothing of it runs or will run.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The attempt still goes forward, or would if it were not paused.
    #[must_use]
    pub const fn goes_forward(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// What may be done, in the words of the commands.
    #[must_use]
    pub const fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Running => &["cancel", "pause"],
            Self::Paused => &["resume", "cancel"],
            Self::Stuck => &["resume", "cancel", "skip-undo"],
            Self::Failed | Self::Cancelled => &["retry"],
            Self::Compensating | Self::Completed => &[],
        }
    }
}
