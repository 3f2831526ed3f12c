//! Stripe's minor units against those of ISO 4217.
//!
//! Source of the tables: docs.stripe.com/currencies, "Minor units in API amounts" and "Special cases".

use crate::{provider::ProviderError, read::Object};
use domain::{Currency, Money};

const ZERO_DECIMAL: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
const THREE_DECIMAL: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];

/// Decimals of an API amount. Two unless listed; that holds for ISK and UGX too, which have none in ISO.
fn stripe_exponent(currency: Currency) -> u8 {
    if ZERO_DECIMAL.contains(&currency.code()) {
        0
    } else if THREE_DECIMAL.contains(&currency.code()) {
        3
    } else {
        2
    }
}

/// The API amount at `path` in ISO minor units. What ISO's unit cannot express is a remainder that must not be lost.
pub(super) fn amount(object: &Object<'_>, path: &str, currency: Currency) -> Result<Money, ProviderError> {
    let given = object.integer(path)?;
    let (theirs, ours) = (u32::from(stripe_exponent(currency)), u32::from(currency.exponent()));
    let amount_minor = if theirs > ours {
        let unit = 10_i64.pow(theirs - ours);
        if given % unit != 0 {
            return Err(object.malformed(path, &format!("is no whole number of the smallest unit of {currency}")));
        }
        given / unit
    } else {
        given.checked_mul(10_i64.pow(ours - theirs)).ok_or_else(|| object.malformed(path, "is too large"))?
    };
    Ok(Money { amount_minor, currency })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(code: &str, given: i64) -> Result<i64, ProviderError> {
        let value = json!({"id": "ch_1", "amount": given});
        let object = Object::new("charge", &value).unwrap();
        amount(&object, "amount", Currency::parse(code).unwrap()).map(|money| money.amount_minor)
    }

    #[test]
    fn amounts_become_iso_minor_units() {
        for (code, given, minor) in [
            ("usd", 1050, 1050),
            ("jpy", 500, 500),
            ("kwd", 5120, 5120),
            ("isk", 500, 5),
            ("ugx", 12_300, 123),
            ("mga", 500, 50_000),
            ("huf", 1045, 1045),
            ("twd", 80_000, 80_000),
            ("isk", -500, -5),
        ] {
            assert_eq!(read(code, given), Ok(minor), "{code} {given}");
        }
    }

    #[test]
    fn a_remainder_is_named_and_not_rounded() {
        for code in ["isk", "ugx"] {
            let error = read(code, 501).unwrap_err();
            assert!(
                matches!(&error, ProviderError::Malformed { message } if message.contains("ch_1") && message.contains("amount"))
            );
        }
        assert!(matches!(read("mga", i64::MAX), Err(ProviderError::Malformed { .. })));
    }
}
