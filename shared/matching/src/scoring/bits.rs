//! Weights are counted in millibits: thousandths of a binary order of magnitude of odds. Adding weights multiplies odds,
//! and 1,000 millibits more mean twice as likely. Everything here is integer arithmetic, so a weight is the same on
//! every machine.

/// Thousandths of a bit.
pub(crate) type Millibits = i64;

/// Bits of the mantissa that are squared: more than a thousandth needs.
const STEPS: u32 = 12;

/// `1000 · log2(value)`, rounded down; 0 for 0 and 1.
///
/// The integer part is the position of the highest bit; the fraction comes from squaring the mantissa and looking
/// whether it passes 2 (Turner, "A Fast Binary Logarithm Algorithm", IEEE Signal Processing Magazine 2010).
pub(crate) const fn log2(value: u64) -> Millibits {
    if value <= 1 {
        return 0;
    }
    let whole = value.ilog2();
    // Mantissa in [1, 2) with 31 fractional bits.
    let mut mantissa = if whole >= 31 { value >> (whole - 31) } else { value << (31 - whole) };
    let mut fraction: i64 = 0;
    let mut step = 0;
    while step < STEPS {
        mantissa = (mantissa * mantissa) >> 31;
        fraction <<= 1;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            fraction |= 1;
        }
        step += 1;
    }
    (whole as i64) * 1_000 + ((fraction * 1_000) >> STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for bit in 0..63 {
            assert_eq!(log2(1 << bit), 1_000 * i64::from(bit));
        }
        assert_eq!(log2(0), 0);
    }

    #[test]
    fn within_a_thousandth_of_the_float_logarithm() {
        for value in (2..100_000_u64).chain((1..200).map(|step| step * 46_116_860_184_273_879)) {
            let expected = ((value as f64).log2() * 1_000.0) as i64;
            assert!((log2(value) - expected).abs() <= 1, "{value}: {} instead of {expected}", log2(value));
        }
    }

    #[test]
    fn never_falls() {
        let logs: Vec<i64> = (1..5_000).map(log2).collect();
        assert!(logs.is_sorted());
    }
}
