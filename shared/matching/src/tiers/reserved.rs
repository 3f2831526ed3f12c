//! What an earlier completed run matched across the edge of its window stays together; a partner that is not in this
//! run's data keeps the record from being given to somebody else.

use crate::{
    Reservation,
    board::{Accepted, Board, field},
    reason::Reason,
    rule::Rule,
    table::{ById, Ix, NONE},
    tiers::components::{Component, sum},
};
use domain::{matches::MatchKind, record::Side};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn apply(board: &mut Board<'_>, reserved: &[Reservation], by_id: &ById<'_>) {
    let table = board.table;
    let mut partners: BTreeMap<Ix, BTreeSet<Ix>> = BTreeMap::new();
    let mut promised: BTreeSet<Ix> = BTreeSet::new();
    for reservation in reserved {
        let target = reservation.side == Side::Target;
        let at = by_id.find(target, &reservation.record_id);
        for partner in &reservation.partner_ids {
            let other = by_id.find(!target, partner);
            promised.extend([at, other].into_iter().filter(|place| *place != NONE));
            if at != NONE && other != NONE {
                partners.entry(at).or_default().insert(other);
                partners.entry(other).or_default().insert(at);
            }
        }
    }
    let mut done: BTreeSet<Ix> = BTreeSet::new();
    for first in partners.keys().copied() {
        let mut members: BTreeSet<Ix> = BTreeSet::new();
        let mut todo = vec![first];
        while let Some(at) = todo.pop() {
            if done.insert(at) {
                members.insert(at);
                todo.extend(partners.get(&at).into_iter().flatten().copied());
            }
        }
        let (targets, sources) = members.into_iter().partition(|at| table.row(*at).target);
        reunite(board, Component { sources, targets });
    }
    for at in promised {
        if board.is_open(at) {
            board.block(at);
            board.hint(at, Reason::OutsideWindow, NONE, 1);
        }
    }
}

fn reunite(board: &mut Board<'_>, component: Component) {
    let Some(first) = component.sources.first() else { return };
    let row = board.table.row(*first);
    let alike = component.sources.iter().chain(&component.targets).all(|at| {
        let other = board.table.row(*at);
        (other.class, other.currency) == (row.class, row.currency)
    });
    if !alike || sum(board, &component.sources) != sum(board, &component.targets) {
        return;
    }
    let kind = match (component.sources.len(), component.targets.len()) {
        (1, 1) => MatchKind::Pair,
        (1, _) | (_, 1) => MatchKind::Group,
        _ => MatchKind::Set,
    };
    let Component { sources, targets } = component;
    board.accept(Accepted::many(kind, sources, targets, Rule::Reserved, field::AMOUNT | field::RESERVATION));
}
