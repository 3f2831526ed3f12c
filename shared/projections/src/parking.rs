//! What is told about a pair (projection, aggregate) that is put aside.

use crate::store::{CheckpointKey, Fault, Trouble};
use async_trait::async_trait;

/// A pair that is about to be parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedPair {
    pub pair: CheckpointKey,
    pub trouble: Trouble,
}

/// Where parked pairs are told about: the dead letters. Asked before a pair is parked, so that none is parked in
/// silence; the same pair may be told about twice.
#[async_trait]
pub trait ParkedPairs: Send + Sync {
    /// # Errors
    /// It could not be told: the pair is not parked, and the next doorbell tries again.
    async fn parked(&self, pair: &ParkedPair) -> Result<(), Fault>;
}

/// Tells the log only.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogOnly;

#[async_trait]
impl ParkedPairs for LogOnly {
    async fn parked(&self, _pair: &ParkedPair) -> Result<(), Fault> {
        // The engine logs every pair that it parks.
        Ok(())
    }
}
