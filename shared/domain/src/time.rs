//! Points in time and date ranges. The present comes in through [`Clock`]; nothing here reads it.

use jiff::{civil::Date, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};
use thiserror::Error;

/// Longest window of one reconciliation, in days: a leap year.
pub const MAX_WINDOW_DAYS: i64 = 366;

/// Milliseconds since the epoch, UTC; RFC 3339 with three decimals in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// # Errors
    /// The text when it is not an RFC 3339 instant.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let instant: jiff::Timestamp =
            text.parse().map_err(|_| InvalidTime::Instant(text.chars().take(40).collect()))?;
        Ok(Self(instant.as_millisecond()))
    }

    /// `yyyymmdd` in UTC, the day part of a feed key.
    #[must_use]
    pub fn day(self) -> String {
        self.to_string().chars().take(10).filter(|character| *character != '-').collect()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-03-01T12:00:00.000Z"] })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTime;
    fn try_from(text: String) -> Result<Self, InvalidTime> {
        Self::parse(&text)
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> String {
        at.to_string()
    }
}

/// The port through which time comes in.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The port through which fresh 128-bit ids come in (UUIDv7 in production: sortable by time).
pub trait IdSource: Send + Sync {
    fn next(&self) -> u128;
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidTime {
    #[error("`{0}` is not an RFC 3339 time")]
    Instant(String),
    #[error("`{0}` is not a date (YYYY-MM-DD)")]
    Date(String),
    #[error("`{0}` is not an IANA time zone")]
    Zone(String),
    #[error("start {start} lies after end {end}")]
    Reversed { start: String, end: String },
    #[error("covers {days} days; at most {MAX_WINDOW_DAYS} are allowed")]
    TooLong { days: i64 },
}

/// Whole calendar days from `start` to `end`, both included, in a zone that is given apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DateRange {
    #[schemars(extend("format" = "date"))]
    pub start: String,
    #[schemars(extend("format" = "date"))]
    pub end: String,
}

/// `[from, to)` in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Window {
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// The window with `days` times 24 hours more on both sides, for partners across the edge.
    #[must_use]
    pub fn padded(&self, days: u16) -> Self {
        let pad_ms = i64::from(days) * 86_400_000;
        Self { from: Timestamp(self.from.0.saturating_sub(pad_ms)), to: Timestamp(self.to.0.saturating_add(pad_ms)) }
    }
}

fn date(text: &str) -> Result<Date, InvalidTime> {
    let invalid = || InvalidTime::Date(text.chars().take(40).collect());
    if text.len() != 10 {
        return Err(invalid());
    }
    text.parse().map_err(|_| invalid())
}

/// # Errors
/// [`InvalidTime::Zone`] when the zone is not in the IANA database.
pub fn zone(name: &str) -> Result<TimeZone, InvalidTime> {
    TimeZone::get(name).map_err(|_| InvalidTime::Zone(name.chars().take(64).collect()))
}

impl DateRange {
    /// # Errors
    /// [`InvalidTime`] for a date that does not exist, an end before the start, or more than [`MAX_WINDOW_DAYS`].
    pub fn validate(&self) -> Result<(), InvalidTime> {
        let (start, end) = (date(&self.start)?, date(&self.end)?);
        if end < start {
            return Err(InvalidTime::Reversed { start: self.start.clone(), end: self.end.clone() });
        }
        let days = start.until(end).map_or(i64::MAX, |span| i64::from(span.get_days()) + 1);
        if days > MAX_WINDOW_DAYS { Err(InvalidTime::TooLong { days }) } else { Ok(()) }
    }

    /// `[start 00:00, end + 1 day 00:00)` in `zone_name`.
    ///
    /// # Errors
    /// As [`DateRange::validate`], and for an unknown zone.
    pub fn window(&self, zone_name: &str) -> Result<Window, InvalidTime> {
        self.validate()?;
        let zone = zone(zone_name)?;
        let instant = |day: Date| {
            let midnight = day.to_zoned_datetime(zone.clone()).map_err(|_| InvalidTime::Date(day.to_string()))?;
            Ok(Timestamp(midnight.timestamp().as_millisecond()))
        };
        let after = date(&self.end)?.tomorrow().map_err(|_| InvalidTime::Date(self.end.clone()))?;
        Ok(Window { from: instant(date(&self.start)?)?, to: instant(after)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &str, end: &str) -> DateRange {
        DateRange { start: start.into(), end: end.into() }
    }

    #[test]
    fn a_range_includes_its_last_day_in_its_zone() {
        let window = range("2026-03-01", "2026-03-31").window("Europe/Berlin").unwrap();
        assert_eq!(window.from.to_string(), "2026-02-28T23:00:00.000Z");
        assert_eq!(window.to.to_string(), "2026-03-31T22:00:00.000Z");
        assert!(window.contains(window.from) && !window.contains(window.to));
        assert_eq!(window.padded(3).from.to_string(), "2026-02-25T23:00:00.000Z");
    }

    #[test]
    fn impossible_ranges_are_refused() {
        assert!(matches!(range("2026-02-30", "2026-03-01").validate(), Err(InvalidTime::Date(_))));
        assert!(matches!(range("2026-02-02", "2026-02-01").validate(), Err(InvalidTime::Reversed { .. })));
        assert_eq!(range("2024-01-01", "2024-12-31").validate(), Ok(()));
        assert_eq!(range("2024-01-01", "2025-01-01").validate(), Err(InvalidTime::TooLong { days: 367 }));
        assert!(matches!(range("2026-01-01", "2026-01-02").window("Mars/Olympus"), Err(InvalidTime::Zone(_))));
        assert!(matches!(range("20260101", "2026-01-02").validate(), Err(InvalidTime::Date(_))));
    }

    #[test]
    fn timestamps_read_what_they_write() {
        let at = Timestamp::from_millis(1_767_225_600_123);
        assert_eq!(at.to_string(), "2026-01-01T00:00:00.123Z");
        assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
        assert_eq!(at.day(), "20260101");
        assert_eq!(Timestamp::parse("2026-01-01T01:00:00+01:00").unwrap().to_string(), "2026-01-01T00:00:00.000Z");
    }
}
