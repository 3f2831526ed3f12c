//! From margins to matches, suggestions and questions.

use super::{Candidate, Weighing, sets};
use crate::{
    assignment::Assignment,
    board::{Accepted, Board, Details, field},
    evidence::{Agreement, Conflict, conflict},
    reason::Reason,
    rule::Rule,
    rules::Automatic,
    scoring::AmountLevel,
    table::Ix,
};
use domain::summary::Difference;
use std::collections::{BTreeMap, BTreeSet};

/// Candidates that a record keeps for people to look at.
const SHOWN: usize = 3;

pub(super) fn apply(board: &mut Board<'_>, weighing: &Weighing<'_>, found: &Assignment) {
    let mut tied: Vec<Candidate> = Vec::new();
    for pair in &found.pairs {
        let Some(candidate) = weighing.candidates.get(pair.edge) else { continue };
        if pair.margin >= board.rules.tolerance.suggestion_margin {
            join(board, weighing, candidate, pair.margin);
        } else {
            tied.push(*candidate);
        }
    }
    sets::apply(board, weighing, &tied);
    ask(board, weighing, &tied);
    for component in &found.unsolved {
        let all: Vec<Candidate> = component.iter().filter_map(|at| weighing.candidates.get(*at).copied()).collect();
        unsolved(board, weighing, &all);
    }
    remember(board, weighing);
}

/// A pair with its comparison, ready to be accepted or proposed.
pub(super) fn pair(
    board: &Board<'_>,
    weighing: &Weighing<'_>,
    candidate: &Candidate,
    rule: Rule,
    margin: i64,
) -> Option<Accepted> {
    let pool = weighing.pools.get(candidate.pool)?;
    let (source, target) = (pool.sources.get(candidate.pair.0)?, pool.targets.get(candidate.pair.1)?);
    let weighed = weighing.weighed(candidate)?;
    let (strong, weak) = board.table.keys.shared(candidate.source, candidate.target);
    let mut fields = weighed.fields;
    for (there, bit) in [(strong, field::STRONG_ID), (weak, field::REFERENCE)] {
        fields |= if there { bit } else { 0 };
    }
    let made = if pool.band.is_some() { Accepted::exchanged } else { Accepted::pair };
    let accepted = made(candidate.source, candidate.target, rule, fields);
    // In the records' own money: after a conversion the gap is not one of the pool's amounts.
    let gap = board.table.row(candidate.target).amount - board.table.row(candidate.source).amount;
    let difference = weighing.scorers.get(candidate.pool)?.difference(source, target, weighed.amount, gap);
    Some(accepted.with(Details {
        margin: Some(margin),
        confidence_bp: Some(board.rules.weights.confidence_bp(margin)),
        difference,
        discrepancy: reason(board, candidate.source, &difference, weighed.amount, gap),
    }))
}

/// Why the amounts differ, where nothing that was agreed explains it.
fn reason(board: &Board<'_>, source: Ix, difference: &Difference, amount: AmountLevel, gap: i64) -> Option<Reason> {
    match amount {
        AmountLevel::Equal | AmountLevel::AgreedFee(_) | AmountLevel::AgreedRate => None,
        AmountLevel::Band(_) if difference.rounding != 0 => None,
        AmountLevel::Band(_) if difference.fx != 0 => Some(Reason::FxVariance),
        AmountLevel::Band(_) if difference.fee != 0 => Some(Reason::FeeVariance),
        AmountLevel::Band(_) => {
            // With fees agreed, money kept back is a fee that is not the agreed one.
            let kept_back = gap.signum() == -board.table.row(source).amount.signum();
            Some(match kept_back {
                true if !board.rules.tolerance.fees.is_empty() => Reason::FeeVariance,
                true => Reason::AmountUnder,
                false => Reason::AmountOver,
            })
        }
    }
}

fn join(board: &mut Board<'_>, weighing: &Weighing<'_>, candidate: &Candidate, margin: i64) {
    if let Some(accepted) = pair(board, weighing, candidate, Rule::Tolerance, margin) {
        accept_or_propose(board, weighing, accepted, Rule::SuggestTolerance);
    }
}

