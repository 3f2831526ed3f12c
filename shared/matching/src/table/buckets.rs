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
    // What is compared stands in what is sorted. Positions follow side and time already.
    let mut order: Vec<(i64, Class, u16, Ix)> =
        in_scope.map(|(at, row)| (row.amount, row.class, row.currency, at)).collect();
    order.sort_unstable_by_key(|(amount, class, currency, at)| (*class, *currency, *amount, *at));
    let mut buckets: Vec<Bucket> = Vec::new();
    let alike = |a: &(i64, Class, u16, Ix), b: &(i64, Class, u16, Ix)| (a.0, a.1, a.2) == (b.0, b.1, b.2);
    let mut start = 0;
    for bucket in order.chunk_by(alike) {
        let number = ix(buckets.len());
        for (.., at) in bucket {
            rows[*at as usize].bucket = number;
        }
        let sources = bucket.partition_point(|(.., at)| !rows[*at as usize].target);
        buckets.push(Bucket { start, middle: start + sources, end: start + bucket.len() });
        start += bucket.len();
    }
    (order.into_iter().map(|(.., at)| at).collect(), buckets)
}
