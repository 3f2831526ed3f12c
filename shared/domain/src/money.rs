//! Money as integers in minor units. Decimal strings are read digit by digit and never pass through a float.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};
use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoneyError {
    #[error("`{0}` is not an ISO 4217 currency code")]
    UnknownCurrency(String),
    #[error("`{0}` is not a decimal amount")]
    NotDecimal(String),
    #[error("`{amount}` has more decimals than {currency} has ({exponent})")]
    TooPrecise { amount: String, currency: Currency, exponent: u8 },
    #[error("`{0}` does not fit into 64 bits of minor units")]
    TooLarge(String),
}

/// An ISO 4217 code with its exponent (number of decimals) at hand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] for anything that ISO 4217 does not list. Lower case is accepted: Stripe
    /// writes `usd`, Shopify `USD`.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency(code.chars().take(16).collect());
        let upper = code.to_ascii_uppercase();
        iso_currency::Currency::from_code(&upper).ok_or_else(unknown)?;
        <[u8; 3]>::try_from(upper.as_bytes()).map(Self).map_err(|_| unknown())
    }

    /// Of the code.
    #[inline]
    pub(crate) fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// For storing it among numbers.
    pub(crate) fn to_number(self) -> i64 {
        let [a, b, c] = self.0;
        i64::from(u32::from_le_bytes([a, b, c, 0]))
    }

    /// Of what [`Currency::to_number`] gave.
    pub(crate) fn from_number(number: i64) -> Self {
        let [a, b, c, ..] = number.to_le_bytes();
        Self([a, b, c])
    }

    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Decimals of the minor unit: 2 for USD, 0 for JPY, 3 for KWD. Currencies without a minor unit have 0.
    #[must_use]
    pub fn exponent(&self) -> u8 {
        let exponent = iso_currency::Currency::from_code(self.code()).and_then(iso_currency::Currency::exponent);
        exponent.and_then(|digits| u8::try_from(digits).ok()).unwrap_or(0)
    }

    /// Minor units of a decimal string such as `-12.30`. Trailing zeros beyond the exponent are accepted because
    /// Shopify writes yen as `1000.0`; a remainder is refused.
    ///
    /// # Errors
    /// [`MoneyError`] naming the amount when it is no decimal, too precise or too large.
    pub fn minor_units(&self, decimal: &str) -> Result<i64, MoneyError> {
        let shown = || decimal.chars().take(40).collect::<String>();
        let exponent = usize::from(self.exponent());
        let (negative, digits) = match decimal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, decimal),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let dangling = digits.ends_with('.');
        if whole.is_empty() || dangling || !all_digits(whole) || !all_digits(fraction) {
            return Err(MoneyError::NotDecimal(shown()));
        }
        let (kept, rest) = fraction.split_at(fraction.len().min(exponent));
        if rest.bytes().any(|byte| byte != b'0') {
            return Err(MoneyError::TooPrecise { amount: shown(), currency: *self, exponent: self.exponent() });
        }
        let padded = format!("{whole}{kept:0<exponent$}");
        let magnitude: i64 = padded.parse().map_err(|_| MoneyError::TooLarge(shown()))?;
        Ok(if negative { -magnitude } else { magnitude })
    }

    /// The inverse of [`Currency::minor_units`], for people.
    #[must_use]
    pub fn format(&self, minor: i64) -> String {
        let exponent = usize::from(self.exponent());
        let sign = if minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "ISO 4217", "pattern": "^[A-Z]{3}$", "examples": ["EUR"] })
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::parse(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

/// An amount in minor units of its currency; positive flows to the merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money {
    pub amount_minor: i64,
    pub currency: Currency,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn digits_become_minor_units() {
        for (code, decimal, minor) in [
            ("USD", "12.30", 1230),
            ("usd", "12.3", 1230),
            ("USD", "-0.05", -5),
            ("USD", "12.3000", 1230),
            ("JPY", "1000", 1000),
            ("JPY", "1000.0", 1000),
            ("KWD", "1.2340", 1234),
            ("USD", "0", 0),
        ] {
            assert_eq!(currency(code).minor_units(decimal), Ok(minor), "{code} {decimal}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_the_amount_in_the_message() {
        for bad in ["", ".5", "1.", "1,5", "1e3", "+1", "--1", "NaN", " 1", "1.2.3"] {
            assert_eq!(currency("USD").minor_units(bad), Err(MoneyError::NotDecimal(bad.into())), "{bad:?}");
        }
        assert!(matches!(currency("JPY").minor_units("1.5"), Err(MoneyError::TooPrecise { .. })));
        assert!(matches!(currency("USD").minor_units("99999999999999999999"), Err(MoneyError::TooLarge(_))));
        assert!(matches!(Currency::parse("ZZZ"), Err(MoneyError::UnknownCurrency(_))));
        assert!(matches!(Currency::parse("€€€"), Err(MoneyError::UnknownCurrency(_))));
    }

    proptest! {
        #[test]
        fn formatting_and_reading_are_inverse(minor in -1_000_000_000_000_i64..1_000_000_000_000, code in prop::sample::select(vec!["USD", "JPY", "KWD"])) {
            let currency = currency(code);
            prop_assert_eq!(currency.minor_units(&currency.format(minor)), Ok(minor));
        }
    }
}
