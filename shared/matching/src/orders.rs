//! Movements rolled up to the orders they belong to: what was sold, received, refunded, and found on the payment side.

use crate::{
    RunInput,
    board::Board,
    hashed::{self, Map},
    reason::Reason,
    table::{Class, Ix, NONE, ix},
};
use domain::{
    Currency,
    matches::{MatchKind, OrderResult, OrderState},
    record::{Order, Status},
};

/// The source's movements by their order.
#[derive(Debug)]
struct Movements<'t> {
    /// Of an order's id.
    numbers: Map<&'t str, u32>,
    sorted: Vec<Ix>,
    starts: Vec<u32>,
}

impl<'t> Movements<'t> {
    fn of(board: &Board<'t>) -> Self {
        let table = board.table;
        let mut sorted: Vec<Ix> = (0..table.sources).filter(|at| table.row(*at).order != NONE).collect();
        sorted.sort_unstable_by_key(|at| (table.row(*at).order, *at));
        let mut numbers = hashed::with_capacity(sorted.len());
        let (mut starts, mut last) = (vec![0], NONE);
        for (position, at) in sorted.iter().enumerate() {
            let order = table.row(*at).order;
            if order != last {
                if last != NONE {
                    starts.push(ix(position));
                }
                if let Some(named) = &table.record(*at).order {
                    numbers.insert(named.id.as_str(), ix(starts.len() - 1));
                }
                last = order;
            }
        }
        starts.push(ix(sorted.len()));
        Self { numbers, sorted, starts }
    }

    fn of_order(&self, number: u32) -> &[Ix] {
        let bound = |place: u32| self.starts.get(place as usize).copied().unwrap_or(0) as usize;
        self.sorted.get(bound(number)..bound(number + 1)).unwrap_or(&[])
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
pub(crate) fn roll_up(board: &Board<'_>, input: &RunInput) -> Vec<OrderResult> {
    let table = board.table;
    let members = Movements::of(board);
    let mut known: Map<&str, &Order> = hashed::with_capacity(input.orders.len());
    for order in &input.orders {
        // Of two deliveries the larger in content order is kept, so that the order of input does not matter.
        let text = |order: &Order| serde_json::to_string(order).unwrap_or_default();
        let place = known.entry(order.id.as_str()).or_insert(order);
        if *place != order && text(place) < text(order) {
            *place = order;
        }
    }
    let mut results = Vec::new();
    let mut seen = vec![false; members.starts.len()];
    for (id, order) in &known {
        let movements = match members.numbers.get(id) {
            None => &[][..],
            Some(number) => {
                seen[*number as usize] = true;
                members.of_order(*number)
            }
        };
        let moved_here = movements.iter().any(|at| table.row(*at).in_window);
        if input.window.contains(order.occurred_at) || moved_here {
            let tally = tally(board, movements, order.total.currency);
            let state = state(&tally, order.total.amount_minor, order.test);
            results.push((
                order.occurred_at,
                result(id, &order.name, order.total.currency, order.total.amount_minor, &tally, state),
            ));
        }
    }
    for (id, number) in members.numbers.iter().filter(|(_, number)| !seen[**number as usize]) {
        let movements = members.of_order(*number);
        let Some(first) = movements.iter().copied().find(|at| table.row(*at).in_window) else { continue };
        let currency = table.currency(first);
        let tally = tally(board, movements, currency);
        let name = table.record(first).order.as_ref().map_or("", |order| order.name.as_str());
        let total = tally.received + tally.elsewhere;
        let state = state(&tally, total, false);
        results.push((table.record(first).occurred_at, result(id, name, currency, total, &tally, state)));
    }
    results.sort_by(|a, b| (a.0, &a.1.order_id).cmp(&(b.0, &b.1.order_id)));
    results.into_iter().map(|(_, result)| result).collect()
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

fn tally(board: &Board<'_>, movements: &[Ix], currency: Currency) -> Tally {
    let table = board.table;
    let mut tally = Tally::default();
    for at in movements.iter().copied() {
        let (row, record) = (table.row(at), table.record(at));
        let amount = in_currency(board, at, currency);
        if let Some(reason) = table.excluded.get(at as usize).copied().flatten() {
            tally.excluded += 1;
            if reason == Reason::GatewayOutOfScope && record.status == Status::Succeeded && amount > 0 {
                tally.elsewhere += amount;
            }
            continue;
        }
        tally.in_scope += 1;
        if row.pending {
            continue;
        }
        match row.class {
            Class::Payment => {
                tally.received += amount;
                tally.matched += found(board, at, amount);
            }
            Class::Refund => tally.refunded += -amount,
            Class::Nothing => {}
        }
        let partners = board.match_of(at).map_or(&[][..], |accepted| accepted.targets.as_slice());
        tally.disputed |= record.disputed || partners.iter().any(|target| table.record(*target).disputed);
    }
    tally
}

/// A movement's amount in the order's currency, where it is known in it.
fn in_currency(board: &Board<'_>, at: Ix, currency: Currency) -> i64 {
    let record = board.table.record(at);
    match record.shop_money {
        _ if record.currency == currency => record.amount_minor,
        Some(shop) if shop.currency == currency => shop.amount_minor,
        _ => 0,
    }
}

/// What the payment side shows for a payment: its own amount, or the partner's where a pair differs.
fn found(board: &Board<'_>, at: Ix, amount: i64) -> i64 {
    match board.match_of(at) {
        None => 0,
        Some(accepted) if accepted.kind == MatchKind::Pair => amount + accepted.difference.sum(),
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
