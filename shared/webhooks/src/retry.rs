//! When a delivery is tried again: the waits that the specification suggests, ten tries over some three days.

use domain::Timestamp;
use thiserror::Error;

/// Seconds after each failed try: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
pub const STANDARD_WAITS_S: [u32; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Longest wait that an endpoint can ask for with Retry-After: a message can be hidden that long at once, and is not received
/// so often that its queue takes it for a crash.
const MOST_RETRY_AFTER_S: u32 = 39_600;
/// Up to a fifth of a wait is added, so that deliveries that failed together do not come back together.
const JITTER_PARTS: u128 = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryWaits(Vec<u32>);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a list of seconds such as 5,300,1800")]
pub struct NotWaits(String);

impl Default for RetryWaits {
    fn default() -> Self {
        Self(STANDARD_WAITS_S.to_vec())
    }
}

impl RetryWaits {
    /// Seconds between commas; the standard's for an empty text.
    ///
    /// # Errors
    /// The text when it is none.
    pub fn read(text: &str) -> Result<Self, NotWaits> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let waits = text.split(',').map(|wait| wait.trim().parse()).collect::<Result<_, _>>();
        waits.map(Self).map_err(|_| NotWaits(text.to_owned()))
    }

    /// When to try again after `tries` failed ones; none when it was the last. `random` is any number.
    #[must_use]
    pub fn next(&self, tries: u32, retry_after_s: Option<u32>, random: u128, now: Timestamp) -> Option<Timestamp> {
        let wait_s = *self.0.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
        let base_ms = i64::from(wait_s) * 1_000;
        let most_jitter_ms = u128::from(wait_s) * 1_000 / JITTER_PARTS;
        let jitter_ms = i64::try_from(random % (most_jitter_ms + 1)).unwrap_or(0);
        let asked_ms = i64::from(retry_after_s.unwrap_or(0).min(MOST_RETRY_AFTER_S)) * 1_000;
        Some(Timestamp::from_millis(now.millis() + (base_ms + jitter_ms).max(asked_ms)))
    }
}

/// Seconds in a Retry-After header: a number, or the time until an HTTP date.
#[must_use]
pub fn retry_after_s(header: &str, now: Timestamp) -> Option<u32> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?;
    let wait_ms = date.timestamp().as_millisecond().saturating_sub(now.millis()).max(0);
    u32::try_from(wait_ms.checked_add(999)?.checked_div(1_000)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

    fn waits_s(waits: &RetryWaits, random: u128) -> Vec<i64> {
        (1..)
            .map_while(|tries| waits.next(tries, None, random, NOW))
            .map(|at| (at.millis() - NOW.millis()) / 1_000)
            .collect()
    }

    #[test]
    fn ten_tries_take_about_three_days_and_are_spread_by_a_fifth_at_most() {
        let waits = RetryWaits::default();
        let least = waits_s(&waits, 0);
        assert_eq!(least, STANDARD_WAITS_S.map(i64::from));
        let hours = least.iter().sum::<i64>() / 3_600;
        assert_eq!((least.len() + 1, hours), (10, 75));
        for random in [1, 12_345_678_901, u128::MAX] {
            for (wait, least) in waits_s(&waits, random).iter().zip(&least) {
                assert!((*least..=least + least / 5).contains(wait), "{wait} after {least}");
            }
        }
        assert_eq!(waits.next(0, None, 0, NOW), None);
        assert_eq!(waits.next(10, Some(5), 0, NOW), None, "the last try was the last");
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_but_not_for_less_or_forever() {
        let waits = RetryWaits::default();
        let wait = |asked| waits.next(1, Some(asked), 0, NOW).map(|at| at.millis() - NOW.millis());
        assert_eq!((wait(1), wait(60), wait(u32::MAX)), (Some(5_000), Some(60_000), Some(39_600_000)));
        assert_eq!(retry_after_s("120", NOW), Some(120));
        assert_eq!(retry_after_s("Sun, 01 Mar 2026 12:01:00 GMT", NOW), Some(60));
        assert_eq!(retry_after_s("Sun, 01 Mar 2020 12:01:00 GMT", NOW), Some(0));
        assert_eq!(retry_after_s("soon", NOW), None);
        assert_eq!(retry_after_s("-5", NOW), None);
    }

    #[test]
    fn waits_are_read_from_a_list() {
        assert_eq!(RetryWaits::read(""), Ok(RetryWaits::default()));
        assert_eq!(RetryWaits::read("1, 2"), Ok(RetryWaits(vec![1, 2])));
        assert!(RetryWaits::read("1;2").is_err());
    }
}
