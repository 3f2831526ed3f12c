//! Calls and failures of the last while, in buckets that replace each other.

use super::policy::{BUCKETS, Policy};
use domain::Timestamp;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub calls: u64,
    pub failures: u64,
}

/// One bucket: which stretch of time it stands for, and what happened in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pub slot: i64,
    pub counts: Counts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window(pub Vec<Bucket>);

impl Window {
    /// The number of the stretch of time that `at` falls into. It grows for ever; its place is [`Window::place`].
    #[must_use]
    pub fn slot(at: Timestamp, policy: &Policy) -> i64 {
        at.millis().div_euclid((policy.window_ms / BUCKETS).max(1))
    }

    /// Where a slot is kept: the bucket that it shares with those a whole window before it.
    #[must_use]
    pub fn place(slot: i64) -> i64 {
        slot.rem_euclid(BUCKETS)
    }

    /// What counts at `now`.
    #[must_use]
    pub fn total(&self, now: Timestamp, policy: &Policy) -> Counts {
        let newest = Self::slot(now, policy);
        let fresh = self.0.iter().filter(|bucket| bucket.slot > newest - BUCKETS && bucket.slot <= newest);
        fresh.fold(Counts::default(), |sum, bucket| Counts {
            calls: sum.calls.saturating_add(bucket.counts.calls),
            failures: sum.failures.saturating_add(bucket.counts.failures),
        })
    }

    /// As the table does it: the bucket of an older slot begins anew.
    pub(super) fn add(&mut self, slot: i64, counts: Counts) {
        let place = Self::place(slot);
        match self.0.iter_mut().find(|bucket| Self::place(bucket.slot) == place) {
            Some(bucket) if bucket.slot == slot => {
                bucket.counts.calls += counts.calls;
                bucket.counts.failures += counts.failures;
            }
            // Late news of a time that has passed out of the window.
            Some(bucket) if bucket.slot > slot => {}
            Some(bucket) => *bucket = Bucket { slot, counts },
            None => self.0.push(Bucket { slot, counts }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let policy = Policy::default();
        let at = |seconds: i64| Timestamp::from_millis(1_772_366_400_000 + seconds * 1_000);
        let one = Counts { calls: 1, failures: 1 };
        let mut window = Window::default();
        for seconds in [0, 5, 30, 59] {
            window.add(Window::slot(at(seconds), &policy), one);
        }
        assert_eq!(window.total(at(59), &policy).calls, 4);
        assert_eq!(window.total(at(60), &policy).calls, 2, "the first ten seconds are out");
        window.add(Window::slot(at(61), &policy), one);
        assert_eq!(window.total(at(61), &policy).calls, 3);
        window.add(Window::slot(at(1), &policy), one);
        assert_eq!(window.total(at(61), &policy).calls, 3, "late news do not count");
        assert_eq!(window.total(at(600), &policy), Counts::default());
        assert!(window.0.len() <= 6);
    }
}
