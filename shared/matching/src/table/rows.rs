//! A record as integers.

use super::{Ix, NONE, TextList};
use crate::reason::Reason;
use domain::{
    Currency,
    record::{Kind, Order, Precision, Side, Status},
    records::{self, RecordRef},
    time::Window,
};

/// Direction of the money; only records of one class can be partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    Payment,
    Refund,
    /// Moves no money.
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub amount: i64,
    pub at: i64,
    /// When the money moved on the balance; `at` when that is not known.
    pub settled_at: i64,
    pub currency: u16,
    pub class: Class,
    pub kind: Kind,
    /// Why the record is out of scope.
    pub excluded: Option<Reason>,
    pub target: bool,
    pub in_window: bool,
    pub evidence: bool,
    pub pending: bool,
    pub whole_day: bool,
    pub disputed: bool,
    /// The shop tells the amount in its own currency, too.
    pub two_moneys: bool,
    /// Numbers of values; `NONE` when absent.
    pub email: u32,
    pub last4: u32,
    pub name: u32,
    pub memo: u32,
    pub order: u32,
    /// The movement of the same side that this one undoes or completes.
    pub parent: Ix,
    pub bucket: u32,
}

impl Row {
    /// A movement of an order, as a shop has them. What belongs to none, a payment or a booking, names the other side's
    /// orders and references instead of having one. Sides are told apart by this and not by which file came first, so that
    /// exchanging them changes nothing.
    pub fn is_of_order(&self) -> bool {
        self.order != NONE
    }

    pub fn side(&self) -> Side {
        if self.target { Side::Target } else { Side::Source }
    }
}

/// What the texts of all rows became.
#[derive(Debug)]
pub(super) struct Numbered {
    pub currencies: Vec<Currency>,
    /// How many different values of people there are.
    pub people: u32,
    /// Numbers of the input's orders, in order of time; movements of one have its number.
    pub orders: Vec<u32>,
    /// How many different orders there are.
    pub order_count: u32,
}

/// What half of the rows say in words. Until all is numbered at once, rows hold places in these lists.
#[derive(Debug)]
pub(super) struct Words<'a> {
    currencies: Vec<Currency>,
    emails: TextList<'a>,
    last4s: TextList<'a>,
    names: TextList<'a>,
    memos: TextList<'a>,
    /// Ids of orders.
    orders: TextList<'a>,
    /// Where the input's orders stand among them.
    given: Vec<u32>,
}

impl<'a> Words<'a> {
    /// Of so many records. Room is only made for what a shop's have: memory that one list reserves and hardly touches is
    /// none that the next one can use again.
    pub fn with_capacity(records: usize) -> Self {
        Self {
            currencies: Vec::new(),
            emails: TextList::with_capacity(records),
            last4s: TextList::with_capacity(0),
            names: TextList::with_capacity(0),
            memos: TextList::with_capacity(0),
            orders: TextList::exact(records),
            given: Vec::with_capacity(records),
        }
    }

    pub fn add_order(&mut self, order: &'a Order) {
        self.given.push(self.orders.place(&order.id).0);
    }

    fn last4(&mut self, text: Option<&'a str>) -> u32 {
        match text.and_then(card) {
            Some(card) => card,
            None => value(&mut self.last4s, text).saturating_add(CARDS),
        }
    }

