//! Tier 6: amounts that may differ. Candidates are found in blocks, weighed, and joined so that all pairs together weigh
//! most; what is far enough ahead is matched, what is ahead at all is suggested, and a tie stays a question.

mod candidates;
mod decide;
mod sets;

use crate::{
    assignment::{self, Edge, Limits},
    board::Board,
    both::both,
    evidence::{Conflict, agreement, conflict, parents_differ},
    reason::Reason,
    scoring::{AmountLevel, Pair, Pool, Scorer, Weighed, pools},
    table::Ix,
};
pub(crate) use candidates::blocks_of;
use std::collections::BTreeSet;

/// A pair that may be one, with the pool and the places in it where its comparison can be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    pub source: Ix,
    pub target: Ix,
    pub weight: i64,
    pub pool: usize,
    pub pair: (usize, usize),
}

/// What the decisions are made of.
pub(super) struct Weighing<'p> {
    pub pools: &'p [Pool<'p>],
    pub scorers: Vec<Scorer<'p>>,
    pub candidates: Vec<Candidate>,
    /// Records of blocks that were too much work: not all that they could belong to was weighed, so none of them is
    /// matched without a person.
    pub crowded: BTreeSet<Ix>,
}

impl Weighing<'_> {
    pub fn weighed(&self, candidate: &Candidate) -> Option<Weighed> {
        self.scorers.get(candidate.pool)?.weigh(candidate.pair)
    }
}

pub(crate) fn apply(board: &mut Board<'_>) {
    let pools = pools(board);
    let mut weighing =
        Weighing { pools: &pools, scorers: Vec::new(), candidates: Vec::new(), crowded: BTreeSet::new() };
    for (number, pool) in pools.iter().enumerate() {
        let scorer = Scorer::new(pool, board.rules);
        let blocks = blocks_of(pool, &scorer, board.rules);
        for at in &blocks.crowded {
            // Nobody in particular is meant: the record is its own answer to "which one".
            board.hint(*at, Reason::BudgetExceeded, crate::table::NONE, 0);
        }
        weighing.crowded.extend(blocks.crowded);
        let likely = |pairs: &[Pair]| -> Vec<Candidate> {
            pairs.iter().filter_map(|pair| candidate(board, pool, &scorer, number, *pair)).collect()
        };
        let (first, second) = blocks.pairs.split_at(blocks.pairs.len() / 2);
        let (first, second) = both(blocks.pairs.len(), || likely(first), || likely(second));
        weighing.candidates.extend(first);
        weighing.candidates.extend(second);
        weighing.scorers.push(scorer);
    }
    // A pair may stand in two pools where a currency has several rates: its best reading counts.
    weighing
        .candidates
        .sort_unstable_by_key(|found| (found.source, found.target, std::cmp::Reverse(found.weight), found.pool));
    weighing.candidates.dedup_by_key(|found| (found.source, found.target));
    let edges: Vec<Edge> = weighing
        .candidates
        .iter()
        .map(|found| Edge { left: found.source, right: found.target, weight: found.weight })
        .collect();
    let found = assignment::assign(&edges, limits(board));
    decide::apply(board, &weighing, &found);
}

fn limits(board: &Board<'_>) -> Limits {
    let tolerance = &board.rules.tolerance;
    // Beyond the last step of the calibration a larger margin says nothing more.
    let most = board.rules.weights.calibration.last().map_or(0, |step| step.margin);
    let margin = most.max(tolerance.automatic_margin).max(1);
    Limits { commit_margin: margin, margin_cap: 2 * margin, max_work: tolerance.max_component_work }
}

fn candidate(board: &Board<'_>, pool: &Pool<'_>, scorer: &Scorer<'_>, number: usize, pair: Pair) -> Option<Candidate> {
    let weighed = scorer.weigh(pair)?;
    let (source, target) = (pool.sources.get(pair.0)?.at, pool.targets.get(pair.1)?.at);
    if board.is_forbidden_pair(source, target)
        || parents_differ(board, source, target)
        || (board.rules.exact_amounts && !is_left(board, source, target, &weighed))
    {
        return None;
    }
    let shared = board.table.keys.shared(source, target);
    let reference = if shared.0 || shared.1 { board.rules.weights.fields.reference } else { 0 };
    let weight = weighed.weight + reference;
    let possible = weight > 0 && conflict(board, source, target) != Conflict::Real;
    possible.then_some(Candidate { source, target, weight, pool: number, pair })
}

/// Where equal amounts were joined before, what tier 5 left of them stays left; and among different amounts a pair needs
/// a sign of its own, or a difference that was agreed on, and none against it.
fn is_left(board: &Board<'_>, source: Ix, target: Ix, weighed: &Weighed) -> bool {
    let agreed = match weighed.amount {
        AmountLevel::Equal => return false,
        AmountLevel::AgreedFee(_) | AmountLevel::AgreedRate => true,
        AmountLevel::Band(_) => false,
    };
    let found = agreement(board.table, source, target);
    found.against == 0 && (agreed || found.firm()) && conflict(board, source, target) == Conflict::None
}
