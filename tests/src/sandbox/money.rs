//! Minor units and the decimal strings that the shop side shows for them.
//!
//! The sandbox keeps its own table, on purpose: if it shared one with the adapters, a wrong exponent would cancel out.

/// Digits after the decimal point of an amount in `currency`, as both providers count them.
#[must_use]
pub fn exponent(currency: &str) -> u32 {
    match currency {
        "JPY" | "KRW" | "VND" | "CLP" => 0,
        "KWD" | "BHD" | "JOD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// The card processor wants the last digit of three-decimal amounts to be 0.
#[must_use]
pub fn payable(minor: i64, currency: &str) -> i64 {
    if exponent(currency) == 3 { minor - minor % 10 } else { minor }
}

/// The shop's decimal notation: no trailing zeros, but at least one digit after the point (`"10.0"`, `"9.99"`, `"1200.0"` for yen).
#[must_use]
pub fn decimal(minor: i64, currency: &str) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let scale = 10_u64.pow(exponent(currency));
    let (whole, part) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    let width = exponent(currency) as usize;
    let digits = if width == 0 { String::new() } else { format!("{part:0width$}") };
    let digits = digits.trim_end_matches('0');
    format!("{sign}{whole}.{}", if digits.is_empty() { "0" } else { digits })
}

/// `minor` of one currency in another at `rate_ppm` millionths, rounded half up.
#[must_use]
pub fn convert(minor: i64, from: &str, to: &str, rate_ppm: i64) -> i64 {
    let scale = 10_i128.pow(exponent(to));
    let unit = 10_i128.pow(exponent(from)) * 1_000_000;
    let scaled = i128::from(minor) * i128::from(rate_ppm) * scale;
    let half = unit / 2;
    let rounded = if scaled >= 0 { (scaled + half) / unit } else { (scaled - half) / unit };
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

/// 2.9 % and 30 of the smallest unit, as whole numbers.
#[must_use]
pub fn card_fee(minor: i64) -> i64 {
    (minor * 29 + 500) / 1000 + 30
}
