//! Wall-clock time and its notations. The generator never reads the clock; only request logs and signatures do.

use jiff::Timestamp;

/// Milliseconds since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a test server stands outside the ports of the service")]
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// RFC 3339 to the second, in UTC.
#[must_use]
pub fn rfc3339(at_s: i64) -> String {
    Timestamp::from_second(at_s).unwrap_or_default().to_string()
}

/// Unix seconds of an RFC 3339 instant, or of a date at midnight UTC.
#[must_use]
pub fn parse_s(text: &str) -> Option<i64> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_second());
    }
    day_start_s(text)
}

/// Unix seconds of the start of a day such as `2026-01-31`, in UTC.
#[must_use]
pub fn day_start_s(text: &str) -> Option<i64> {
    if text.len() != 10 {
        return None;
    }
    Some(format!("{text}T00:00:00Z").parse::<Timestamp>().ok()?.as_second())
}
