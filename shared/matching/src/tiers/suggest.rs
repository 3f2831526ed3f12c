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
        b.score.cmp(&a.score).then_with(|| (members(one), one.rule()).cmp(&(members(other), other.rule())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        examples::{input, record},
        rule::Rule,
        rules::RuleSet,
        table::Table,
    };
    use domain::record::Side;

    /// What is chosen of proposals about two sources, 0 and 1, and two targets, 2 and 3.
    fn chosen(proposals: &[(Ix, Ix, Rule, i64)]) -> Vec<(Ix, Ix, Rule)> {
        let [source, target] = [Side::Source, Side::Target].map(|side| ["a", "b"].map(|id| record(side, id, 1, 0)));
        let input = input(source, target);
        let rules = RuleSet::default();
        let table = Table::build(&input, &rules);
        let mut board = Board::new(&table, &rules);
        for (source, target, rule, score) in proposals {
            board.propose(Accepted::pair(*source, *target, *rule, 0), *score);
        }
        let chosen = choose(&mut board).chosen;
        chosen.iter().map(|found| (found.sources()[0], found.targets()[0], found.rule())).collect()
    }

    #[test]
    fn the_best_is_chosen_and_none_where_two_are_as_good() {
        let (set, best) = (Rule::SuggestSet, Rule::SuggestBest);
        assert_eq!(chosen(&[(0, 2, set, 500), (0, 3, set, 600)]), [(0, 3, set)]);
        assert_eq!(chosen(&[(0, 2, set, 500), (0, 3, set, 500)]), []);
        assert_eq!(chosen(&[(0, 2, set, 500), (1, 2, set, 500)]), []);
        assert_eq!(chosen(&[(0, 2, set, 500), (1, 3, set, 500)]), [(0, 2, set), (1, 3, set)]);
        // Said twice, it is one suggestion, under the first rule.
        let first = set.min(best);
        assert_eq!(chosen(&[(0, 2, set, 500), (0, 2, best, 500)]), [(0, 2, first)]);
    }
}
