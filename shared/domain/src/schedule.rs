//! When a job runs by itself, and over which days: an expression of EventBridge Scheduler, read strictly, and the
//! period that was complete when it fired.

use crate::time::{DateRange, InvalidTime, Timestamp, zone};
use jiff::{ToSpan, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest expression that the scheduler takes.
pub const MAX_EXPRESSION_LENGTH: usize = 256;

/// Whole days before the moment of firing, in the job's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    PreviousMonth,
    /// Monday to Sunday.
    PreviousWeek,
    PreviousDay,
}

impl Period {
    pub const ALL: [Self; 3] = [Self::PreviousMonth, Self::PreviousWeek, Self::PreviousDay];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreviousMonth => "previous_month",
            Self::PreviousWeek => "previous_week",
            Self::PreviousDay => "previous_day",
        }
    }

    /// The last period of this kind that had ended in `zone_name` by `at`.
    ///
    /// # Errors
    /// For an unknown zone, and for times beyond the calendar.
    pub fn before(self, at: Timestamp, zone_name: &str) -> Result<DateRange, InvalidTime> {
        let beyond = || InvalidTime::Instant(at.to_string());
        let instant = jiff::Timestamp::from_millisecond(at.millis()).map_err(|_| beyond())?;
        let today = instant.to_zoned_datetime(zone(zone_name)?).date();
        let (start, end) = self.ended_before(today).ok_or_else(beyond)?;
        Ok(DateRange { start: start.to_string(), end: end.to_string() })
    }

    fn ended_before(self, today: Date) -> Option<(Date, Date)> {
        match self {
            Self::PreviousDay => {
                let yesterday = today.yesterday().ok()?;
                Some((yesterday, yesterday))
            }
            Self::PreviousWeek => {
                let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
                Some((monday.checked_sub(7.days()).ok()?, monday.yesterday().ok()?))
            }
            Self::PreviousMonth => {
                let end = today.first_of_month().yesterday().ok()?;
                Some((end.first_of_month(), end))
            }
        }
    }
}

/// A job's schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// `cron(…)`, `rate(…)` or `at(…)`.
    pub expression: String,
    /// IANA zone of the expression. The days of the period are those of the job's own zone.
    pub timezone: String,
    pub window: Period,
}

/// What is wrong with an expression, as a sentence that says what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidExpression(pub String);

const SHAPES: &str = "must be cron(minute hour day-of-month month day-of-week year), rate(number minutes|hours|days) or \
                      at(yyyy-mm-ddThh:mm:ss)";
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// The scheduler counts Sunday as 1.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

fn invalid<T>(why: impl Into<String>) -> Result<T, InvalidExpression> {
    Err(InvalidExpression(why.into()))
}

/// Reads an expression by the scheduler's own grammar, so that what is accepted here is accepted there.
///
/// # Errors
/// Which part is wrong and what it may be.
pub fn check_expression(expression: &str) -> Result<(), InvalidExpression> {
    if expression.len() > MAX_EXPRESSION_LENGTH {
        return invalid(format!("must have at most {MAX_EXPRESSION_LENGTH} characters"));
    }
    let inner = |kind: &str| {
        expression.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')').filter(|inner| !inner.contains(['(', ')']))
    };
    if let Some(fields) = inner("cron") {
        cron(fields)
    } else if let Some(rate) = inner("rate") {
        let (number, unit) = rate.split_once(' ').unwrap_or((rate, ""));
        let counts = number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u32>().is_ok_and(|n| n > 0);
        let unit = matches!(unit, "minute" | "minutes" | "hour" | "hours" | "day" | "days");
        if counts && unit {
            Ok(())
        } else {
            invalid("rate(…) takes a whole number above 0 and minutes, hours or days")
        }
    } else if let Some(at) = inner("at") {
        let reads = at.len() == "yyyy-mm-ddThh:mm:ss".len() && at.parse::<jiff::civil::DateTime>().is_ok();
        if reads { Ok(()) } else { invalid("at(…) takes a local date and time, such as at(2026-04-01T06:00:00)") }
    } else {
        invalid(SHAPES)
    }
}

