//! A record as integers.

use super::{Ix, NONE, TextList, numbers::number};
use domain::{
    Currency,
    record::{Kind, Order, Precision, Status},
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
}

/// What the texts of both sides' rows became.
#[derive(Debug)]
pub(super) struct Numbered {
    pub currencies: Vec<Currency>,
    /// How many different values of people there are.
    pub people: u32,
    /// Numbers of the input's orders, in the order in which they were given; movements of one have its number.
    pub orders: Vec<u32>,
    /// How many different orders there are.
    pub order_count: u32,
}

/// What the rows of one side say in words, until all is numbered at once.
#[derive(Debug)]
pub(super) struct Words<'a> {
    currencies: Vec<Currency>,
    emails: Column<'a>,
    last4s: Column<'a>,
    names: Column<'a>,
    memos: Column<'a>,
    /// Positions and ids of orders.
    orders: (Vec<Ix>, Vec<&'a str>),
}

impl<'a> Words<'a> {
    /// What is reserved here and never used takes no memory.
    pub fn with_capacity(records: usize) -> Self {
        Self {
            currencies: Vec::new(),
            emails: Column::with_capacity(records),
            last4s: Column::with_capacity(records),
            names: Column::with_capacity(records),
            memos: Column::with_capacity(records),
            orders: (Vec::with_capacity(records), Vec::with_capacity(records)),
        }
    }

    /// The row of a record that stands at `at`, without what is numbered.
    pub fn read(
        &mut self,
        at: Ix,
        target: bool,
        record: RecordRef<'a>,
        texts: &records::Texts<'a>,
        parent: Option<Ix>,
        window: Window,
    ) -> Row {
        self.emails.push(at, texts.email_hash);
        self.last4s.push(at, texts.last4);
        self.names.push(at, texts.name);
        self.memos.push(at, texts.memo);
        if let Some(order) = texts.order {
            self.orders.0.push(at);
            self.orders.1.push(order.id);
        }
        Row {
            amount: record.amount_minor(),
            at: record.occurred_at().millis(),
            settled_at: record.settled_at().unwrap_or(record.occurred_at()).millis(),
            currency: currency_id(&mut self.currencies, record.currency()),
            class: class_of(record.kind()),
            kind: record.kind(),
            target,
            in_window: !record.evidence_only() && window.contains(record.occurred_at()),
            evidence: record.evidence_only(),
            pending: record.status() == Status::Pending,
            whole_day: record.precision() == Precision::Day,
            disputed: record.disputed(),
            two_moneys: record.shop_money().is_some_and(|shop| shop.currency != record.currency()),
            parent: parent.unwrap_or(NONE),
            ..EMPTY
        }
    }
}

/// Numbers the words of both sides, and the orders of the input beside those that movements belong to.
pub(super) fn number_words<'a>(
    [source, target]: [Words<'a>; 2],
    rows: &mut [Row],
    sources: Ix,
    orders: &'a [Order],
) -> Numbered {
    let (of_sources, of_targets) = rows.split_at_mut(sources as usize);
    let currencies = common_currencies([(&source.currencies, of_sources), (&target.currencies, of_targets)]);
    // Equal texts of two fields are two values.
    let mut people = 0;
    number_column([source.emails, target.emails], rows, &mut people, |row| &mut row.email);
    number_column([source.last4s, target.last4s], rows, &mut people, |row| &mut row.last4);
    number_column([source.names, target.names], rows, &mut people, |row| &mut row.name);
    number_column([source.memos, target.memos], rows, &mut people, |row| &mut row.memo);
    let (mut with_order, mut ids) = source.orders;
    with_order.extend(target.orders.0);
    ids.extend(target.orders.1);
    let known: Vec<&str> = orders.iter().map(|order| order.id.as_str()).collect();
    let mut numbers = number([&ids, &known]);
    for (at, order) in with_order.iter().zip(&numbers.of) {
        rows[*at as usize].order = *order;
    }
    numbers.of.drain(..with_order.len());
    Numbered { currencies, people, orders: numbers.of, order_count: numbers.count }
}

/// Gives the values of a column of both sides their numbers, from `next` on.
fn number_column(
    [source, target]: [Column<'_>; 2],
    rows: &mut [Row],
    next: &mut u32,
    field: impl Fn(&mut Row) -> &mut u32,
) {
    let numbers = TextList::number([source.texts, target.texts]);
    for (at, number) in source.at.iter().chain(&target.at).zip(numbers.of) {
        *field(&mut rows[*at as usize]) = *next + number;
    }
    *next += numbers.count;
}

/// One value per record that has one.
#[derive(Debug)]
struct Column<'a> {
    at: Vec<Ix>,
    texts: TextList<'a>,
}

impl<'a> Column<'a> {
    fn with_capacity(capacity: usize) -> Self {
        Self { at: Vec::with_capacity(capacity), texts: TextList::with_capacity(capacity) }
    }

    fn push(&mut self, at: Ix, text: Option<&'a str>) {
        if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
            self.at.push(at);
            self.texts.push(text);
        }
    }
}

pub(super) const EMPTY: Row = Row {
    amount: 0,
    at: 0,
    settled_at: 0,
    currency: 0,
    class: Class::Nothing,
    kind: Kind::Change,
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

/// The currencies of both sides by code: numbers must not tell which record came first.
fn common_currencies(sides: [(&Vec<Currency>, &mut [Row]); 2]) -> Vec<Currency> {
    let mut all: Vec<Currency> = sides.iter().flat_map(|(own, _)| own.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    for (own, rows) in sides {
        let number = |currency| all.binary_search(currency).ok().and_then(|at| u16::try_from(at).ok());
        let numbers: Vec<u16> = own.iter().map(|currency| number(currency).unwrap_or(u16::MAX)).collect();
        for row in rows {
            row.currency = numbers.get(usize::from(row.currency)).copied().unwrap_or(u16::MAX);
        }
    }
    all
}

fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::Sale | Kind::Capture | Kind::Charge => Class::Payment,
        Kind::Refund => Class::Refund,
        Kind::Authorization | Kind::Void | Kind::Change => Class::Nothing,
    }
}
