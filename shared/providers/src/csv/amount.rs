//! Amounts: digits as people and banks write them, to minor units. Never through a float.
//!
//! A file has one decimal mark. The other mark, a space or an apostrophe may group thousands, in groups of exactly
//! three; what does not fit is refused, because `1,234` read the wrong way is wrong by a thousand.

use domain::Currency;

/// The character before the minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    Point,
    Comma,
}

impl DecimalMark {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Comma => "comma",
        }
    }

    /// `point`, `comma` or the mark itself.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "point" | "." => Some(Self::Point),
            "comma" | "," => Some(Self::Comma),
            _ => None,
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Point => b'.',
            Self::Comma => b',',
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AmountError {
    /// No amount at all, or one that the file's decimal mark does not allow.
    NotAnAmount,
    TooPrecise,
    Overflow,
}

/// Minor units of `text` in a currency with `exponent` decimals. A sign stands before or after, brackets mean minus.
pub(super) fn minor_units(text: &str, mark: DecimalMark, exponent: u8) -> Result<i64, AmountError> {
    let (negative, digits) = unsigned(text.trim())?;
    let mut magnitude: i128 = 0;
    let mut grouping = Grouping::default();
    let mut decimals: Option<u32> = None;
    let mut rest = digits;
    while let Some((head, tail)) = rest.split_first() {
        rest = tail;
        match (head, decimals) {
            (b'0'..=b'9', None) => {
                grouping.digit();
                magnitude = append(magnitude, *head)?;
            }
            (b'0'..=b'9', Some(count)) if count < u32::from(exponent) => {
                magnitude = append(magnitude, *head)?;
                decimals = Some(count + 1);
            }
            // Zeros beyond the exponent change nothing.
            (b'0', Some(_)) => {}
            (b'1'..=b'9', Some(_)) => return Err(AmountError::TooPrecise),
            (byte, None) if *byte == mark.byte() => {
                grouping.end()?;
                decimals = Some(0);
                if rest.is_empty() {
                    return Err(AmountError::NotAnAmount);
                }
            }
            (_, None) => {
                let (separator, after) = separator(*head, rest).ok_or(AmountError::NotAnAmount)?;
                grouping.separator(separator)?;
                rest = after;
            }
            _ => return Err(AmountError::NotAnAmount),
        }
    }
    if decimals.is_none() {
        grouping.end()?;
    }
    if !grouping.any {
        return Err(AmountError::NotAnAmount);
    }
    let missing = u32::from(exponent).saturating_sub(decimals.unwrap_or(0));
    let magnitude = magnitude.checked_mul(10_i128.pow(missing)).ok_or(AmountError::Overflow)?;
    let signed = if negative { -magnitude } else { magnitude };
    i64::try_from(signed).map_err(|_| AmountError::Overflow)
}

/// Far above any `i64`, far below the end of an `i128`.
const MOST: i128 = 1 << 100;

fn append(magnitude: i128, digit: u8) -> Result<i128, AmountError> {
    let next = magnitude * 10 + i128::from(digit - b'0');
    if next > MOST { Err(AmountError::Overflow) } else { Ok(next) }
}

/// The sign, and the bytes that are left.
fn unsigned(text: &str) -> Result<(bool, &[u8]), AmountError> {
    let plain = |text: &str| !text.starts_with(['-', '+', '\u{2212}', '(']);
    let (negative, rest) = if let Some(rest) = text.strip_prefix('-').or_else(|| text.strip_prefix('\u{2212}')) {
        (true, rest)
    } else if let Some(rest) = text.strip_prefix('+') {
        (false, rest)
    } else if let Some(rest) = text.strip_prefix('(') {
        (true, rest.strip_suffix(')').ok_or(AmountError::NotAnAmount)?)
    } else if let Some(rest) = text.strip_suffix('-') {
        (true, rest)
    } else if let Some(rest) = text.strip_suffix('+') {
        (false, rest)
    } else {
        (false, text)
    };
    let rest = rest.trim();
    if plain(rest) { Ok((negative, rest.as_bytes())) } else { Err(AmountError::NotAnAmount) }
}