/// One field of a cron expression.
struct Field {
    name: &'static str,
    least: u16,
    most: u16,
    /// Names that stand for `least`, `least + 1`, …
    words: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", least: 0, most: 59, words: &[] };
const HOUR: Field = Field { name: "hour", least: 0, most: 23, words: &[] };
const DAY: Field = Field { name: "day-of-month", least: 1, most: 31, words: &[] };
const MONTH: Field = Field { name: "month", least: 1, most: 12, words: &MONTHS };
const WEEKDAY: Field = Field { name: "day-of-week", least: 1, most: 7, words: &WEEKDAYS };
const YEAR: Field = Field { name: "year", least: 1970, most: 2199, words: &[] };

fn cron(text: &str) -> Result<(), InvalidExpression> {
    let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
    let [minute, hour, day, month, weekday, year] = fields.as_slice() else {
        return invalid(format!(
            "cron(…) takes six fields (minute hour day-of-month month day-of-week year), not {}",
            fields.len()
        ));
    };
    MINUTE.list(minute)?;
    HOUR.list(hour)?;
    DAY.day(day)?;
    MONTH.list(month)?;
    WEEKDAY.weekday(weekday)?;
    YEAR.list(year)?;
    if (*day == "?") == (*weekday == "?") {
        return invalid("exactly one of day-of-month and day-of-week must be ?");
    }
    Ok(())
}

impl Field {
    /// `*`, or values, ranges and steps between commas.
    fn list(&self, text: &str) -> Result<(), InvalidExpression> {
        text.split(',').try_for_each(|part| self.part(part))
    }

    fn part(&self, part: &str) -> Result<(), InvalidExpression> {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        if step.is_some_and(|step| !step.parse::<u16>().is_ok_and(|step| step > 0)) {
            return self.wrong(part);
        }
        if range == "*" {
            return Ok(());
        }
        let fits = match range.split_once('-') {
            Some((from, to)) => matches!((self.value(from), self.value(to)), (Some(from), Some(to)) if from <= to),
            None => self.value(range).is_some(),
        };
        if fits { Ok(()) } else { self.wrong(part) }
    }

    /// Also `?`, `L` and the nearest working day, `15W` or `LW`.
    fn day(&self, text: &str) -> Result<(), InvalidExpression> {
        let near = text.strip_suffix('W').is_some_and(|day| day == "L" || self.value(day).is_some());
        if matches!(text, "?" | "L") || near { Ok(()) } else { self.list(text) }
    }

    /// Also `?`, `L`, the last of a weekday, `6L`, and the n-th, `MON#2`.
    fn weekday(&self, text: &str) -> Result<(), InvalidExpression> {
        let last = text.strip_suffix('L').is_some_and(|day| day.is_empty() || self.value(day).is_some());
        let nth = text.split_once('#').is_some_and(|(day, nth)| {
            self.value(day).is_some() && nth.parse::<u16>().is_ok_and(|nth| (1..=5).contains(&nth))
        });
        if text == "?" || last || nth { Ok(()) } else { self.list(text) }
    }

    fn value(&self, text: &str) -> Option<u16> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let value = match word {
            Some(place) => u16::try_from(place).ok()?.checked_add(self.least)?,
            None => text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??,
        };
        (self.least..=self.most).contains(&value).then_some(value)
    }

