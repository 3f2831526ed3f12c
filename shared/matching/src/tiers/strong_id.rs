//! Tier 1: the same strong id on both sides. Whole id groups only: a pair, or one against many with equal sums, or a
//! group that falls into exact pairs without a rest. A reused or wrong id leaves a rest, and the rest goes on to tier 4.

use super::components::{Component, by_strong_value, edges, exact_pairs, is_all_pairs, is_equal_group};
use crate::{
    board::{Accepted, Board, field},
    evidence::{Verdict, agreement, certify, other_order, parents_differ},
    reason::Reason,
    rule::Rule,
    table::Ix,
};
use domain::matches::MatchKind;

pub(crate) fn apply(board: &mut Board<'_>) {
    for component in by_strong_value(board).iter() {
        let pairs = exact_pairs(board, &component);
        if is_all_pairs(&component, &pairs) {
            for (source, target) in pairs {
                accept_pair(board, source, target, Rule::StrongId);
            }
        } else if is_equal_group(board, &component) {
            accept_group(board, component, Rule::StrongIdGroup, field::STRONG_ID);
        }
    }
}

/// Takes an exact pair that an id joins, unless something better speaks against it.
pub(super) fn accept_pair(board: &mut Board<'_>, source: Ix, target: Ix, rule: Rule) {
    let agreement = agreement(board.table, source, target);
    let fields = agreement.fields | field::AMOUNT;
    match certify(board, source, target, agreement) {
        Verdict::Certain => {
            board.accept(Accepted::pair(source, target, rule, fields));
        }
        Verdict::Contested => {
            board.accept(Accepted::pair(source, target, Rule::StrongIdContested, fields));
        }
        Verdict::Refused => {
            board.hint(source, Reason::ReferenceConflict, target, 1);
            board.hint(target, Reason::ReferenceConflict, source, 1);
        }
    }
}

/// Takes one against many, unless any two of them disagree about the buyer or the order.
pub(super) fn accept_group(board: &mut Board<'_>, component: Component, rule: Rule, key: u16) -> bool {
    let table = board.table;
    let opposed = edges(&component).any(|(source, target)| {
        agreement(table, source, target).against > 0
            || other_order(board, source, target)
            || parents_differ(board, source, target)
    });
    if opposed {
        return false;
    }
    let Component { sources, targets } = component;
    board.accept(Accepted::many(MatchKind::Group, sources, targets, rule, field::AMOUNT | key))
}
