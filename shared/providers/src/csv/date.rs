//! Dates and times as files write them, to an instant in UTC.
//!
//! A file has one order of day, month and year. A value without an offset is meant in the file's zone; one without a
//! time is a whole day.

use domain::{Timestamp, record::Precision};
use jiff::{civil, tz::TimeZone};

/// Order of the parts of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// `2026-01-31`, `2026/01/31`, `20260131`
    YearMonthDay,
    /// `31.01.2026`, `31/01/2026`, `31 Jan 2026`
    DayMonthYear,
    /// `01/31/2026`
    MonthDayYear,
    /// Seconds since 1970, as integers; never guessed.
    UnixSeconds,
}

impl DateOrder {
    const GUESSED: [Self; 3] = [Self::YearMonthDay, Self::DayMonthYear, Self::MonthDayYear];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::YearMonthDay => "ymd",
            Self::DayMonthYear => "dmy",
            Self::MonthDayYear => "mdy",
            Self::UnixSeconds => "unix",
        }
    }

    /// `ymd`, `dmy`, `mdy`, `unix`, or a pattern such as `DD.MM.YYYY` or `yyyy-MM-dd HH:mm`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("unix") {
            return Some(Self::UnixSeconds);
        }
        let date = text.split([' ', 'T']).next().unwrap_or(text);
        let mut letters: Vec<char> =
            date.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
        letters.dedup();
        match letters.as_slice() {
            ['y', 'm', 'd'] => Some(Self::YearMonthDay),
            ['d', 'm', 'y'] => Some(Self::DayMonthYear),
            ['m', 'd', 'y'] => Some(Self::MonthDayYear),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateError {
    NotADate,
    /// A date that does not exist, such as February 30.
    NoSuchDay,
    /// Before [`FIRST_YEAR`] or after [`LAST_YEAR`].
    OutOfRange,
}

/// Payments before the first computers and after the next century are typing mistakes.
pub(super) const FIRST_YEAR: i16 = 1970;
pub(super) const LAST_YEAR: i16 = 2199;
const DAY_MS: i64 = 86_400_000;

/// Reads one file's dates; remembers the last day, because rows of a file share their days.
#[derive(Debug)]
pub(super) struct Dates {
    order: DateOrder,
    zone: TimeZone,
    utc: bool,
    last: Option<(civil::Date, i64)>,
}

impl Dates {
    pub fn new(order: DateOrder, zone: TimeZone) -> Self {
        let utc = zone == TimeZone::UTC || zone.iana_name().is_some_and(|name| name == "UTC" || name == "Etc/UTC");
        Self { order, zone, utc, last: None }
    }

    pub fn read(&mut self, text: &str) -> Result<(Timestamp, Precision), DateError> {
        let text = text.trim();
        if self.order == DateOrder::UnixSeconds {
            return unix(text);
        }
        let parts = split(text, self.order)?;
        let year = parts.date.year();
        if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
            return Err(DateError::OutOfRange);
        }
        let midnight_ms = |date: civil::Date, offset_s: i64| days(date) * DAY_MS - offset_s * 1_000;
        match (parts.time_ms, parts.offset_s) {
            (None, Some(_)) => Err(DateError::NotADate),
            (None, None) => Ok((Timestamp::from_millis(self.midnight(parts.date)?), Precision::Day)),
            (Some(ms), Some(offset_s)) => {
                Ok((Timestamp::from_millis(midnight_ms(parts.date, offset_s) + ms), Precision::Instant))
            }
            (Some(ms), None) if self.utc => {
                Ok((Timestamp::from_millis(midnight_ms(parts.date, 0) + ms), Precision::Instant))
            }
            (Some(ms), None) => {
                let seconds = i32::try_from(ms / 1_000).map_err(|_| DateError::NotADate)?;
                let at = |unit: i32| i8::try_from(unit).map_err(|_| DateError::NotADate);
                let time = civil::time(at(seconds / 3_600)?, at(seconds / 60 % 60)?, at(seconds % 60)?, 0);
                // In the hour that a change of the clock repeats, the first one is meant.
                let zoned = parts
                    .date
                    .to_datetime(time)
                    .to_zoned_datetime(self.zone.clone())
                    .map_err(|_| DateError::OutOfRange)?;
                Ok((Timestamp::from_millis(zoned.timestamp().as_millisecond() + ms % 1_000), Precision::Instant))
            }
        }
    }

    fn midnight(&mut self, date: civil::Date) -> Result<i64, DateError> {
        if self.utc {
            return Ok(days(date) * DAY_MS);
        }
        match self.last {
            Some((known, ms)) if known == date => Ok(ms),
            _ => {
                let zoned = date.to_zoned_datetime(self.zone.clone()).map_err(|_| DateError::OutOfRange)?;
                let ms = zoned.timestamp().as_millisecond();
                self.last = Some((date, ms));
                Ok(ms)
            }
        }
    }
}