    /// The row of a record.
    pub fn read(
        &mut self,
        target: bool,
        record: RecordRef<'a>,
        texts: &records::Texts<'a>,
        parent: Option<Ix>,
        excluded: Option<Reason>,
        window: Window,
    ) -> Row {
        Row {
            amount: record.amount_minor(),
            at: record.occurred_at().millis(),
            settled_at: record.settled_at().unwrap_or(record.occurred_at()).millis(),
            currency: currency_id(&mut self.currencies, record.currency()),
            class: class_of(record.kind()),
            kind: record.kind(),
            excluded,
            target,
            in_window: !record.evidence_only() && window.contains(record.occurred_at()),
            evidence: record.evidence_only(),
            pending: record.status() == Status::Pending,
            whole_day: record.precision() == Precision::Day,
            disputed: record.disputed(),
            two_moneys: record.shop_money().is_some_and(|shop| shop.currency != record.currency()),
            email: value(&mut self.emails, texts.email_hash),
            last4: self.last4(texts.last4),
            name: value(&mut self.names, texts.name),
            memo: value(&mut self.memos, texts.memo),
            order: texts.order.map_or(NONE, |order| self.orders.place(order.id).0),
            parent: parent.unwrap_or(NONE),
            bucket: NONE,
        }
    }
}

/// The place in the list of the value.
fn value<'a>(list: &mut TextList<'a>, text: Option<&'a str>) -> u32 {
    text.map(str::trim).filter(|text| !text.is_empty()).map_or(NONE, |text| list.place(text).0)
}

/// Numbers that the last four digits of a card can be. Lists of other texts begin behind them.
const CARDS: u32 = 10_000;

