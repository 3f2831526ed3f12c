//! Snapshots in memory, for tests.

use super::Snapshots;
use crate::store::{Metered, StoreError, StreamKey, Units};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Bodies by stream and fold.
type Bodies = BTreeMap<(String, String), Vec<u8>>;

/// Shared by its clones.
#[derive(Debug, Clone, Default)]
pub struct MemorySnapshots(Arc<Mutex<Bodies>>);

impl MemorySnapshots {
    /// Changes what is kept, as no function would: for tests of what then happens.
    pub fn change(&self, change: impl Fn(&mut Vec<u8>)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values_mut().for_each(change);
    }

    /// Stream and fold of each snapshot.
    #[must_use]
    pub fn kept(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

#[async_trait]
impl Snapshots for MemorySnapshots {
    async fn get(&self, stream: &StreamKey, fold: &str) -> Result<Metered<Option<Vec<u8>>>, StoreError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Metered { value: kept.get(&(stream.partition(), fold.to_owned())).cloned(), units: Units::default() })
    }

    async fn put(&self, stream: &StreamKey, fold: &str, body: Vec<u8>) -> Result<Units, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert((stream.partition(), fold.to_owned()), body);
        Ok(Units::default())
    }
}