/// Days since 1970-01-01 (Hinnant, *chrono-compatible low-level date algorithms*, `days_from_civil`).
fn days(date: civil::Date) -> i64 {
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn unix(text: &str) -> Result<(Timestamp, Precision), DateError> {
    let seconds: i64 = text.parse().map_err(|_| DateError::NotADate)?;
    let at = jiff::Timestamp::from_second(seconds).map_err(|_| DateError::OutOfRange)?;
    let year = at.to_zoned_datetime(TimeZone::UTC).year();
    if (FIRST_YEAR..=LAST_YEAR).contains(&year) {
        Ok((Timestamp::from_millis(at.as_millisecond()), Precision::Instant))
    } else {
        Err(DateError::OutOfRange)
    }
}

struct Parts {
    date: civil::Date,
    /// Since midnight, as the clock shows it.
    time_ms: Option<i64>,
    offset_s: Option<i64>,
}

fn split(text: &str, order: DateOrder) -> Result<Parts, DateError> {
    let bytes = text.as_bytes();
    let mut rest = bytes;
    let date = day(&mut rest, order)?;
    let (mut time_ms, mut offset_s) = (None, None);
    if !rest.is_empty() {
        let marked = take(&mut rest, b"T") || take(&mut rest, b"t") || {
            let spaced = rest.first() == Some(&b' ') || rest.first() == Some(&b',');
            while take(&mut rest, b" ") || take(&mut rest, b",") {}
            spaced
        };
        if !marked {
            return Err(DateError::NotADate);
        }
        time_ms = Some(clock(&mut rest)?);
        offset_s = offset(&mut rest)?;
    }
    if rest.is_empty() { Ok(Parts { date, time_ms, offset_s }) } else { Err(DateError::NotADate) }
}

fn take(rest: &mut &[u8], expected: &[u8]) -> bool {
    match rest.strip_prefix(expected) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

/// A number of at most `most` digits, with its length.
fn number(rest: &mut &[u8], most: usize) -> Result<(i32, usize), DateError> {
    let length = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(length).ok_or(DateError::NotADate)?;
    if digits.is_empty() {
        return Err(DateError::NotADate);
    }
    *rest = after;
    Ok((digits.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')), length))
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A month as a number or by its English name.
fn month(rest: &mut &[u8]) -> Result<i32, DateError> {
    if rest.first().is_some_and(u8::is_ascii_digit) {
        return Ok(number(rest, 2)?.0);
    }
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, after) = rest.split_at_checked(length).ok_or(DateError::NotADate)?;
    let short = name.get(..3).ok_or(DateError::NotADate)?.to_ascii_lowercase();
    let found = MONTHS.iter().position(|month| month.as_bytes() == short).ok_or(DateError::NotADate)?;
    *rest = after;
    while take(rest, b".") {}
    i32::try_from(found + 1).map_err(|_| DateError::NotADate)
}

fn separator(rest: &mut &[u8]) -> Result<(), DateError> {
    let found = [b"-".as_slice(), b".", b"/", b", ", b" "].into_iter().any(|mark| take(rest, mark));
    if found { Ok(()) } else { Err(DateError::NotADate) }
}

fn day(rest: &mut &[u8], order: DateOrder) -> Result<civil::Date, DateError> {
    let leading = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (year, month, day) = match order {
        DateOrder::YearMonthDay if leading == 8 => (number(rest, 4)?.0, number(rest, 2)?.0, number(rest, 2)?.0),
        DateOrder::YearMonthDay => {
            let (year, length) = number(rest, 4)?;
            if length != 4 {
                return Err(DateError::NotADate);
            }
            separator(rest)?;
            let month = month(rest)?;
            separator(rest)?;
            (year, month, number(rest, 2)?.0)
        }
        DateOrder::DayMonthYear => {
            let day = number(rest, 2)?.0;
            separator(rest)?;
            let month = month(rest)?;
            // After a name's own point there may be no other mark.
            separator(rest)?;
            (full_year(rest)?, month, day)
        }
        DateOrder::MonthDayYear => {
            let month = month(rest)?;
            separator(rest)?;
            let day = number(rest, 2)?.0;
            separator(rest)?;
            (full_year(rest)?, month, day)
        }
        DateOrder::UnixSeconds => return Err(DateError::NotADate),
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(DateError::NotADate);
    }
    let narrow = |value: i32| i8::try_from(value).map_err(|_| DateError::NotADate);
    let year = i16::try_from(year).map_err(|_| DateError::NotADate)?;
    civil::Date::new(year, narrow(month)?, narrow(day)?).map_err(|_| DateError::NoSuchDay)
}

/// Four digits, or two of this century.
fn full_year(rest: &mut &[u8]) -> Result<i32, DateError> {
    match number(rest, 4)? {
        (year, 4) => Ok(year),
        (year, 2) => Ok(2_000 + year),
        _ => Err(DateError::NotADate),
    }
}

/// `14:05`, `14:05:09`, `14:05:09.123`, `2:05 PM`: milliseconds since midnight.
fn clock(rest: &mut &[u8]) -> Result<i64, DateError> {
    let mut hour = number(rest, 2)?.0;
    if !take(rest, b":") {
        return Err(DateError::NotADate);
    }
    let minute = number(rest, 2)?.0;
    let mut second = 0;
    let mut ms = 0_i64;
    if take(rest, b":") {
        second = number(rest, 2)?.0;
        if take(rest, b".") || take(rest, b",") {
            let (fraction, length) = number(rest, 9)?;
            let scale = 10_i64.pow(u32::try_from(length).unwrap_or(9));
            ms = i64::from(fraction) * 1_000 / scale;
        }
    }
    let mut half = *rest;
    while take(&mut half, b" ") {}
    let named = [(b"AM".as_slice(), 0), (b"am", 0), (b"PM", 12), (b"pm", 12)];
    for (name, plus) in named {
        if take(&mut half, name) {
            if !(1..=12).contains(&hour) {
                return Err(DateError::NotADate);
            }
            hour = hour % 12 + plus;
            *rest = half;
            break;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(DateError::NotADate);
    }
    Ok(i64::from(hour * 3_600 + minute * 60 + second) * 1_000 + ms)
}

/// `Z`, `UTC`, `+02:00`, `+0200`, `+02`: seconds east of Greenwich; none when nothing is left.
fn offset(rest: &mut &[u8]) -> Result<Option<i64>, DateError> {
    while take(rest, b" ") {}
    if rest.is_empty() {
        return Ok(None);
    }
    if take(rest, b"Z") || take(rest, b"z") || take(rest, b"UTC") || take(rest, b"GMT") {
        return Ok(Some(0));
    }
    let sign = if take(rest, b"+") {
        1
    } else if take(rest, b"-") {
        -1
    } else {
        return Err(DateError::NotADate);
    };
    let hours = number(rest, 2)?.0;
    let minutes = if rest.is_empty() {
        0
    } else {
        take(rest, b":");
        number(rest, 2)?.0
    };
    if hours > 18 || minutes > 59 {
        return Err(DateError::NotADate);
    }
    Ok(Some(sign * i64::from(hours * 3_600 + minutes * 60)))
}

/// What a sample of dates says about the file's order.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    /// Values that each order can read, as in [`DateOrder::GUESSED`].
    read: [u64; 3],
    /// Day-first and month-first both read it, as different days.
    either: Option<String>,
}

impl Witnesses {
    pub fn see(&mut self, text: &str) {
        let text = text.trim();
        let dates = DateOrder::GUESSED.map(|order| split(text, order).map(|parts| parts.date));
        for (count, date) in self.read.iter_mut().zip(&dates) {
            *count += u64::from(date.is_ok());
        }
        if let [_, Ok(day_first), Ok(month_first)] = dates
            && day_first != month_first
            // With points the day always comes first.
            && !text.contains('.')
            && self.either.is_none()
        {
            self.either = Some(text.to_owned());
        }
    }

    /// The order that reads most values. Day-first against month-first is never a guess: with both possible for every
    /// value, the example is the error.
    pub fn decide(&self) -> Result<DateOrder, String> {
        let [year_first, day_first, month_first] = self.read;
        if year_first >= day_first && year_first >= month_first {
            Ok(DateOrder::YearMonthDay)
        } else if day_first > month_first {
            Ok(DateOrder::DayMonthYear)
        } else if month_first > day_first {
            Ok(DateOrder::MonthDayYear)
        } else {
            self.either.clone().map_or(Ok(DateOrder::DayMonthYear), Err)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, order: DateOrder, zone: &str) -> Result<(String, Precision), DateError> {
        let zone = TimeZone::get(zone).unwrap();
        Dates::new(order, zone).read(text).map(|(at, precision)| (at.to_string(), precision))
    }

    #[test]
    fn common_notations_of_the_same_moment() {
        use DateOrder::{DayMonthYear, MonthDayYear, UnixSeconds, YearMonthDay};
        for (text, order) in [
            ("2026-01-31", YearMonthDay),
            ("2026/01/31", YearMonthDay),
            ("20260131", YearMonthDay),
            ("2026-Jan-31", YearMonthDay),
            ("31.01.2026", DayMonthYear),
            ("31.1.26", DayMonthYear),
            ("31/01/2026", DayMonthYear),
            ("31 Jan 2026", DayMonthYear),
            ("31-January-2026", DayMonthYear),
            ("01/31/2026", MonthDayYear),
            ("Jan 31, 2026", MonthDayYear),
        ] {
            assert_eq!(read(text, order, "UTC"), Ok(("2026-01-31T00:00:00.000Z".into(), Precision::Day)), "{text}");
        }
        for (text, order) in [
            ("2026-01-31T14:05:09Z", YearMonthDay),
            ("2026-01-31 14:05:09", YearMonthDay),
            ("2026-01-31T15:05:09+01:00", YearMonthDay),
            ("2026-01-31T12:35:09-0130", YearMonthDay),
            ("31.01.2026 14:05:09", DayMonthYear),
            ("01/31/2026, 2:05:09 PM", MonthDayYear),
            ("1769868309", UnixSeconds),
        ] {
            assert_eq!(read(text, order, "UTC"), Ok(("2026-01-31T14:05:09.000Z".into(), Precision::Instant)), "{text}");
        }
        assert_eq!(read("2026-01-31T14:05:09.1239Z", YearMonthDay, "UTC").unwrap().0, "2026-01-31T14:05:09.123Z");
    }

    #[test]
    fn a_zone_holds_for_what_has_no_offset() {
        let order = DateOrder::YearMonthDay;
        assert_eq!(read("2026-07-01", order, "Europe/Berlin").unwrap().0, "2026-06-30T22:00:00.000Z");
        assert_eq!(read("2026-07-01 12:00", order, "Europe/Berlin").unwrap().0, "2026-07-01T10:00:00.000Z");
        assert_eq!(read("2026-07-01T12:00Z", order, "Europe/Berlin").unwrap().0, "2026-07-01T12:00:00.000Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "soon",
            "2026-13-01",
            "2026-00-01",
            "26-01-31",
            "2026-01-31x",
            "2026-01-31T25:00",
            "2026-01-31T",
            "2026-01-31+02:00",
        ] {
            assert_eq!(read(text, DateOrder::YearMonthDay, "UTC"), Err(DateError::NotADate), "{text:?}");
        }
        assert_eq!(read("2026-02-30", DateOrder::YearMonthDay, "UTC"), Err(DateError::NoSuchDay));
        assert_eq!(read("1899-12-31", DateOrder::YearMonthDay, "UTC"), Err(DateError::OutOfRange));
        assert_eq!(read("9999-12-31", DateOrder::YearMonthDay, "UTC"), Err(DateError::OutOfRange));
    }

    #[test]
    fn a_sample_tells_the_order_or_says_that_it_cannot() {
        let decide = |values: &[&str]| {
            let mut witnesses = Witnesses::default();
            values.iter().for_each(|value| witnesses.see(value));
            witnesses.decide()
        };
        assert_eq!(decide(&["2026-01-02"]), Ok(DateOrder::YearMonthDay));
        assert_eq!(decide(&["01/02/2026", "13/02/2026"]), Ok(DateOrder::DayMonthYear));
        assert_eq!(decide(&["01/02/2026", "02/13/2026"]), Ok(DateOrder::MonthDayYear));
        assert_eq!(decide(&["01/02/2026"]), Err("01/02/2026".into()));
        assert_eq!(decide(&["01.02.2026"]), Ok(DateOrder::DayMonthYear));
        assert_eq!(decide(&["02/02/2026"]), Ok(DateOrder::DayMonthYear));
        assert_eq!(decide(&[]), Ok(DateOrder::YearMonthDay));
    }

    proptest! {
        #[test]
        fn days_are_counted_as_the_calendar_library_counts_them(day in -100_000_i32..100_000) {
            let date = civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(day));
            prop_assert_eq!(days(date), i64::from(day));
        }

        #[test]
        fn nothing_makes_it_panic(text in any::<String>()) {
            for order in DateOrder::GUESSED {
                let _ = Dates::new(order, TimeZone::UTC).read(&text);
            }
            let _ = Dates::new(DateOrder::UnixSeconds, TimeZone::UTC).read(&text);
        }
    }
}