/// The number that four digits are: nearly all payments have some, and none of them needs to be looked for.
fn card(last4: &str) -> Option<u32> {
    let digits = last4.trim().as_bytes();
    let four = digits.len() == 4 && digits.iter().all(u8::is_ascii_digit);
    four.then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// Numbers the words of both halves and tells the rows, each half's its own.
pub(super) fn number_words([first, second]: [Words<'_>; 2], rows: [[&mut [Row]; 2]; 2]) -> Numbered {
    let (currencies, currency_ids) = common_currencies([first.currencies, second.currencies]);
    // Equal texts of two fields are two values.
    let mut people = 0;
    let emails = Column::number([first.emails, second.emails], &mut people);
    let cards = people;
    people += CARDS;
    let last4s = Column::number([first.last4s, second.last4s], &mut people);
    let names = Column::number([first.names, second.names], &mut people);
    let memos = Column::number([first.memos, second.memos], &mut people);
    let mut order_count = 0;
    let orders = Column::number([first.orders, second.orders], &mut order_count);
    for (half, rows) in rows.into_iter().enumerate() {
        for row in rows.into_iter().flatten() {
            row.currency = currency_ids[half].get(usize::from(row.currency)).copied().unwrap_or(u16::MAX);
            row.email = emails.of(half, row.email);
            row.last4 = match row.last4.checked_sub(CARDS) {
                None => cards + row.last4,
                Some(place) => last4s.of(half, place),
            };
            row.name = names.of(half, row.name);
            row.memo = memos.of(half, row.memo);
            row.order = orders.of(half, row.order);
        }
    }
    let given = [first.given, second.given].into_iter().enumerate();
    let given = given.flat_map(|(half, places)| places.into_iter().map(move |place| (half, place)));
    let of_orders = given.map(|(half, place)| orders.of(half, place)).collect();
    Numbered { currencies, people, orders: of_orders, order_count }
}

/// Numbers of the texts of both halves.
struct Column {
    first: u32,
    of: [Vec<u32>; 2],
}

impl Column {
    /// From `next` on.
    fn number(lists: [TextList<'_>; 2], next: &mut u32) -> Self {
        let first = *next;
        let (of, count) = TextList::number(lists);
        *next += count;
        Self { first, of }
    }

    fn of(&self, half: usize, place: u32) -> u32 {
        // `NONE` has no place.
        self.of[half].get(place as usize).map_or(NONE, |number| self.first + number)
    }
}

pub(super) const EMPTY: Row = Row {
    amount: 0,
    at: 0,
    settled_at: 0,
    currency: 0,
    class: Class::Nothing,
    kind: Kind::Change,
    excluded: None,
    target: false,
    in_window: false,
    evidence: false,
    pending: false,
    whole_day: false,
    disputed: false,
    two_moneys: false,
    email: NONE,
    last4: NONE,
    name: NONE,
    memo: NONE,
    order: NONE,
    parent: NONE,
    bucket: NONE,
};

fn currency_id(currencies: &mut Vec<Currency>, currency: Currency) -> u16 {
    let found = currencies.iter().position(|known| *known == currency).unwrap_or_else(|| {
        currencies.push(currency);
        currencies.len() - 1
    });
    u16::try_from(found).unwrap_or(u16::MAX)
}

/// The currencies of both halves by code, as numbers must not tell which record came first, and what the halves' numbers
/// became.
fn common_currencies(halves: [Vec<Currency>; 2]) -> (Vec<Currency>, [Vec<u16>; 2]) {
    let mut all: Vec<Currency> = halves.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    let number = |currency| all.binary_search(&currency).ok().and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX);
    let numbers = halves.map(|own| own.into_iter().map(number).collect());
    (all, numbers)
}

fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::Sale | Kind::Capture | Kind::Charge => Class::Payment,
        Kind::Refund => Class::Refund,
        Kind::Authorization | Kind::Void | Kind::Change => Class::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        Money, Timestamp,
        record::{Counterparty, OrderRef, Record},
        records::Records,
    };
    use std::collections::BTreeSet;

    fn record(email: &str, last4: &str, name: &str, memo: &str, order: &str) -> Record {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let money = Money { amount_minor: 1, currency: Currency::parse("EUR").unwrap() };
        let order = some(order).map(|id| OrderRef { id, name: String::new() });
        let counterparty = Counterparty { email_hash: some(email), last4: some(last4), name: some(name) };
        let plain = Record::plain(Side::Source, Kind::Sale, "id".to_owned(), money, Timestamp::from_millis(0));
        Record { counterparty, memo: some(memo), order, ..plain }
    }

    fn numbered(halves: [&[Record]; 2]) -> (Vec<Row>, Numbered) {
        let window = Window { from: Timestamp::from_millis(0), to: Timestamp::from_millis(1) };
        let records = halves.map(|half| half.iter().collect::<Records>());
        let [(first, mut rows), (second, mut later)] = [0, 1].map(|half| {
            let mut words = Words::with_capacity(0);
            let rows: Vec<Row> = records[half]
                .iter()
                .map(|record| words.read(false, record, &record.texts(), None, None, window))
                .collect();
            (words, rows)
        });
        let numbered = number_words([first, second], [[&mut rows, &mut []], [&mut later, &mut []]]);
        rows.extend(later);
        (rows, numbered)
    }

    #[test]
    fn four_digits_are_a_number_and_everything_else_is_a_text() {
        assert_eq!(["0042", " 4242 ", "9999"].map(card), [Some(42), Some(4_242), Some(9_999)]);
        assert_eq!(["42", "04242", "42x2", "٤٢٤٢", ""].map(card), [None; 5]);
    }

    #[test]
    fn equal_values_of_one_field_have_one_number_and_no_other_field_has_it() {
        let first = [record("a@b", "4242", "Al", "4242", "o1"), record("A@B", " 4242", "4242", "", "O1")];
        let second = [record("x@y", "12345", "AL", "12345", "o1"), record("", "12345", "a@b", "", "")];
        let (rows, numbered) = numbered([&first, &second]);
        let [a, b, c, d] = rows.as_slice() else { panic!("four rows") };
        assert_eq!((a.email, a.last4), (b.email, b.last4));
        assert_eq!((a.name, c.last4), (c.name, d.last4));
        assert_eq!((d.email, d.memo, d.order), (NONE, NONE, NONE));
        // Ids of orders are what they are.
        assert_eq!(a.order, c.order);
        assert_ne!(a.order, b.order);
        assert_eq!(numbered.order_count, 2);
        let different: BTreeSet<u32> =
            [a.email, c.email, a.last4, c.last4, a.name, b.name, d.name, a.memo, c.memo].into();
        assert_eq!(different.len(), 9);
        assert!(different.iter().all(|value| *value < numbered.people));
    }
}
