//! Figures as people read them: money, counts, durations, times. Integers only; nothing is rounded through a float.

use domain::{Currency, Timestamp};
use serde_json::Value;

/// `-1234567` with exponent 2 as `-12,345.67`.
pub fn money(minor: i64, exponent: u8) -> String {
    let exponent = usize::from(exponent);
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{}{point}{fraction}", if minor < 0 { "-" } else { "" }, grouped(whole))
}

/// An amount with its currency, whose exponent ISO 4217 tells. An unknown code is shown in minor units and says so.
pub fn money_in(minor: i64, code: &str) -> String {
    match Currency::parse(code) {
        Ok(currency) => format!("{} {currency}", money(minor, currency.exponent())),
        Err(_) => format!("{} minor units of {}", count_signed(minor), plain(code)),
    }
}

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn count_signed(number: i64) -> String {
    format!("{}{}", if number < 0 { "-" } else { "" }, count(number.unsigned_abs()))
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `450 ms`, `3.2 s`, `1 min 12 s`, `2 h 05 min`.
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Billionths of a dollar: cents where they are enough, else all that matters.
pub fn dollars(nano: u64) -> String {
    let (whole, fraction) = (nano / 1_000_000_000, format!("{:09}", nano % 1_000_000_000));
    let digits = fraction.trim_end_matches('0').len().max(2);
    format!("{}.{}", count(whole), &fraction[..digits])
}

/// Billionths of a dollar as one of a column: to a ten-thousandth of a cent, half up.
pub fn dollars_in_column(nano: u64) -> String {
    let micro = nano.saturating_add(500) / 1_000;
    format!("{}.{:06}", count(micro / 1_000_000), micro % 1_000_000)
}

/// Thousandths as `1,234.5`.
pub fn thousandths(milli: u64) -> String {
    let (whole, fraction) = (count(milli / 1_000), format!("{:03}", milli % 1_000));
    match fraction.trim_end_matches('0') {
        "" => whole,
        fraction => format!("{whole}.{fraction}"),
    }
}

/// From one RFC 3339 time to another, if both are.
pub fn between(from: &str, to: &str) -> Option<u64> {
    let (from, to) = (Timestamp::parse(from).ok()?, Timestamp::parse(to).ok()?);
    u64::try_from(to.millis() - from.millis()).ok()
}

/// `2026-03-02 14:05:09` in UTC; the text itself where it is no time.
pub fn instant(text: &str) -> String {
    match Timestamp::parse(text) {
        Ok(at) => {
            at.to_string().chars().take(19).map(|character| if character == 'T' { ' ' } else { character }).collect()
        }
        Err(_) => plain(text),
    }
}

/// A share or score as the API wrote it, without a dangling `.0`.
pub fn number(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => plain(text),
        other => {
            let text = other.to_string();
            text.strip_suffix(".0").map_or_else(|| text.clone(), ToOwned::to_owned)
        }
    }
}

/// A percentage with two decimals, as it is published.
pub fn percentage(value: &Value) -> String {
    let text = number(value);
    match text.split_once('.') {
        Some((whole, decimals)) => format!("{whole}.{decimals:0<2}"),
        None if value.is_null() => text,
        None => format!("{text}.00"),
    }
}

/// Text that came from elsewhere, without control characters: an order's name must not steer the terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// `1 order`, `2 orders`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_formatted_by_its_exponent() {
        assert_eq!(money(1_234_567, 2), "12,345.67");
        assert_eq!(money(-5, 2), "-0.05");
        assert_eq!(money(0, 3), "0.000");
        assert_eq!(money(i64::MIN, 2), "-92,233,720,368,547,758.08");
        assert_eq!(money_in(1_000, "JPY"), "1,000 JPY");
        assert_eq!(money_in(12_345, "KWD"), "12.345 KWD");
        assert_eq!(money_in(-12_345, "ZZZ"), "-12,345 minor units of ZZZ");
    }

    #[test]
    fn durations_and_times_read_well() {
        assert_eq!([450, 3_249, 72_000, 7_500_000].map(duration), ["450 ms", "3.2 s", "1 min 12 s", "2 h 05 min"]);
        assert_eq!(between("2026-03-01T00:00:00Z", "2026-03-01T00:00:01.500Z"), Some(1_500));
        assert_eq!(between("2026-03-01T00:00:02Z", "2026-03-01T00:00:01Z"), None);
        assert_eq!(instant("2026-03-02T15:05:09.120+01:00"), "2026-03-02 14:05:09");
        assert_eq!(instant("yesterday"), "yesterday");
    }

    #[test]
    fn numbers_keep_their_digits() {
        let shown = |text: &str| number(&serde_json::from_str(text).unwrap());
        assert_eq!(
            (shown("100.0"), shown("99.87"), shown("0.9"), shown("null")),
            ("100".into(), "99.87".into(), "0.9".into(), "–".into())
        );
        let share = |text: &str| percentage(&serde_json::from_str(text).unwrap());
        assert_eq!(
            (share("100.0"), share("99.8"), share("99.87"), share("null")),
            ("100.00".into(), "99.80".into(), "99.87".into(), "–".into())
        );
        assert_eq!(counted(1, "order", "orders"), "1 order");
        assert_eq!(plain("a\u{1b}[31mb"), "a [31mb");
    }
}