    fn wrong(&self, part: &str) -> Result<(), InvalidExpression> {
        let shown: String = part.chars().take(20).collect();
        let (name, least, most) = (self.name, self.least, self.most);
        let words = match self.words {
            [first, .., last] => format!(" or {first} to {last}"),
            _ => String::new(),
        };
        invalid(format!("`{shown}` is no {name}: it takes {least} to {most}{words}, *, lists, ranges and steps"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(period: Period, at: &str, zone: &str) -> (String, String) {
        let range = period.before(Timestamp::parse(at).unwrap(), zone).unwrap();
        range.window(zone).unwrap();
        (range.start, range.end)
    }

    fn days(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn the_period_is_the_last_complete_one_in_the_zone() {
        use Period::{PreviousDay, PreviousMonth, PreviousWeek};
        for (period, at, zone, expected) in [
            (PreviousMonth, "2026-03-01T00:00:00Z", "UTC", days("2026-02-01", "2026-02-28")),
            (PreviousMonth, "2024-03-31T12:00:00Z", "UTC", days("2024-02-01", "2024-02-29")),
            (PreviousMonth, "2026-01-31T23:59:59Z", "UTC", days("2025-12-01", "2025-12-31")),
            // Still February in New York, already March in Tokyo.
            (PreviousMonth, "2026-03-01T03:00:00Z", "America/New_York", days("2026-01-01", "2026-01-31")),
            (PreviousMonth, "2026-02-28T15:00:00Z", "Asia/Tokyo", days("2026-02-01", "2026-02-28")),
            (PreviousDay, "2026-01-01T00:00:00Z", "UTC", days("2025-12-31", "2025-12-31")),
            // A Monday counts the week before as complete; a Sunday does not count its own.
            (PreviousWeek, "2026-03-02T00:00:00Z", "UTC", days("2026-02-23", "2026-03-01")),
            (PreviousWeek, "2026-03-01T23:00:00Z", "UTC", days("2026-02-16", "2026-02-22")),
            (PreviousWeek, "2026-01-01T10:00:00Z", "UTC", days("2025-12-22", "2025-12-28")),
        ] {
            assert_eq!(before(period, at, zone), expected, "{period:?} {at} {zone}");
        }
    }

    #[test]
    fn a_day_of_23_or_25_hours_is_one_day() {
        let berlin = "Europe/Berlin";
        // Clocks go forward on 29 March 2026 at 01:00 UTC and back on 25 October at 01:00 UTC.
        for (at, day) in [
            ("2026-03-28T23:30:00Z", "2026-03-28"),
            ("2026-03-29T21:59:59Z", "2026-03-28"),
            ("2026-03-29T22:00:00Z", "2026-03-29"),
            ("2026-10-24T22:00:00Z", "2026-10-24"),
            ("2026-10-25T22:59:59Z", "2026-10-24"),
            ("2026-10-25T23:00:00Z", "2026-10-25"),
        ] {
            assert_eq!(before(Period::PreviousDay, at, berlin), days(day, day), "{at}");
        }
        // The hour that comes twice names one and the same period.
        let first = before(Period::PreviousDay, "2026-10-25T00:30:00Z", berlin);
        assert_eq!(first, before(Period::PreviousDay, "2026-10-25T01:30:00Z", berlin));
    }

    #[test]
    fn a_zone_without_midnight_on_that_day_still_has_the_day() {
        // Cairo's clocks skip from 00:00 to 01:00 on 24 April 2026.
        assert_eq!(
            before(Period::PreviousDay, "2026-04-24T22:00:00Z", "Africa/Cairo"),
            days("2026-04-24", "2026-04-24")
        );
        assert!(Period::PreviousDay.before(Timestamp::from_millis(0), "Mars/Olympus").is_err());
    }

    #[test]
    fn expressions_of_the_scheduler_are_taken() {
        for good in [
            "cron(0 6 1 * ? *)",
            "cron(15 10 ? * MON-FRI 2026-2030)",
            "cron(0/15 8-18 ? jan,JUL 2,4 *)",
            "cron(0 0 L * ? *)",
            "cron(0 0 LW * ? *)",
            "cron(0 0 15W * ? *)",
            "cron(0 0 ? * 6L *)",
            "cron(0 0 ? * MON#2 *)",
            "rate(1 day)",
            "rate(12 hours)",
            "at(2026-04-01T06:00:00)",
        ] {
            assert_eq!(check_expression(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn other_expressions_are_refused_with_the_part_that_is_wrong() {
        for (bad, hint) in [
            ("", "must be cron("),
            ("0 6 1 * *", "must be cron("),
            ("cron(0 6 1 * *)", "six fields"),
            ("cron(60 6 1 * ? *)", "`60` is no minute"),
            ("cron(0 24 1 * ? *)", "`24` is no hour"),
            ("cron(0 6 32 * ? *)", "`32` is no day-of-month"),
            ("cron(0 6 1 13 ? *)", "`13` is no month: it takes 1 to 12 or JAN to DEC"),
            ("cron(0 6 ? * MUN *)", "`MUN` is no day-of-week"),
            ("cron(0 6 ? * MON#6 *)", "`MON#6` is no day-of-week"),
            ("cron(0 6 1 * ? 1969)", "`1969` is no year"),
            ("cron(0 6 1 * 1 *)", "exactly one"),
            ("cron(0 6 ? * ? *)", "exactly one"),
            ("cron(5-1 6 1 * ? *)", "`5-1`"),
            ("cron(0/0 6 1 * ? *)", "`0/0`"),
            ("cron(+1 6 1 * ? *)", "`+1`"),
            ("rate(0 days)", "whole number above 0"),
            ("rate(+1 days)", "whole number above 0"),
            ("rate(5 weeks)", "minutes, hours or days"),
            ("at(2026-04-31T06:00:00)", "local date and time"),
            ("at(2026-04-01T06:00:00Z)", "local date and time"),
            ("cron(0 6 1 * ? *", "must be cron("),
            ("rate(1 day))", "must be cron("),
        ] {
            let error = check_expression(bad).unwrap_err().to_string();
            assert!(error.contains(hint), "{bad}: {error}");
        }
        assert!(check_expression(&format!("rate({} days)", "1".repeat(300))).is_err());
    }
}
