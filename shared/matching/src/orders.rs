//! Movements rolled up to the orders they belong to: what was sold, received, refunded, and found on the payment side.

use crate::{
    board::{Accepted, Matched},
    digest::json,
    hashed::Hashing,
    reason::Reason,
    table::{Class, Ix, Table, counting::Groups, ix},
};
use domain::{
    Currency, Timestamp,
    matches::{MatchKind, OrderResult, OrderState},
    record::{Order, Status},
    records::Orders,
    time::Window,
};
use std::collections::HashMap;

/// Where they stand among the given, by time and id; of equal time and id, which nearly never happens, by content.
pub(crate) fn in_order(orders: &Orders) -> impl Iterator<Item = u32> {
    let count = ix(orders.len());
    let order = |at: u32| orders.at(at as usize);
    let (time, id) = (|at: u32| orders.occurred_at(at as usize), |at: u32| orders.id(at as usize));
    let by_time_and_id = |a: u32, b: u32| time(a).cmp(&time(b)).then_with(|| id(a).cmp(id(b)));
    // Where they are in order already, which they mostly are, no list of them is made.
    let sorted = (0..count).is_sorted_by(|a, b| by_time_and_id(*a, *b).is_lt());
    let (as_given, rest) = if sorted { (0..count, 0..0) } else { (0..0, 0..count) };
    // What is compared nearly always stands in what is sorted.
    let mut rest: Vec<(Timestamp, u32)> = rest.map(|at| (time(at), at)).collect();
    rest.sort_unstable_by(|(at, a), (other_at, b)| {
        at.cmp(other_at).then_with(|| id(*a).cmp(id(*b))).then_with(|| json(&order(*a)).cmp(&json(&order(*b))))
    });
    as_given.chain(rest.into_iter().map(|(_, at)| at))
}

/// Orders by id, with a number each.
struct Numbers<'a>(HashMap<&'a str, u32, Hashing>);

impl<'a> Numbers<'a> {
    fn of(&mut self, id: &'a str) -> u32 {
        let next = ix(self.0.len());
        *self.0.entry(id).or_insert(next)
    }
}

#[derive(Debug, Default)]
struct Tally {
    received: i64,
    refunded: i64,
    matched: i64,
    /// Succeeded through a gateway that the job does not cover; nobody looks for it on the payment side.
    elsewhere: i64,
    in_scope: u32,
    excluded: u32,
    disputed: bool,
}

/// Orders of the window, and orders seen only through movements of the window, by time of the order and id.
pub(crate) fn roll_up(table: &Table<'_>, orders: &Orders, matched: &Matched, window: Window) -> Vec<OrderResult> {
    let mut numbers = Numbers(HashMap::with_capacity_and_hasher(orders.len(), Hashing::default()));
    let with_order = (0..table.sources).filter_map(|at| table.record(at).order().map(|order| (order.id, at)));
    let movements: Vec<(u32, Ix)> = with_order.map(|(id, at)| (numbers.of(id), at)).collect();
    let order = |at: u32| orders.at(at as usize);
    let given: Vec<(u32, u32)> = in_order(orders).map(|at| (numbers.of(order(at).id), at)).collect();
    let members = Groups::of(numbers.0.len(), || movements.iter().copied());
    let mut known: Vec<Option<u32>> = vec![None; numbers.0.len()];
    for (number, at) in given {
        // Of two deliveries the last one is kept, so that the order of input does not matter.
        known[number as usize] = Some(at);
    }
    // Small things are sorted, and each result is made once, in its place.
    let mut shown: Vec<(Timestamp, &str, u32)> = Vec::with_capacity(known.len());
    for (number, at) in (0..).zip(&known) {
        let here = first_inside(table, members.group(number));
        match (at.map(order), here) {
            (Some(order), _) if here.is_some() || window.contains(order.occurred_at) => {
                shown.push((order.occurred_at, order.id, number));
            }
            (None, Some(first)) => {
                let record = table.record(first);
                shown.push((record.occurred_at(), record.order().map_or("", |order| order.id), number));
            }
            _ => {}
        }
    }
    shown.sort_unstable();
    let result = |(_, id, number): (Timestamp, &str, u32)| {
        let movements = members.group(number);
        match known[number as usize] {
            Some(at) => delivered(table, matched, movements, &order(at)),
            None => seen(table, matched, movements, id),
        }
    };
    shown.into_iter().map(result).collect()
}

