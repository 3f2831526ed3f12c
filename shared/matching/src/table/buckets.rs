//! Records of one class, currency and amount stand together: whoever looks for a partner of equal amount finds them side
//! by side, in order of time.

use super::{Class, Ix, ix, rows::Row};

/// Open records of one class, currency and amount: positions into `Table::by_amount`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    pub start: usize,
    /// First target.
    pub middle: usize,
    pub end: usize,
}

/// All records in scope by (class, currency, amount, position), and where each bucket lies; rows are told theirs.
pub(super) fn buckets(rows: &mut [Row]) -> (Vec<Ix>, Vec<Bucket>) {
    let in_scope = (0..).zip(&*rows).filter(|(_, row)| row.class != Class::Nothing);
    // What is compared stands in what is sorted, as one number. Positions follow side and time already.
    let mut order: Vec<u128> = Vec::with_capacity(rows.len());
    order.extend(in_scope.map(|(at, row)| packed(row, at)));
    order.sort_unstable();
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut start = 0;
    for bucket in order.chunk_by(|a, b| a >> Ix::BITS == b >> Ix::BITS) {
        let number = ix(buckets.len());
        for packed in bucket {
            rows[position(*packed) as usize].bucket = number;
        }
        let sources = bucket.partition_point(|packed| !rows[position(*packed) as usize].target);
        buckets.push(Bucket { start, middle: start + sources, end: start + bucket.len() });
        start += bucket.len();
    }
    (order.into_iter().map(position).collect(), buckets)
}

/// Class, currency, amount and position, in this order of weight.
fn packed(row: &Row, at: Ix) -> u128 {
    // The lowest amount becomes 0.
    let amount = row.amount.cast_unsigned() ^ (1 << 63);
    let kind = (u32::from(row.class as u8) << u16::BITS) | u32::from(row.currency);
    (u128::from(kind) << (u64::BITS + Ix::BITS)) | (u128::from(amount) << Ix::BITS) | u128::from(at)
}

#[expect(clippy::cast_possible_truncation, reason = "the position is what stands in these bits")]
fn position(packed: u128) -> Ix {
    packed as Ix
}

#[cfg(test)]
mod tests {
    use super::{super::rows::EMPTY, *};

    #[test]
    fn rows_stand_by_class_currency_amount_and_position() {
        let row = |class, currency, amount| Row { class, currency, amount, ..EMPTY };
        let (payment, refund) = (Class::Payment, Class::Refund);
        let mut rows = vec![
            row(refund, 0, -5),
            row(payment, 1, 7),
            row(payment, 0, i64::MAX),
            row(payment, 0, -1),
            row(Class::Nothing, 0, 0),
            row(payment, 0, i64::MIN),
            row(payment, 0, 0),
            Row { target: true, ..row(payment, 0, 0) },
            row(payment, u16::MAX, 0),
        ];
        let (by_amount, buckets) = buckets(&mut rows);
        assert_eq!(by_amount, [5, 3, 6, 7, 2, 1, 8, 0]);
        let bounds: Vec<_> = buckets.iter().map(|bucket| (bucket.start, bucket.middle, bucket.end)).collect();
        assert_eq!(bounds, [(0, 1, 1), (1, 2, 2), (2, 3, 4), (4, 5, 5), (5, 6, 6), (6, 7, 7), (7, 8, 8)]);
        assert_eq!([rows[7].bucket, rows[0].bucket, rows[4].bucket], [2, 6, super::super::NONE]);
    }
}
