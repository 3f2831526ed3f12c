//! What ties a record to others beside amount, time and references: who paid, its order, its parent, and when it settled.
//!
//! By column and not by record: hardly any run has all of it, and what no record says takes no memory.

use super::{Ix, NONE, reading, rows::Numbered};
use domain::records::Fields;

/// A column of numbers, `NONE` where a record says nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign {
    Email,
    Last4,
    Name,
    Memo,
    Order,
    Parent,
}

const SIGNS: usize = 6;
/// Those of a person, in the order in which they are numbered.
const PERSON: [Sign; Signs::PERSON] = [Sign::Email, Sign::Last4, Sign::Name, Sign::Memo];

/// Of all records, by position. What none of them says has no column.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    columns: [Vec<u32>; SIGNS],
    /// How long after its own time a record settled, in milliseconds.
    settled: Vec<i64>,
}

impl Signs {
    /// How many signs of a person there are.
    pub const PERSON: usize = 4;

    /// Nothing yet of so many records that say this.
    pub(super) fn none(count: usize, said: Fields) -> Self {
        let length = |is_said: bool| if is_said { count } else { 0 };
        let columns = [said.email_hash(), said.last4(), said.name(), said.memo(), said.order(), said.parent()];
        Self {
            columns: columns.map(|is_said| vec![NONE; length(is_said)]),
            settled: vec![0; length(said.settled_at())],
        }
    }

    fn get(&self, sign: Sign, at: Ix) -> u32 {
        self.columns[sign as usize].get(at as usize).copied().unwrap_or(NONE)
    }

    /// Of a record that says something of this kind.
    pub(super) fn set(&mut self, sign: Sign, at: Ix, number: u32) {
        self.columns[sign as usize][at as usize] = number;
    }

    pub fn email(&self, at: Ix) -> u32 {
        self.get(Sign::Email, at)
    }

    pub fn last4(&self, at: Ix) -> u32 {
        self.get(Sign::Last4, at)
    }

    pub fn name(&self, at: Ix) -> u32 {
        self.get(Sign::Name, at)
    }

    pub fn memo(&self, at: Ix) -> u32 {
        self.get(Sign::Memo, at)
    }

    /// Records that belong to one order, and no others, have one number here.
    pub fn order(&self, at: Ix) -> u32 {
        self.get(Sign::Order, at)
    }

    /// The movement of the same side that this one undoes or completes.
    pub fn parent(&self, at: Ix) -> Ix {
        self.get(Sign::Parent, at)
    }

    /// Who paid.
    pub fn person(&self, at: Ix) -> [u32; Self::PERSON] {
        PERSON.map(|sign| self.get(sign, at))
    }

    /// Milliseconds after the record's time that the money moved on the balance; 0 when that is not known.
    pub fn settled_after(&self, at: Ix) -> i64 {
        self.settled.get(at as usize).copied().unwrap_or(0)
    }

    /// The parts of the earlier and the later half, of sources and of targets each.
    pub(super) fn divided(&mut self, sources: Ix, split: [Ix; 2]) -> [[Part<'_>; 2]; 2] {
        let mut columns = self.columns.each_mut().map(|column| parts(column, sources, split));
        let mut settled = parts(&mut self.settled, sources, split);
        let mut next = || Part {
            columns: columns.each_mut().map(|parts| parts.next().unwrap_or_default()),
            settled: settled.next().unwrap_or_default(),
        };
        [[next(), next()], [next(), next()]]
    }

    /// Until now numbers of people are places in the lists of the half. Returns how many records hold each number.
    pub(super) fn number_people(&mut self, sources: Ix, split: [Ix; 2], numbers: &Numbered) -> Vec<u32> {
        let mut holders = vec![0_u32; numbers.people as usize];
        for (sign, column) in PERSON.into_iter().zip(&numbers.person) {
            let parts = parts(&mut self.columns[sign as usize], sources, split);
            for (half, part) in [0, 0, 1, 1].into_iter().zip(parts) {
                for value in part.iter_mut().filter(|value| **value != NONE) {
                    *value = column.of(half, *value);
                    if let Some(count) = holders.get_mut(*value as usize) {
                        *count += 1;
                    }
                }
            }
        }
        holders
    }
}

/// The parts of a column, if there is one.
fn parts<T>(column: &mut [T], sources: Ix, split: [Ix; 2]) -> impl Iterator<Item = &mut [T]> {
    let divided = (!column.is_empty()).then(|| reading::divided(column, sources, split));
    divided.into_iter().flatten().flatten()
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    values: [u32; SIGNS],
    pub settled_after_ms: i64,
}

impl Said {
    pub const NOTHING: Self = Self { values: [NONE; SIGNS], settled_after_ms: 0 };