/// A mark that may group thousands, and what follows it. Spaces come plain, fixed (U+00A0) and narrow (U+202F).
fn separator(head: u8, rest: &[u8]) -> Option<(u8, &[u8])> {
    match (head, rest) {
        (b'.' | b',' | b'\'' | b' ', _) => Some((head, rest)),
        (0xC2, [0xA0, after @ ..]) | (0xE2, [0x80, 0xAF, after @ ..]) => Some((b' ', after)),
        // ’ as an apostrophe.
        (0xE2, [0x80, 0x99, after @ ..]) => Some((b'\'', after)),
        _ => None,
    }
}

/// Watches that thousands are grouped by one mark and in threes.
#[derive(Default)]
struct Grouping {
    mark: Option<u8>,
    /// Digits since the last mark.
    run: u32,
    any: bool,
}

impl Grouping {
    fn digit(&mut self) {
        self.run += 1;
        self.any = true;
    }

    fn separator(&mut self, mark: u8) -> Result<(), AmountError> {
        let fits = match self.mark {
            None => (1..=3).contains(&self.run),
            Some(known) => known == mark && self.run == 3,
        };
        self.mark = Some(mark);
        self.run = 0;
        if fits { Ok(()) } else { Err(AmountError::NotAnAmount) }
    }

    fn end(&self) -> Result<(), AmountError> {
        let whole = self.any && (self.mark.is_none() || self.run == 3);
        if whole { Ok(()) } else { Err(AmountError::NotAnAmount) }
    }
}

/// What a sample of amounts says about the file's decimal mark.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    point_only: u64,
    comma_only: u64,
    /// Both readings are amounts, and they differ: `1,234` in dinars.
    either: Option<String>,
}

/// Why the mark cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undecided {
    pub example: String,
}

impl Witnesses {
    pub fn see(&mut self, text: &str, currency: Option<Currency>) {
        let exponent = currency.map_or(2, |currency| currency.exponent());
        let point = minor_units(text, DecimalMark::Point, exponent);
        let comma = minor_units(text, DecimalMark::Comma, exponent);
        match (point, comma) {
            (Ok(_), Err(_)) => self.point_only += 1,
            (Err(_), Ok(_)) => self.comma_only += 1,
            (Ok(a), Ok(b)) if a != b && self.either.is_none() => self.either = Some(text.trim().to_owned()),
            _ => {}
        }
    }

