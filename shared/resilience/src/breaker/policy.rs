//! The numbers of the breaker, each with its name in the environment and its default.

use thiserror::Error;

/// Buckets of a window: finer ones would mean more attributes, coarser ones a window that forgets in jumps.
pub(super) const BUCKETS: i64 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Percentage of failures at which a circuit opens.
    pub failure_percent: u64,
    /// Calls in the window below which it never opens.
    pub min_calls: u64,
    pub window_ms: i64,
    /// From opening to the probe.
    pub open_ms: i64,
    /// Successes that close it.
    pub probe_successes: u32,
    /// How long a prober that is not heard of keeps others out. Longer than a call may take.
    pub lease_ms: i64,
    /// Tenants with open circuits at one provider that open the provider's own.
    pub tenants_open: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            failure_percent: 50,
            min_calls: 5,
            window_ms: 60_000,
            open_ms: 60_000,
            probe_successes: 3,
            lease_ms: 45_000,
            tenants_open: 3,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} must be a whole number from 1 to {1}")]
pub struct InvalidPolicy(&'static str, u32);

impl Policy {
    /// Out of `BREAKER_…` settings; what is not set keeps its default.
    ///
    /// # Errors
    /// The first setting that is no number in its range.
    pub fn read(setting: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidPolicy> {
        let number = |name: &'static str, most: u32, default: u32| match setting(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or(InvalidPolicy(name, most))
            }
        };
        let seconds = |name: &'static str, default: u32| Ok(i64::from(number(name, 86_400, default)?) * 1_000);
        Ok(Self {
            failure_percent: number("BREAKER_FAILURE_PERCENT", 100, 50)?.into(),
            min_calls: number("BREAKER_MINIMUM_CALLS", 10_000, 5)?.into(),
            window_ms: seconds("BREAKER_WINDOW_SECONDS", 60)?,
            open_ms: seconds("BREAKER_OPEN_SECONDS", 60)?,
            probe_successes: number("BREAKER_PROBE_SUCCESSES", 100, 3)?,
            lease_ms: seconds("BREAKER_LEASE_SECONDS", 45)?,
            tenants_open: usize::try_from(number("BREAKER_TENANTS_OPEN", 1_000, 3)?).unwrap_or(usize::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_replace_defaults_and_must_make_sense() {
        assert_eq!(Policy::read(|_| None), Ok(Policy::default()));
        let one = |name: &'static str, value: &'static str| {
            Policy::read(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(one("BREAKER_OPEN_SECONDS", "3").unwrap(), Policy { open_ms: 3_000, ..Policy::default() });
        for bad in ["0", "101", "-1", "half", ""] {
            assert!(one("BREAKER_FAILURE_PERCENT", bad).is_err(), "{bad}");
        }
    }
}
