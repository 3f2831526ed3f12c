//! Out of all proposals at most one per record: the best, and none where two are equally good.

use crate::{
    board::{Accepted, Board},
    table::Ix,
};
use std::collections::BTreeMap;

/// The suggestions of a run and which records they hold.
#[derive(Debug, Default)]
pub(crate) struct Suggested {
    pub chosen: Vec<Accepted>,
    pub holds: Vec<bool>,
}

pub(crate) fn choose(board: &mut Board<'_>) -> Suggested {
    let mut proposals = std::mem::take(&mut board.proposals);
    proposals.retain(|proposal| proposal.accepted.members().all(|at| board.is_open(at)));
    proposals.sort_by(|a, b| {
        let (one, other) = (&a.accepted, &b.accepted);
        b.score.cmp(&a.score).then_with(|| (members(one), one.rule).cmp(&(members(other), other.rule)))
    });
    proposals.dedup_by(|a, b| members(&a.accepted) == members(&b.accepted));
    let mut best: BTreeMap<Ix, (i64, u32)> = BTreeMap::new();
    for proposal in &proposals {
        for at in proposal.accepted.members() {
            let (score, count) = best.entry(at).or_insert((proposal.score, 0));
            *count += u32::from(*score == proposal.score);
        }
    }
    let mut suggested = Suggested { chosen: Vec::new(), holds: vec![false; board.table.rows.len()] };
    for proposal in proposals {
        let first = |at: Ix| best.get(&at) == Some(&(proposal.score, 1));
        let free = |at: Ix| !suggested.holds[at as usize];
        if proposal.accepted.members().all(|at| first(at) && free(at)) {
            for at in proposal.accepted.members() {
                suggested.holds[at as usize] = true;
            }
            suggested.chosen.push(proposal.accepted);
        }
    }
    suggested
}

fn members(accepted: &Accepted) -> (&[Ix], &[Ix]) {
    (accepted.sources(), accepted.targets())
}
