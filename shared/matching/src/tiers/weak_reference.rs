//! Tier 2: an order id, an order name or a metadata value. Taken where value and amount are unique on both sides and
//! nothing that would fit is named by a stronger reference.

use super::components::{each_weak_value, exact_pairs};
use crate::{
    board::{Accepted, Board, field},
    evidence::{Conflict, agreement, conflict, parents_differ},
    hashed::Hashing,
    reason::Reason,
    rule::Rule,
    table::{DAY_MS, Ix},
};
use std::collections::HashMap;

pub(crate) fn apply(board: &mut Board<'_>) {
    let mut pairs: Vec<(Ix, Ix)> = Vec::new();
    each_weak_value(board, |component| pairs.extend(exact_pairs(board, &component)));
    pairs.sort_unstable();
    pairs.dedup();
    // Two values may name two partners for one record: then neither is unique.
    let targets_of = counts(pairs.iter().map(|(source, _)| *source));
    let sources_of = counts(pairs.iter().map(|(_, target)| *target));
    let mut waiting = Vec::new();
    for (source, target) in pairs {
        match (targets_of[&source], sources_of[&target]) {
            (1, 1) => waiting.push((source, target)),
            (targets, sources) => {
                board.hint(source, Reason::Ambiguous, target, targets);
                board.hint(target, Reason::Ambiguous, source, sources);
            }
        }
    }
    // What is matched explains references that seemed to lead elsewhere. In rounds, so that nothing depends on which
    // pair is looked at first.
    loop {
        let mut sure = Vec::new();
        waiting.retain(|(source, target)| match believed(board, *source, *target) {
            Ok(fields) => {
                sure.push((*source, *target, fields));
                false
            }
            Err(_) => true,
        });
        if sure.is_empty() {
            break;
        }
        for (source, target, fields) in sure {
            board.accept(Accepted::pair(source, target, Rule::WeakReference, fields | field::AMOUNT));
        }
    }
    for (source, target) in waiting {
        if let Err(reason) = believed(board, source, target) {
            board.hint(source, reason, target, 1);
            board.hint(target, reason, source, 1);
        }
    }
}

/// The fields in which two agree that a unique reference joins, or why it is not believed.
fn believed(board: &Board<'_>, source: Ix, target: Ix) -> Result<u16, Reason> {
    let agreement = agreement(board.table, source, target);
    let opposed = agreement.against > 0
        || conflict(board, source, target) == Conflict::Real
        || parents_differ(board, source, target);
    let reach = i64::from(board.rules.weak_reference_days) * DAY_MS;
    match board.table.distance_ms(source, target) {
        _ if opposed => Err(Reason::ReferenceConflict),
        distance if distance > reach => Err(Reason::OutsideWindow),
        _ => Ok(agreement.fields),
    }
}

fn counts(members: impl Iterator<Item = Ix>) -> HashMap<Ix, usize, Hashing> {
    let mut counts = HashMap::default();
    members.for_each(|at| *counts.entry(at).or_default() += 1);
    counts
}
