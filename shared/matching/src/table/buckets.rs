//! Records of one class, currency and amount stand together: whoever looks for a partner of equal amount finds them side
//! by side, in order of time.

use super::{
    Class, Ix, NONE,
    counting::{by_digits, position},
    ix,
    rows::Row,
};

/// Records of one class, currency and amount: where they stand among [`ByAmount::positions`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    pub start: usize,
    /// First target.
    pub middle: usize,
    pub end: usize,
}

/// Where everybody stands by (class, currency, amount, position).
#[derive(Debug, Default)]
pub(super) struct ByAmount {
    /// All records in scope, in this order.
    pub positions: Vec<Ix>,
    pub buckets: Vec<Bucket>,
    /// By position the number of the record's bucket; `NONE` out of scope.
    pub of: Vec<u32>,
}

impl ByAmount {
    /// Positions before `sources` are sources.
    pub fn of(rows: &[Row], sources: Ix) -> Self {
        let in_scope = || (0_u32..).zip(rows).filter(|(_, row)| row.class != Class::Nothing);
        let (mut least, mut most, mut currencies) = (i64::MAX, i64::MIN, 0);
        for (_, row) in in_scope() {
            (least, most) = (least.min(row.amount), most.max(row.amount));
            currencies = currencies.max(u32::from(row.currency) + 1);
        }
        let amount = |row: &Row| row.amount.abs_diff(least);
        let amounts = most.abs_diff(least).saturating_add(1);
        let kind = |row: &Row| (row.class as u32) * currencies + u32::from(row.currency);
        let kinds = (Class::Nothing as u32) * currencies;
        // What is compared stands in what is sorted, as one number, and mostly there is room for it in a word.
        if amounts.saturating_mul(kinds.into()) <= 1 << (u64::BITS - Ix::BITS) {
            let group = |row: &Row| u64::from(kind(row)) * amounts + amount(row);
            let mut packed: Vec<u64> = Vec::with_capacity(rows.len());
            packed.extend(in_scope().map(|(at, row)| (group(row) << Ix::BITS) | u64::from(at)));
            let packed = by_digits(packed, amounts * u64::from(kinds));
            let sorted = packed.iter().map(|packed| (packed >> Ix::BITS, position((*packed).into())));
            Self::sorted(sorted, rows.len(), sources)
        } else {
            let group = |row: &Row| (u128::from(kind(row)) << u64::BITS) | u128::from(amount(row));
            let mut packed: Vec<u128> = in_scope().map(|(at, row)| (group(row) << Ix::BITS) | u128::from(at)).collect();
            packed.sort_unstable();
            let sorted = packed.iter().map(|packed| (packed >> Ix::BITS, position(*packed)));
            Self::sorted(sorted, rows.len(), sources)
        }
    }

    fn sorted<G: PartialEq>(sorted: impl ExactSizeIterator<Item = (G, Ix)>, rows: usize, sources: Ix) -> Self {
        let mut by_amount =
            Self { positions: Vec::with_capacity(sorted.len()), buckets: Vec::new(), of: vec![NONE; rows] };
        let mut last = None;
        for (place, (group, at)) in sorted.enumerate() {
            let group = Some(group);
            if last != group {
                last = group;
                by_amount.buckets.push(Bucket { start: place, middle: place, end: place });
            }
            by_amount.positions.push(at);
            by_amount.of[at as usize] = ix(by_amount.buckets.len() - 1);
            if let Some(bucket) = by_amount.buckets.last_mut() {
                bucket.end += 1;
                // Positions follow side and time already.
                bucket.middle += usize::from(at < sources);
            }
        }
        by_amount
    }
}

#[cfg(test)]
mod tests {
    use super::{super::rows::EMPTY, *};

    #[test]
    fn records_stand_by_class_currency_amount_and_position() {
        let row = |class, currency, amount| Row { class, currency, amount, ..EMPTY };
        let (payment, refund) = (Class::Payment, Class::Refund);
        // In a word and beyond it.
        for [lowest, highest] in [[-9, 9], [i64::MIN, i64::MAX]] {
            let rows = [
                row(payment, 0, -1),
                row(payment, 0, 0),
                row(payment, 1, 7),
                row(refund, 0, -5),
                row(Class::Nothing, 0, 0),
                row(payment, 0, highest),
                row(payment, 0, lowest),
                row(payment, 0, 0),
                row(payment, u16::MAX, 0),
            ];
            let ByAmount { positions, buckets, of } = ByAmount::of(&rows, 4);
            assert_eq!(positions, [6, 0, 1, 7, 5, 2, 8, 3]);
            let bounds: Vec<_> = buckets.iter().map(|bucket| (bucket.start, bucket.middle, bucket.end)).collect();
            assert_eq!(bounds, [(0, 0, 1), (1, 2, 2), (2, 3, 4), (4, 4, 5), (5, 6, 6), (6, 6, 7), (7, 8, 8)]);
            assert_eq!(of, [1, 2, 4, 6, NONE, 3, 0, 2, 5]);
        }
        assert_eq!(ByAmount::of(&[row(Class::Nothing, 0, 0)], 1).of, [NONE]);
    }
}
