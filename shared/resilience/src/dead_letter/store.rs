//! Where dead letters are kept. A change is made on the revision that was read, so of two people one is first.

use super::{
    DeadLetters,
    entry::{Entry, LetterError, LetterFilter, LetterState},
};
use async_trait::async_trait;
use domain::{Timestamp, ports::PortError};

/// A page of letters without their payloads, newest first within each state, and where to go on.
pub type Page = (Vec<Entry>, Option<String>);

#[async_trait]
pub trait LetterStore: DeadLetters {
    /// One letter with its payload.
    async fn get(&self, id: &str) -> Result<Option<Entry>, PortError>;

    async fn list(&self, filter: &LetterFilter, limit: u32, after: Option<String>) -> Result<Page, PortError>;

    /// Writes `next` if the letter is still at the revision before it; false when it is not.
    async fn change(&self, next: &Entry) -> Result<bool, PortError>;
}

/// A letter that is there.
///
/// # Errors
/// [`LetterError::NotFound`]
pub async fn existing(store: &dyn LetterStore, id: &str) -> Result<Entry, LetterError> {
    store.get(id).await?.ok_or(LetterError::NotFound)
}

/// Deals with a letter for good; again with the same notes is the same.
///
/// # Errors
/// It is resolved with other notes, or just came back.
pub async fn resolve(
    store: &dyn LetterStore,
    id: &str,
    notes: &str,
    by: &str,
    now: Timestamp,
) -> Result<Entry, LetterError> {
    let entry = existing(store, id).await?;
    if entry.state == LetterState::Resolved {
        if entry.resolution_notes.as_deref() == Some(notes) {
            return Ok(entry);
        }
        return Err(LetterError::Conflict("the dead letter is resolved already, with other notes".to_owned()));
    }
    let next = Entry {
        state: LetterState::Resolved,
        revision: entry.revision + 1,
        resolved_at: Some(now),
        resolution_notes: Some(notes.to_owned()),
        by: Some(by.to_owned()),
        ..entry
    };
    changed(store, next).await
}

pub(super) async fn changed(store: &dyn LetterStore, next: Entry) -> Result<Entry, LetterError> {
    if store.change(&next).await? {
        Ok(next)
    } else {
        Err(LetterError::Conflict("the dead letter has changed meanwhile: look at it again".to_owned()))
    }
}
