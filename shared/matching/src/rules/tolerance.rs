//! What tier 6 may join although it is not equal, and what it may decide by itself.

use domain::Currency;
use serde::{Deserialize, Serialize};

/// What a scored pair may become without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// Suggestions only.
    Never,
    /// Where the difference is nothing, an agreed fee or within an agreed rate.
    Explained,
    /// Wherever the margin is wide enough.
    Scored,
}

/// A fee that the target side keeps back: `percent_bp` of the amount, rounded half up, and a fixed part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeSchedule {
    pub name: String,
    pub percent_bp: u32,
    #[serde(default)]
    pub fixed_minor: i64,
    /// Every currency where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Rounding of the provider that is still the same fee.
    #[serde(default = "one")]
    pub rounding_minor: i64,
}

const fn one() -> i64 {
    1
}

impl FeeSchedule {
    /// The fee on an amount, in minor units; refunds give it back.
    pub(crate) fn of(&self, amount: i64) -> i64 {
        let whole = i128::from(amount.unsigned_abs()) * i128::from(self.percent_bp);
        let part = i64::try_from((whole + 5_000) / 10_000).unwrap_or(i64::MAX);
        part.saturating_add(self.fixed_minor) * amount.signum()
    }
}

/// How money of the source's currency arrives in the target's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FxBand {
    pub source: Currency,
    pub target: Currency,
    /// Units of the target's currency for one of the source's, as decimal digits.
    pub rate: String,
    /// Ten-thousandths by which the rate may be off on either side.
    pub band_bp: u32,
}

/// Digits behind the point of a rate that count.
pub(crate) const RATE_DIGITS: u32 = 9;

impl FxBand {
    /// Billionths of the rate; none where it is not a positive decimal number.
    pub(crate) fn rate_billionths(&self) -> Option<u64> {
        let (whole, part) = self.rate.split_once('.').unwrap_or((&self.rate, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > RATE_DIGITS as usize {
            return None;
        }
        let scale = 10_u64.pow(RATE_DIGITS - u32::try_from(part.len()).ok()?);
        let part: u64 = if part.is_empty() { 0 } else { part.parse().ok()? };
        let whole: u64 = whole.parse().ok()?;
        let rate = whole.checked_mul(10_u64.pow(RATE_DIGITS))?.checked_add(part.checked_mul(scale)?)?;
        (rate > 0).then_some(rate)
    }

    /// A source's minor units in the target's, rounded half up.
    pub(crate) fn convert(&self, amount: i64) -> Option<i64> {
        let rate = u128::from(self.rate_billionths()?);
        let mut whole = u128::from(amount.unsigned_abs()).checked_mul(rate)?;
        let mut scale = 10_u128.pow(RATE_DIGITS);
        match (self.source.exponent(), self.target.exponent()) {
            (from, to) if to >= from => whole = whole.checked_mul(10_u128.pow(u32::from(to - from)))?,
            (from, to) => scale *= 10_u128.pow(u32::from(from - to)),
        }
        let converted = i64::try_from((whole + scale / 2) / scale).ok()?;
        Some(converted * amount.signum())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    pub automatic: Automatic,
    /// Millibits that an automatic pair must be ahead of the best result without it.
    pub automatic_margin: i64,
    /// Millibits that a suggestion must be ahead; a tie is never one.
    pub suggestion_margin: i64,
    /// How much more than the source the target may be, in ten-thousandths of the larger amount …
    pub over_bp: u32,
    /// … or in minor units, whichever allows more.
    pub over_minor: i64,
    pub under_bp: u32,
    pub under_minor: i64,
    /// A difference of so many minor units is rounding.
    pub rounding_minor: i64,
    pub fees: Vec<FeeSchedule>,
    pub fx_bands: Vec<FxBand>,
    /// Words that say how money moved rather than whose it is, beside those that the data show to be so.
    pub filler_words: Vec<String>,
    /// Pairs of one block that are looked at before the whole block is left to people.
    pub max_block_pairs: u64,
    /// Steps of work in one component before the whole component is left to people.
    pub max_component_work: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(source: &str, target: &str, rate: &str) -> FxBand {
        let parse = |code| Currency::parse(code).expect("a currency");
        FxBand { source: parse(source), target: parse(target), rate: rate.to_owned(), band_bp: 100 }
    }

    #[test]
    fn rates_are_read_from_their_digits() {
        assert_eq!(band("USD", "EUR", "0.92").rate_billionths(), Some(920_000_000));
        assert_eq!(band("USD", "EUR", "1").rate_billionths(), Some(1_000_000_000));
        for wrong in ["", "-1", "1e3", "0", "0.0", ".5", "1.0000000001", "1,5"] {
            assert_eq!(band("USD", "EUR", wrong).rate_billionths(), None, "{wrong}");
        }
    }

    #[test]
    fn conversion_knows_the_exponents() {
        assert_eq!(band("USD", "EUR", "0.92").convert(10_001), Some(9_201));
        assert_eq!(band("USD", "JPY", "150.5").convert(1_000), Some(1_505));
        assert_eq!(band("JPY", "USD", "0.0066").convert(-1_505), Some(-993));
        assert_eq!(band("USD", "EUR", "9999999999").convert(i64::MAX), None);
    }

    #[test]
    fn a_fee_is_rounded_half_up_and_given_back_with_a_refund() {
        let fee = FeeSchedule {
            name: "card".to_owned(),
            percent_bp: 290,
            fixed_minor: 30,
            currency: None,
            rounding_minor: 1,
        };
        assert_eq!(fee.of(10_000), 320);
        assert_eq!(fee.of(-10_000), -320);
        assert_eq!(fee.of(50), 31);
    }
}
