//! The leaky bucket of query cost. Requests take points, and time gives them back.

use std::time::Instant;

/// Generous beside the real 2,000 and 100 per second: a run over ten thousand orders must end within seconds.
pub const DEFAULT_MAXIMUM: i64 = 40_000;
pub const DEFAULT_RESTORE_PER_S: i64 = 10_000;

#[derive(Debug)]
pub struct Bucket {
    pub maximum: i64,
    pub restore_per_s: i64,
    available_milli: i64,
    last: Instant,
}

impl Bucket {
    #[must_use]
    pub fn new(maximum: i64, restore_per_s: i64) -> Self {
        Self { maximum, restore_per_s, available_milli: maximum * 1000, last: Instant::now() }
    }

    fn restore(&mut self) {
        let now = Instant::now();
        let elapsed_ms = i64::try_from(now.duration_since(self.last).as_millis()).unwrap_or(i64::MAX / 1_000_000);
        if elapsed_ms > 0 {
            self.available_milli =
                (self.available_milli + elapsed_ms.saturating_mul(self.restore_per_s)).min(self.maximum * 1000);
            self.last = now;
        }
    }

    pub fn available(&mut self) -> i64 {
        self.restore();
        self.available_milli / 1000
    }

    /// Takes `points`, or nothing and false if there are not enough.
    pub fn take(&mut self, points: i64) -> bool {
        if self.available() < points {
            return false;
        }
        self.available_milli -= points * 1000;
        true
    }

    /// Gives back what a query was asked for but did not use.
    pub fn give_back(&mut self, points: i64) {
        self.available_milli = (self.available_milli + points.max(0) * 1000).min(self.maximum * 1000);
    }
}
