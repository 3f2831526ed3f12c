//! Dead letters in memory.

use super::{
    DeadLetter, DeadLetters,
    entry::{Entry, LetterFilter, LetterState},
    store::{LetterStore, Page},
};
use async_trait::async_trait;
use domain::ports::PortError;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Debug, Default)]
pub struct MemoryLetters(Mutex<BTreeMap<String, Entry>>);

impl MemoryLetters {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The letter as it is kept after `letter` was written over what was known of it; none when it is the same once more.
pub(super) fn written(known: Option<&Entry>, letter: &DeadLetter) -> Option<Entry> {
    if known.is_some_and(|known| known.letter.occurrence == letter.occurrence) {
        return None;
    }
    Some(Entry {
        letter: DeadLetter {
            first_seen: known.map_or(letter.first_seen, |known| known.letter.first_seen),
            ..letter.clone()
        },
        state: LetterState::New,
        created_at: known.map_or(letter.last_seen, |known| known.created_at),
        returns: known.map_or(0, |known| known.returns + 1),
        revision: known.map_or(1, |known| known.revision + 1),
        payload_ref: None,
        redriven_at: None,
        resolved_at: None,
        resolution_notes: None,
        by: None,
    })
}

#[async_trait]
impl DeadLetters for MemoryLetters {
    async fn write(&self, letter: &DeadLetter) -> Result<(), PortError> {
        let mut all = self.locked();
        if let Some(entry) = written(all.get(&letter.id), letter) {
            all.insert(letter.id.clone(), entry);
        }
        Ok(())
    }
}

#[async_trait]
impl LetterStore for MemoryLetters {
    async fn get(&self, id: &str) -> Result<Option<Entry>, PortError> {
        Ok(self.locked().get(id).cloned())
    }

    async fn list(&self, filter: &LetterFilter, limit: u32, after: Option<String>) -> Result<Page, PortError> {
        let mut found: Vec<Entry> = self.locked().values().filter(|entry| filter.takes(entry)).cloned().collect();
        let state = |entry: &Entry| LetterState::ALL.iter().position(|state| *state == entry.state);
        found.sort_by(|a, b| {
            state(a)
                .cmp(&state(b))
                .then(b.letter.last_seen.cmp(&a.letter.last_seen))
                .then(a.letter.id.cmp(&b.letter.id))
        });
        let begin = after.and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
        let end = begin.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX)).min(found.len());
        let next = (end < found.len()).then(|| end.to_string());
        let page = found.drain(..end).skip(begin).map(|mut entry| {
            entry.letter.payload.clear();
            entry
        });
        Ok((page.collect(), next))
    }

    async fn change(&self, next: &Entry) -> Result<bool, PortError> {
        let mut all = self.locked();
        match all.get_mut(&next.letter.id) {
            Some(known) if known.revision + 1 == next.revision => {
                *known = next.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
