//! How long a message that may pass stays out of sight.

use resilience::queue::MAX_DELAY_S;

/// `first_s`, then `factor` times as long after each further receipt, up to `cap_s`; between half and all of it, so that
/// messages that failed together do not come back together. Waits of the default add up to 3 to 7 minutes in 5 receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first_s: u32,
    pub factor: u32,
    pub cap_s: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first_s: 5, factor: 4, cap_s: 900 }
    }
}

impl Backoff {
    /// Seconds after the receipt with this number, from 1.
    #[must_use]
    pub fn after(&self, receives: u32) -> u32 {
        let longest = self.longest(receives);
        rand::random_range(longest / 2..=longest)
    }

    fn longest(&self, receives: u32) -> u32 {
        let grown = self.first_s.saturating_mul(self.factor.saturating_pow(receives.saturating_sub(1)));
        grown.min(self.cap_s).min(MAX_DELAY_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_its_cap() {
        let backoff = Backoff::default();
        let longest: Vec<u32> = (1..=6).map(|receives| backoff.longest(receives)).collect();
        assert_eq!(longest, [5, 20, 80, 320, 900, 900]);
        assert_eq!(backoff.longest(u32::MAX), 900);
        assert!((40..=80).contains(&backoff.after(3)));
    }
}
