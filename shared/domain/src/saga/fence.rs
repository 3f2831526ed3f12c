//! The fence on the ledger's head. Every append of a step checks it in its own transaction, so that whoever comes after
//! the direction has changed can write nothing.

use crate::ids::AttemptNumber;

/// The attempt goes forward.
#[must_use]
pub fn forward_fence(attempt: AttemptNumber) -> String {
    format!("a{attempt}:forward")
}

/// The attempt is being undone: no forward step of it may write any more.
#[must_use]
pub fn undo_fence(attempt: AttemptNumber) -> String {
    format!("a{attempt}:undo")
}

/// The attempt has ended: only the word of it may still be spread.
#[must_use]
pub fn ended_fence(attempt: AttemptNumber) -> String {
    format!("a{attempt}:ended")
}
