//! The only place that reads the system's clock and makes ids.
#![expect(clippy::disallowed_methods, reason = "this is the port's implementation")]

use domain::{Clock, IdSource, Timestamp};

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