fn first_inside(table: &Table<'_>, movements: &[Ix]) -> Option<Ix> {
    movements.iter().copied().find(|at| table.row(*at).in_window())
}

fn delivered(table: &Table<'_>, matched: &Matched, movements: &[Ix], order: &Order<&str>) -> OrderResult {
    let Order { id, name, total, test, .. } = order;
    let tally = tally(table, matched, movements, total.currency);
    let state = state(&tally, total.amount_minor, *test);
    result(id, name, total.currency, total.amount_minor, &tally, state)
}

/// An order that is known by its movements only.
fn seen(table: &Table<'_>, matched: &Matched, movements: &[Ix], id: &str) -> OrderResult {
    let first = first_inside(table, movements).unwrap_or(0);
    let currency = table.currency(first);
    let tally = tally(table, matched, movements, currency);
    let name = table.record(first).order().map_or("", |order| order.name);
    let total = tally.received + tally.elsewhere;
    let state = state(&tally, total, false);
    result(id, name, currency, total, &tally, state)
}

fn result(id: &str, name: &str, currency: Currency, total: i64, tally: &Tally, state: OrderState) -> OrderResult {
    OrderResult {
        order_id: id.to_owned(),
        order_name: name.to_owned(),
        currency,
        total_minor: total,
        received_minor: tally.received,
        refunded_minor: tally.refunded,
        matched_minor: tally.matched,
        state,
    }
}

fn tally(table: &Table<'_>, matched: &Matched, movements: &[Ix], currency: Currency) -> Tally {
    let mut tally = Tally::default();
    for at in movements.iter().copied() {
        let row = table.row(at);
        let amount = in_currency(table, at, currency);
        if let Some(reason) = row.excluded {
            tally.excluded += 1;
            if reason == Reason::GatewayOutOfScope && table.record(at).status() == Status::Succeeded && amount > 0 {
                tally.elsewhere += amount;
            }
            continue;
        }
        tally.in_scope += 1;
        if row.pending() {
            continue;
        }
        match row.class {
            Class::Payment => {
                tally.received += amount;
                tally.matched += found(matched, at, amount);
            }
            Class::Refund => tally.refunded += -amount,
            Class::Nothing => {}
        }
        let partners = matched.of(at).map_or(&[][..], Accepted::targets);
        tally.disputed |= [at].iter().chain(partners).any(|at| table.row(*at).disputed());
    }
    tally
}

/// A movement's amount in the order's currency, where it is known in it.
fn in_currency(table: &Table<'_>, at: Ix, currency: Currency) -> i64 {
    if !table.row(at).two_moneys() {
        return if table.currency(at) == currency { table.row(at).amount } else { 0 };
    }
    let record = table.record(at);
    match record.shop_money() {
        _ if record.currency() == currency => record.amount_minor(),
        Some(shop) if shop.currency == currency => shop.amount_minor,
        _ => 0,
    }
}

/// What the payment side shows for a payment: its own amount, or the partner's where a pair differs.
fn found(matched: &Matched, at: Ix, amount: i64) -> i64 {
    match matched.of(at) {
        None => 0,
        Some(accepted) if accepted.kind() == MatchKind::Pair => amount + accepted.details().difference.sum(),
        Some(_) => amount,
    }
}

fn state(tally: &Tally, total: i64, test: bool) -> OrderState {
    if test || (tally.in_scope == 0 && tally.excluded > 0) {
        return OrderState::OutOfScope;
    }
    if tally.disputed {
        return OrderState::Disputed;
    }
    if tally.refunded > 0 && tally.refunded >= tally.received {
        return OrderState::Refunded;
    }
    let due = total - tally.elsewhere;
    match tally.matched {
        matched if matched >= due && (matched > 0 || tally.in_scope > 0) => OrderState::Paid,
        matched if matched > 0 => OrderState::PartlyPaid,
        _ => OrderState::Unpaid,
    }
}
