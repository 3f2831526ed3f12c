//! Time and ids that can be foreseen.

use async_trait::async_trait;
use domain::{
    Clock, IdSource, Timestamp,
    ports::{Entropy, KeyEntry, KeyTable, PortError},
};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering},
    },
};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// # Panics
    /// When `instant` is not RFC 3339.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test with a wrong instant must stop")]
    pub fn at(instant: &str) -> Self {
        Self(AtomicI64::new(Timestamp::parse(instant).expect("an RFC 3339 instant").millis()))
    }

    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    /// 1 March 2026, noon UTC.
    fn default() -> Self {
        Self(AtomicI64::new(1_772_366_400_000))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// 1, 2, 3, …
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl IdSource for SequentialIds {
    fn next(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1
    }
}

/// All ones, all twos, all threes, …
#[derive(Debug, Default)]
pub struct CountedEntropy(AtomicU8);

impl Entropy for CountedEntropy {
    fn bytes(&self) -> Result<[u8; 32], PortError> {
        Ok([self.0.fetch_add(1, Ordering::SeqCst).wrapping_add(1); 32])
    }
}

/// API keys by their hash.
#[derive(Debug, Default)]
pub struct MemoryKeys(Mutex<BTreeMap<String, KeyEntry>>);

impl MemoryKeys {
    fn entries(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, KeyEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyTable for MemoryKeys {
    async fn put(&self, entry: &KeyEntry) -> Result<(), PortError> {
        self.entries().insert(entry.key_hash.clone(), entry.clone());
        Ok(())
    }

    async fn revoke(&self, key_hash: &str) -> Result<(), PortError> {
        if let Some(entry) = self.entries().get_mut(key_hash) {
            entry.revoked = true;
        }
        Ok(())
    }

    async fn find(&self, key_id: &str) -> Result<Option<KeyEntry>, PortError> {
        Ok(self.entries().values().find(|entry| entry.key_id == key_id).cloned())
    }

    async fn list(&self, limit: u32, after: Option<String>) -> Result<(Vec<KeyEntry>, Option<String>), PortError> {
        let entries = self.entries();
        let rest = entries.iter().filter(|(hash, _)| after.as_ref().is_none_or(|after| *hash > after));
        let page: Vec<KeyEntry> = rest.take(limit as usize).map(|(_, entry)| entry.clone()).collect();
        let next = page.last().filter(|_| page.len() == limit as usize).map(|entry| entry.key_hash.clone());
        Ok((page, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_ids_come_as_expected() {
        let clock = FixedClock::default();
        assert_eq!(clock.now(), FixedClock::at("2026-03-01T12:00:00Z").now());
        clock.advance_ms(1500);
        assert_eq!(clock.now().to_string(), "2026-03-01T12:00:01.500Z");
        let ids = SequentialIds::default();
        assert_eq!((ids.next(), ids.next()), (1, 2));
    }
}