    pub fn say(&mut self, sign: Sign, number: u32) {
        self.values[sign as usize] = number;
    }
}

/// Part of all signs.
pub(super) struct Part<'w> {
    columns: [&'w mut [u32]; SIGNS],
    settled: &'w mut [i64],
}

impl Part<'_> {
    pub fn write(&mut self, at: usize, said: &Said) {
        for (column, value) in self.columns.iter_mut().zip(said.values) {
            if let Some(place) = column.get_mut(at) {
                *place = value;
            }
        }
        if let Some(place) = self.settled.get_mut(at) {
            *place = said.settled_after_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{examples, rules::RuleSet, table::Table};
    use domain::{
        Timestamp,
        record::{Counterparty, EmailHash, OrderRef, Record, Side},
    };
    use std::collections::BTreeSet;

    fn record(at: i64, email: &str, last4: &str, name: &str, memo: &str) -> Record {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let counterparty = Counterparty { email_hash: EmailHash::of(email), last4: some(last4), name: some(name) };
        Record { counterparty, memo: some(memo), ..examples::record(Side::Source, &at.to_string(), 1, at) }
    }

    #[test]
    fn equal_values_of_one_field_have_one_number_and_no_other_field_has_it() {
        let records = [
            record(0, "a@b", "0000", "Al", "0000"),
            record(1, "A@B", " 0000", "0000", ""),
            record(2, "x@y", "12345", "AL", "12345"),
            record(3, "", "12345", "a@b", ""),
        ];
        let input = examples::input(records, []);
        let table = Table::build(&input, &RuleSet::default());
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| table.signs.person(at));
        assert_eq!((&a[..2], a[2], c[1]), (&b[..2], c[2], d[1]));
        assert_eq!((d[0], d[3]), (NONE, NONE));
        let different = BTreeSet::from([a[0], c[0], a[1], c[1], a[2], b[2], d[2], a[3], c[3]]);
        assert_eq!(different.len(), 9);
        assert_eq!((table.held_by(a[0]), table.held_by(c[0]), table.held_by(d[1]), table.held_by(NONE)), (2, 1, 2, 0));
    }

    #[test]
    fn addresses_are_equal_where_the_whole_hash_is() {
        let hashed = |at: i64, last: u8| {
            let mut bytes = [7; 32];
            bytes[31] = last;
            let counterparty =
                Counterparty { email_hash: Some(EmailHash::from_bytes(bytes)), ..Counterparty::default() };
            Record { counterparty, ..examples::record(Side::Source, &at.to_string(), 1, at) }
        };
        let input = examples::input([hashed(0, 1), hashed(1, 2), hashed(2, 1), hashed(3, 2)], []);
        let table = Table::build(&input, &RuleSet::default());
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| table.signs.email(at));
        assert_eq!((a, b), (c, d));
        assert_ne!(a, b);
    }

    #[test]
    fn what_a_single_record_says_is_known_and_what_none_says_is_not() {
        let order = OrderRef { id: "1".to_owned(), name: "1".to_owned() };
        let settled_at = Some(Timestamp::from_millis(7_000));
        let parent = Some("0".to_owned());
        let plain = [0, 1, 2].map(|at| examples::record(Side::Source, &at.to_string(), 1, at));
        let signs = |last: Record| {
            let input = examples::input(plain.clone(), [last]);
            let table = Table::build(&input, &RuleSet::default());
            let of = |at| {
                (table.signs.person(at), table.signs.order(at) != NONE, table.signs.parent(at), table.settled_at(at))
            };
            [of(0), of(3)]
        };
        let nothing = |at| ([NONE; 4], false, NONE, at);
        let last = examples::record(Side::Target, "last", 1, 9);
        assert_eq!(signs(last.clone()), [nothing(0), nothing(9)]);
        assert_eq!(signs(Record { settled_at, ..last.clone() }), [nothing(0), ([NONE; 4], false, NONE, 7_000)]);
        assert_eq!(signs(Record { order: Some(order), ..last.clone() })[1], ([NONE; 4], true, NONE, 9));
        let first = Record { id: "0".to_owned(), ..last.clone() };
        let input =
            examples::input(plain.clone(), [first, Record { parent, occurred_at: Timestamp::from_millis(10), ..last }]);
        let table = Table::build(&input, &RuleSet::default());
        assert_eq!((table.signs.parent(3), table.signs.parent(4)), (NONE, 3));
    }
}