/// Matched where the rules allow it and the margin is wide enough, otherwise suggested under the other rule.
pub(super) fn accept_or_propose(board: &mut Board<'_>, weighing: &Weighing<'_>, accepted: Accepted, otherwise: Rule) {
    let tolerance = &board.rules.tolerance;
    let allowed = match tolerance.automatic {
        Automatic::Never => false,
        Automatic::Explained => accepted.details().discrepancy.is_none(),
        Automatic::Scored => true,
    };
    let pairs =
        accepted.sources().iter().flat_map(|source| accepted.targets().iter().map(move |target| (*source, *target)));
    let worst = pairs.map(|(source, target)| conflict(board, source, target)).max();
    // As in tier 5: a reference that leads nowhere is probably wrong where the buyer is the same.
    let agreement = Agreement { fields: accepted.fields(), against: 0 };
    let clear = agreement.outweighs(worst.unwrap_or(Conflict::None));
    // And amount and time alone are right too seldom to go without a person.
    let signs = field::MEMO | field::EMAIL | field::LAST4 | field::NAME | field::REFERENCE | field::STRONG_ID;
    let signed = accepted.fields() & signs != 0;
    let whole = !accepted.members().any(|at| weighing.crowded.contains(&at));
    let ahead = accepted.details().margin.is_some_and(|margin| margin >= tolerance.automatic_margin);
    if allowed && clear && signed && whole && ahead {
        board.accept(accepted);
        return;
    }
    let score = i64::from(accepted.details().confidence_bp.unwrap_or(0)) / 10;
    board.propose(accepted.by_rule(otherwise), score);
}

/// Records of which nothing says which one is meant.
fn ask(board: &mut Board<'_>, weighing: &Weighing<'_>, tied: &[Candidate]) {
    let mut weights: BTreeMap<Ix, i64> = BTreeMap::new();
    for found in tied {
        weights.extend([(found.source, found.weight), (found.target, found.weight)]);
    }
    // Who is tied with a record of the pair is asked about as well, whichever of them the pair happened to hold.
    let as_heavy = |at: Ix, weight: i64| {
        weights.get(&at).is_some_and(|tied| weight + board.rules.tolerance.suggestion_margin >= *tied)
    };
    let rivals: Vec<Ix> = weighing
        .candidates
        .iter()
        .filter(|found| as_heavy(found.source, found.weight) || as_heavy(found.target, found.weight))
        .flat_map(|found| [found.source, found.target])
        .collect();
    let involved: BTreeSet<Ix> = rivals.into_iter().collect();
    let mut counts: BTreeMap<Ix, (Ix, usize)> = BTreeMap::new();
    for found in &weighing.candidates {
        for (at, other) in [(found.source, found.target), (found.target, found.source)] {
            if involved.contains(&at) && board.is_open(other) {
                counts.entry(at).or_insert((other, 0)).1 += 1;
            }
        }
    }
    for (at, (other, count)) in counts {
        if board.is_open(at) {
            board.hint(at, Reason::Ambiguous, other, count);
        }
    }
}

/// A component that was too much work: pairs that both ends prefer to everything else are suggested, and every record
/// says why it is not decided.
fn unsolved(board: &mut Board<'_>, weighing: &Weighing<'_>, all: &[Candidate]) {
    let mut best: BTreeMap<Ix, (i64, i64)> = BTreeMap::new();
    for found in all {
        for at in [found.source, found.target] {
            let (first, second) = best.entry(at).or_insert((0, 0));
            if found.weight > *first {
                (*first, *second) = (found.weight, *first);
            } else if found.weight > *second {
                *second = found.weight;
            }
        }
    }
    for found in all {
        let lead = |at: Ix| {
            best.get(&at).filter(|(first, _)| *first == found.weight).map_or(0, |(first, second)| first - second)
        };
        let margin = lead(found.source).min(lead(found.target));
        if margin >= board.rules.tolerance.suggestion_margin
            && let Some(accepted) = pair(board, weighing, found, Rule::SuggestUnsolved, margin)
        {
            let score = i64::from(accepted.details().confidence_bp.unwrap_or(0)) / 10;
            board.propose(accepted, score);
        }
    }
    for at in best.into_keys() {
        board.hint(at, Reason::BudgetExceeded, crate::table::NONE, all.len());
    }
}

/// Keeps the heaviest candidates of what is still open, for people.
fn remember(board: &mut Board<'_>, weighing: &Weighing<'_>) {
    let mut of: BTreeMap<Ix, Vec<(i64, Ix)>> = BTreeMap::new();
    for found in &weighing.candidates {
        for (at, other) in [(found.source, found.target), (found.target, found.source)] {
            if board.is_open(at) {
                of.entry(at).or_default().push((-found.weight, other));
            }
        }
    }
    for (at, mut others) in of {
        others.sort_unstable();
        board.remember(at, others.into_iter().take(SHOWN).map(|(_, other)| other).collect());
    }
}
