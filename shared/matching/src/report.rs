//! The open questions of a run's own window, as people read them.

use crate::{
    board::{Accepted, Board},
    reason::Reason,
    table::{Ix, NONE, Table},
    tiers::classify::{self, Open},
};
use domain::{
    matches::{Exception, ExceptionClass, Exclusion},
    records::RecordRef,
};

/// What is left and what differs, in order of position.
pub(crate) fn exceptions(board: &Board<'_>, open: Vec<Open>) -> Vec<(Ix, Exception)> {
    let table = board.table;
    let mut exceptions: Vec<(Ix, Exception)> = open.into_iter().map(|open| (open.at, left(table, open))).collect();
    exceptions.extend(board.matched.all.iter().filter_map(|accepted| discrepancy(board, accepted)));
    exceptions.sort_by_key(|(at, _)| *at);
    exceptions
}

/// Numbers of the matches or suggestions of this run, and not of its neighbour's alone, in order of position.
pub(crate) fn in_order(table: &Table<'_>, accepted: &[Accepted]) -> Vec<u32> {
    let of_this_run = |accepted: &Accepted| accepted.members().any(|at| table.row(at).in_window());
    // No record is in two of them, so the first member tells each apart; those without a source come first.
    let mut by_first = vec![NONE; table.rows.len()];
    for (number, accepted) in (0..).zip(accepted).filter(|(_, accepted)| of_this_run(accepted)) {
        if let Some(first) = accepted.members().next() {
            by_first[first as usize] = number;
        }
    }
    let (sources, targets) = by_first.split_at(table.sources as usize);
    let mut numbers = Vec::with_capacity(accepted.len());
    numbers.extend(targets.iter().chain(sources).copied().filter(|number| *number != NONE));
    numbers
}

fn order_name(record: RecordRef<'_>) -> Option<String> {
    record.order().map(|order| order.name.to_owned())
}

fn left(table: &Table<'_>, open: Open) -> Exception {
    let record = table.record(open.at);
    Exception {
        record_id: record.id().to_owned(),
        side: table.row(open.at).side(),
        class: ExceptionClass::Missing,
        order_name: order_name(record),
        amount_minor: table.row(open.at).amount,
        currency: table.currency(open.at),
        occurred_at: record.occurred_at(),
        reason: open.reason.code().to_owned(),
        explanation: open.explanation,
        candidates: open.candidates,
        review: None,
    }
}

/// Listed once, under the source where that lies in the window.
fn discrepancy(board: &Board<'_>, accepted: &Accepted) -> Option<(Ix, Exception)> {
    let table = board.table;
    let reason = accepted.details().discrepancy?;
    let at = accepted.members().find(|at| table.row(*at).in_window())?;
    let others = if table.row(at).target { accepted.sources() } else { accepted.targets() };
    let facts = classify::facts(board, others.first().copied()?, 1);
    let record = table.record(at);
    let exception = Exception {
        record_id: record.id().to_owned(),
        side: table.row(at).side(),
        class: ExceptionClass::Discrepancy,
        order_name: order_name(record),
        amount_minor: table.row(at).amount,
        currency: table.currency(at),
        occurred_at: record.occurred_at(),
        reason: reason.code().to_owned(),
        explanation: reason.sentence(record, &facts),
        candidates: Vec::new(),
        review: None,
    };
    Some((at, exception))
}

/// By side, time and id.
pub(crate) fn exclusions(table: &Table<'_>) -> Vec<Exclusion> {
    let exclusion = |record: RecordRef<'_>, reason: Reason| Exclusion {
        record_id: record.id().to_owned(),
        side: record.side(),
        order_name: order_name(record),
        amount_minor: record.amount_minor(),
        currency: record.currency(),
        occurred_at: record.occurred_at(),
        reason: reason.code().to_owned(),
    };
    let inside = table.positions().filter(|at| table.row(*at).in_window());
    let screened = inside.filter_map(|at| table.row(at).excluded.map(|reason| exclusion(table.record(at), reason)));
    let mut all: Vec<Exclusion> = screened.collect();
    all.sort_by(|a, b| {
        (a.side, a.occurred_at, &a.record_id, &a.reason).cmp(&(b.side, b.occurred_at, &b.record_id, &b.reason))
    });
    all
}
