//! Which records belong to one order.
//!
//! Records of one order share the reference to it, and so orders have the numbers of these references. Where several records
//! hold one, ids are compared as they are written: references say less, neither case nor what stands before the last `/`.

use super::{Ix, NONE, ix};
use crate::hashed::Hashing;
use std::collections::HashMap;

/// A record of an order, and the number of the reference to it, if there is one and several records hold it.
pub(super) type Unsure = (Ix, Option<u32>);

/// The number of an order that no other record names. From the highest on, as other orders have the lowest.
pub(super) fn alone(at: Ix) -> u32 {
    NONE - 1 - at
}

/// Of each of these the number of its order; `references` is how many references several records hold, and their numbers are
/// below it.
pub(super) fn numbers<'a>(unsure: &[Unsure], references: u32, id: impl Fn(Ix) -> &'a str) -> Vec<u32> {
    if unsure.is_empty() {
        return Vec::new();
    }
    // By reference, the record whose order has its number.
    let mut firsts = vec![NONE; references as usize];
    let mut others: HashMap<&str, u32, Hashing> = HashMap::default();
    let number = |(at, reference): &Unsure| {
        if let Some(reference) = *reference {
            let first = &mut firsts[reference as usize];
            if *first == NONE {
                *first = *at;
            }
            if *first == *at || id(*first) == id(*at) {
                return reference;
            }
        }
        let next = references + ix(others.len());
        *others.entry(id(*at)).or_insert(next)
    };
    unsure.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Table, *};
    use crate::{examples, rules::RuleSet};
    use domain::record::{OrderRef, Record, Side};

    #[test]
    fn ids_that_differ_are_two_orders_whatever_reference_they_share() {
        let ids = ["eu/1", "us/1", "eu/1", "EU/1", "us/1", "2", "2", "eu/", "us/", "eu/"];
        let references = [Some(0), Some(0), Some(0), Some(0), Some(0), Some(1), Some(1), None, None, None];
        let unsure: Vec<Unsure> = (0..).zip(references).collect();
        let found = numbers(&unsure, 2, |at| ids[at as usize]);
        assert_eq!(found, [0, 2, 0, 3, 2, 1, 1, 4, 5, 4]);
        assert!(numbers(&[], 2, |_| "").is_empty());
    }

    #[test]
    fn records_of_a_table_have_the_numbers_of_their_orders() {
        let of_order = |at: i64, order: &str| {
            let order = (!order.is_empty()).then(|| OrderRef { id: order.to_owned(), name: "1".to_owned() });
            Record { order, ..examples::record(Side::Source, &at.to_string(), 1, at) }
        };
        let sales = ["eu/1", "us/1", "eu/1", "eu/2", "", "eu/", "eu/", "/", "eu/3"];
        let charge = Record { memo: Some("eu/1".to_owned()), ..examples::record(Side::Target, "charge", 1, 0) };
        let input = examples::input((1..).zip(sales).map(|(at, order)| of_order(at, order)), [charge]);
        let table = Table::build(&input, &RuleSet::default());
        let orders: Vec<u32> = table.positions().map(|at| table.signs.order(at)).collect();
        let equal = |one: usize| orders.iter().map(|other| *other == orders[one]).collect::<Vec<_>>();
        let expected = |which: &[usize]| (0..10).map(|at| which.contains(&at)).collect::<Vec<_>>();
        for (one, all) in [(0, &[0, 2][..]), (1, &[1]), (3, &[3]), (4, &[4, 9]), (5, &[5, 6]), (7, &[7]), (8, &[8])] {
            assert_eq!(equal(one), expected(all), "{}", sales[one]);
        }
        assert_eq!(orders[4], NONE);
    }
}