    /// The mark that more values ask for; a point where no value asks.
    pub fn decide(&self) -> Result<DecimalMark, Undecided> {
        match (self.point_only.cmp(&self.comma_only), &self.either) {
            (std::cmp::Ordering::Greater, _) => Ok(DecimalMark::Point),
            (std::cmp::Ordering::Less, _) => Ok(DecimalMark::Comma),
            (std::cmp::Ordering::Equal, None) => Ok(DecimalMark::Point),
            (std::cmp::Ordering::Equal, Some(example)) => Err(Undecided { example: example.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(text: &str) -> Result<i64, AmountError> {
        minor_units(text, DecimalMark::Point, 2)
    }

    fn comma(text: &str) -> Result<i64, AmountError> {
        minor_units(text, DecimalMark::Comma, 2)
    }

    #[test]
    fn both_marks_and_every_way_to_group() {
        for (text, minor) in [
            ("12.30", 1230),
            ("12.3", 1230),
            ("12", 1200),
            ("1,234.50", 123_450),
            ("1 234.50", 123_450),
            ("1'234'567.5", 123_456_750),
            ("1\u{a0}234.50", 123_450),
            ("1\u{202f}234.50", 123_450),
            ("-0.05", -5),
            ("\u{2212}0.05", -5),
            ("+7", 700),
            ("7.00-", -700),
            ("(7.00)", -700),
            (" 7.5000 ", 750),
        ] {
            assert_eq!(point(text), Ok(minor), "{text}");
        }
        for (text, minor) in
            [("12,30", 1230), ("1.234,50", 123_450), ("-1.234.567,8", -123_456_780), ("1.234", 123_400)]
        {
            assert_eq!(comma(text), Ok(minor), "{text}");
        }
        assert_eq!(minor_units("1000", DecimalMark::Point, 0), Ok(1000));
        assert_eq!(minor_units("1000.0", DecimalMark::Point, 0), Ok(1000));
        assert_eq!(minor_units("1.234", DecimalMark::Point, 3), Ok(1234));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            " ",
            "-",
            "x",
            "1.2.3",
            "12,3",
            "1,23,456",
            "1,234,56",
            ".5",
            "5.",
            "--1",
            "1-2",
            "(1",
            "€5",
            "1e3",
            "1.000,00",
            ",5",
            "1,,234",
            "1 234,567 890",
        ] {
            assert_eq!(point(text), Err(AmountError::NotAnAmount), "{text:?}");
        }
        assert_eq!(comma("12.30"), Err(AmountError::NotAnAmount));
        assert_eq!(point("1.005"), Err(AmountError::TooPrecise));
        assert_eq!(point("99999999999999999999"), Err(AmountError::Overflow));
        assert_eq!(point("92233720368547758.08"), Err(AmountError::Overflow));
        assert_eq!(point("92233720368547758.07"), Ok(i64::MAX));
        assert_eq!(point("-92233720368547758.08"), Ok(i64::MIN));
        assert_eq!(point(&"9".repeat(500)), Err(AmountError::Overflow));
    }

    fn decided(values: &[&str], code: &str) -> Result<DecimalMark, Undecided> {
        let mut witnesses = Witnesses::default();
        let currency = Currency::parse(code).ok();
        values.iter().for_each(|value| witnesses.see(value, currency));
        witnesses.decide()
    }

    #[test]
    fn a_sample_tells_the_mark_or_says_that_it_cannot() {
        assert_eq!(decided(&["12", "1234"], "EUR"), Ok(DecimalMark::Point));
        assert_eq!(decided(&["12", "12,30"], "EUR"), Ok(DecimalMark::Comma));
        assert_eq!(decided(&["1.234", "12,30"], "EUR"), Ok(DecimalMark::Comma));
        assert_eq!(decided(&["1,234", "12.30"], "EUR"), Ok(DecimalMark::Point));
        // Three decimals are none in euros, so these are thousands.
        assert_eq!(decided(&["1,234"], "EUR"), Ok(DecimalMark::Point));
        assert_eq!(decided(&["1.234"], "EUR"), Ok(DecimalMark::Comma));
        assert_eq!(decided(&["1.234"], "KWD"), Err(Undecided { example: "1.234".into() }));
        assert_eq!(decided(&["1,230"], "EUR"), Err(Undecided { example: "1,230".into() }));
    }

    proptest! {
        #[test]
        fn what_a_bank_writes_is_read_back(minor in any::<i64>(), exponent in 0_u8..=3, german in any::<bool>(), grouped in any::<bool>()) {
            let (decimal, thousands) = if german { (',', '.') } else { ('.', ',') };
            let digits = format!("{:0>width$}", minor.unsigned_abs(), width = usize::from(exponent) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(exponent));
            let mut text = String::from(if minor < 0 { "-" } else { "" });
            for (index, digit) in whole.chars().enumerate() {
                if grouped && index > 0 && (whole.len() - index).is_multiple_of(3) {
                    text.push(thousands);
                }
                text.push(digit);
            }
            if exponent > 0 {
                text.push(decimal);
                text.push_str(fraction);
            }
            let mark = if german { DecimalMark::Comma } else { DecimalMark::Point };
            prop_assert_eq!(minor_units(&text, mark, exponent), Ok(minor), "{}", text);
        }

        #[test]
        fn nothing_makes_it_panic(text in any::<String>(), exponent in 0_u8..=4) {
            let _ = minor_units(&text, DecimalMark::Point, exponent);
            let _ = minor_units(&text, DecimalMark::Comma, exponent);
        }
    }
}
