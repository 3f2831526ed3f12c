//! Records that are the same in everything but their id: k of one side tied with k of the other are one set, because
//! which is which cannot be told and does not matter.

use super::{Candidate, Weighing, decide};
use crate::{
    board::{Accepted, Board, Details},
    rule::Rule,
    scoring::Node,
    table::Ix,
};
use domain::matches::MatchKind;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that can be seen of a record.
type Looks = (usize, i64, i64, i64, bool, u32, u32, u32, u32);

fn looks(pool: usize, node: &Node) -> Looks {
    (pool, node.amount, node.minute, node.settled_minute, node.whole_day, node.text, node.email, node.last4, node.name)
}

pub(super) fn apply(board: &mut Board<'_>, weighing: &Weighing<'_>, tied: &[Candidate]) {
    let mut classes: BTreeMap<(Looks, Looks), Vec<Candidate>> = BTreeMap::new();
    for found in tied {
        let Some(pool) = weighing.pools.get(found.pool) else { continue };
        if let (Some(source), Some(target)) = (pool.sources.get(found.pair.0), pool.targets.get(found.pair.1)) {
            classes.entry((looks(found.pool, source), looks(found.pool, target))).or_default().push(*found);
        }
    }
    let involved: BTreeSet<Ix> = tied.iter().flat_map(|pair| [pair.source, pair.target]).collect();
    let mut around: BTreeMap<Ix, Vec<Candidate>> = BTreeMap::new();
    for found in &weighing.candidates {
        for at in [found.source, found.target].into_iter().filter(|at| involved.contains(at)) {
            around.entry(at).or_default().push(*found);
        }
    }
    for pairs in classes.into_values().filter(|pairs| pairs.len() >= 2) {
        if let Some(set) = set(board, weighing, &pairs, &around) {
            decide::accept_or_propose(board, weighing, set, Rule::SuggestSet);
        }
    }
}

/// A set where exactly these records are candidates of each other and of nobody else.
fn set(
    board: &Board<'_>,
    weighing: &Weighing<'_>,
    pairs: &[Candidate],
    around: &BTreeMap<Ix, Vec<Candidate>>,
) -> Option<Accepted> {
    let sources: BTreeSet<Ix> = pairs.iter().map(|pair| pair.source).collect();
    let targets: BTreeSet<Ix> = pairs.iter().map(|pair| pair.target).collect();
    let mut inside = 0;
    let mut least = i64::MAX;
    let mut outside: i64 = 0;
    for found in sources.iter().chain(&targets).filter_map(|at| around.get(at)).flatten() {
        if sources.contains(&found.source) && targets.contains(&found.target) {
            // Seen from both ends.
            inside += 1;
            least = least.min(found.weight);
        } else {
            outside = outside.max(found.weight);
        }
    }
    let margin = least - 2 * outside;
    if inside != 2 * sources.len() * targets.len() || margin < board.rules.tolerance.suggestion_margin {
        return None;
    }
    let first = decide::pair(board, weighing, pairs.first()?, Rule::IdenticalSet, margin)?;
    let count = i64::try_from(sources.len()).ok()?;
    let set = Accepted::many(
        MatchKind::Set,
        sources.into_iter().collect::<Vec<Ix>>(),
        targets.into_iter().collect::<Vec<Ix>>(),
        Rule::IdenticalSet,
        first.fields(),
    );
    let of_one = first.details();
    Some(set.with(Details { difference: of_one.difference.times(count), ..of_one }))
}
