//! The only place that reads the system's clock and makes ids and random numbers.
#![expect(clippy::disallowed_methods, reason = "this is the port's implementation")]

use domain::{
    Clock, IdSource, Timestamp,
    ports::{Entropy, PortError},
};
use rand::{TryRngCore, rngs::OsRng};

#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// UUIDv7: sortable by time, so that ids made later come later in a list.
#[derive(Debug, Clone, Copy)]
pub struct UuidIds;

impl IdSource for UuidIds {
    fn next(&self) -> u128 {
        uuid::Uuid::now_v7().as_u128()
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> Result<[u8; 32], PortError> {
        let mut bytes = [0; 32];
        OsRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| PortError::Transient(format!("no random numbers: {error}")))?;
        Ok(bytes)
    }
}
