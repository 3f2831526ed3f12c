//! Tier 3: movements whose parents are matched with each other. The refund of a sale is the refund of its charge.
//! Parents from before the window count as evidence like any other.

use crate::{
    board::{Accepted, Board, field},
    evidence::{Conflict, agreement, conflict},
    rule::Rule,
    table::{DAY_MS, Ix, NONE},
    tiers::same_key_group,
};

pub(crate) fn apply(board: &mut Board<'_>) {
    let table = board.table;
    let mut children: Vec<(u32, i64, u16, bool, Ix)> = board
        .open()
        .filter_map(|at| {
            let parent = table.signs.parent(at);
            let number = if parent == NONE { NONE } else { board.match_number(parent) };
            let row = table.row(at);
            (number != NONE).then_some((number, row.amount, row.currency, row.target, at))
        })
        .collect();
    children.sort_unstable();
    for equal in children.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
        let (targets, sources): (Vec<Ix>, Vec<Ix>) =
            equal.iter().map(|child| child.4).partition(|at| table.row(*at).target);
        match (sources.as_slice(), targets.as_slice()) {
            ([source], [target]) => take(board, *source, *target),
            ([], _) | (_, []) => {}
            _ => several(board, &sources, &targets),
        }
    }
}

/// Several equal refunds of one payment: each with the only one in its time, else as a set.
fn several(board: &mut Board<'_>, sources: &[Ix], targets: &[Ix]) {
    let reach = i64::from(board.rules.amount_days) * DAY_MS;
    let table = board.table;
    let near = |a: Ix, b: Ix| table.is_within(a, b, reach);
    let only = |at: Ix, others: &[Ix]| {
        let mut fitting = others.iter().copied().filter(|other| near(at, *other));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    let pairs: Vec<(Ix, Ix)> = sources
        .iter()
        .filter_map(|source| only(*source, targets).map(|target| (*source, target)))
        .filter(|(source, target)| only(*target, sources) == Some(*source))
        .collect();
    for (source, target) in pairs {
        take(board, source, target);
    }
    let (sources, targets) = (board.open_among(sources), board.open_among(targets));
    if !sources.is_empty() && !targets.is_empty() {
        same_key_group::identical(board, &sources, &targets, field::PARENT);
    }
}

fn take(board: &mut Board<'_>, source: Ix, target: Ix) {
    if conflict(board, source, target) == Conflict::Real {
        return;
    }
    let fields = agreement(board.table, source, target).fields | field::AMOUNT | field::PARENT;
    board.accept(Accepted::pair(source, target, Rule::MatchedParent, fields));
}
