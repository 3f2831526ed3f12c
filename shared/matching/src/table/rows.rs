//! A record as integers.

use super::{Ix, NONE, normalised, numbers::number};
use domain::{
    Currency,
    record::{Kind, Order, Precision, Record, Status},
    time::Window,
};
use std::borrow::Cow;

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

/// Rows by position, with what their numbers stand for.
#[derive(Debug)]
pub(super) struct Rows {
    pub rows: Vec<Row>,
    pub currencies: Vec<Currency>,
    /// How many different values of people there are.
    pub people: u32,
    /// Numbers of the input's orders, in the order in which they were given; movements of one have its number.
    pub orders: Vec<u32>,
    /// How many different orders there are.
    pub order_count: u32,
}

/// Rows that wait for their numbers, which are given to all at once.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    rows: Vec<Row>,
    currencies: Vec<Currency>,
    emails: Column<Cow<'a, str>>,
    last4s: Column<Cow<'a, str>>,
    names: Column<Cow<'a, str>>,
    memos: Column<Cow<'a, str>>,
    orders: Column<&'a str>,
}

impl<'a> Reading<'a> {
    /// What is reserved here and never used takes no memory.
    pub fn with_capacity(records: usize) -> Self {
        Self {
            rows: vec![EMPTY; records],
            currencies: Vec::new(),
            emails: Column::with_capacity(records),
            last4s: Column::with_capacity(records),
            names: Column::with_capacity(records),
            memos: Column::with_capacity(records),
            orders: Column::with_capacity(records),
        }
    }

    /// Reads a record into its row; a parent is looked up by the caller.
    pub fn read(&mut self, at: Ix, target: bool, record: &'a Record, parent: Option<Ix>, window: Window) {
        self.rows[at as usize] = Row {
            amount: record.amount_minor,
            at: record.occurred_at.millis(),
            settled_at: record.settled_at.unwrap_or(record.occurred_at).millis(),
            currency: currency_id(&mut self.currencies, record.currency),
            class: class_of(record.kind),
            kind: record.kind,
            target,
            in_window: !record.evidence_only && window.contains(record.occurred_at),
            evidence: record.evidence_only,
            pending: record.status == Status::Pending,
            whole_day: record.precision == Precision::Day,
            disputed: record.disputed,
            two_moneys: record.shop_money.is_some_and(|shop| shop.currency != record.currency),
            parent: parent.unwrap_or(NONE),
            ..EMPTY
        };
        let buyer = &record.counterparty;
        self.emails.push_text(at, buyer.email_hash.as_deref());
        self.last4s.push_text(at, buyer.last4.as_deref());
        self.names.push_text(at, buyer.name.as_deref());
        self.memos.push_text(at, record.memo.as_deref());
        if let Some(order) = &record.order {
            self.orders.push(at, &order.id);
        }
    }

    /// Numbers what was read, and the orders of the input beside those that movements belong to.
    pub fn number(self, orders: &'a [Order]) -> Rows {
        let Self { mut rows, mut currencies, .. } = self;
        sort(&mut currencies, &mut rows);
        // Equal texts of two fields are two values.
        let mut people = 0;
        self.emails.number(&mut rows, &mut people, |row| &mut row.email);
        self.last4s.number(&mut rows, &mut people, |row| &mut row.last4);
        self.names.number(&mut rows, &mut people, |row| &mut row.name);
        self.memos.number(&mut rows, &mut people, |row| &mut row.memo);
        let Column { at: with_order, values: mut ids } = self.orders;
        ids.extend(orders.iter().map(|order| order.id.as_str()));
        let mut orders = number(&ids);
        for (at, order) in with_order.iter().zip(&orders.of) {
            rows[*at as usize].order = *order;
        }
        orders.of.drain(..with_order.len());
        Rows { rows, currencies, people, orders: orders.of, order_count: orders.count }
    }
}

/// One value per record that has one.
#[derive(Debug)]
struct Column<T> {
    at: Vec<Ix>,
    values: Vec<T>,
}

impl<T> Column<T> {
    fn with_capacity(capacity: usize) -> Self {
        Self { at: Vec::with_capacity(capacity), values: Vec::with_capacity(capacity) }
    }

    fn push(&mut self, at: Ix, value: T) {
        self.at.push(at);
        self.values.push(value);
    }
}

impl<'a> Column<Cow<'a, str>> {
    fn push_text(&mut self, at: Ix, text: Option<&'a str>) {
        if let Some(text) = text.map(normalised).filter(|text| !text.is_empty()) {
            self.push(at, text);
        }
    }

    /// Gives numbers from `next` on.
    fn number(self, rows: &mut [Row], next: &mut u32, field: impl Fn(&mut Row) -> &mut u32) {
        let numbers = number(&self.values);
        for (at, number) in self.at.into_iter().zip(numbers.of) {
            *field(&mut rows[at as usize]) = *next + number;
        }
        *next += numbers.count;
    }
}

const EMPTY: Row = Row {
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

/// Currencies by code: numbers must not tell which record came first.
fn sort(currencies: &mut [Currency], rows: &mut [Row]) {
    let given = currencies.to_vec();
    currencies.sort_unstable();
    let place = |currency: &Currency| currencies.iter().position(|known| known == currency);
    let numbers: Vec<u16> = given
        .iter()
        .map(|currency| place(currency).and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX))
        .collect();
    for row in rows {
        row.currency = numbers.get(usize::from(row.currency)).copied().unwrap_or(u16::MAX);
    }
}

fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::Sale | Kind::Capture | Kind::Charge => Class::Payment,
        Kind::Refund => Class::Refund,
        Kind::Authorization | Kind::Void | Kind::Change => Class::Nothing,
    }
}
