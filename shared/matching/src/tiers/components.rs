//! Whole groups: open records of one class and currency that are connected through shared values.

use crate::{
    board::{Board, Members},
    table::{Class, Ix, ix},
};
use smallvec::{SmallVec, smallvec};

#[derive(Debug, Default)]
pub(crate) struct Component {
    pub sources: Members,
    pub targets: Members,
}

/// Disjoint sets of records, each a circle, so that two become one when two links are exchanged (Tarjan, "Efficiency of a good
/// but not linear set union algorithm", 1975). Made into groups one at a time: there may be a million.
#[derive(Debug)]
pub(crate) struct Components {
    /// By record, one on the way to the first of its set.
    parents: Vec<Ix>,
    /// By record, the next one of its circle.
    next: Vec<Ix>,
    /// Positions before this one are sources.
    sources: Ix,
}

impl Components {
    /// Every record by itself.
    fn of(count: Ix, sources: Ix) -> Self {
        Self { parents: (0..count).collect(), next: (0..count).collect(), sources }
    }

    fn join(&mut self, a: Ix, b: Ix) {
        let (a, b) = (self.first(a), self.first(b));
        if a != b {
            // The smaller position becomes the root, so that roots do not depend on the order of joining.
            self.parents[a.max(b) as usize] = a.min(b);
            self.next.swap(a as usize, b as usize);
        }
    }

    /// Of the set of a record.
    fn first(&mut self, mut at: Ix) -> Ix {
        while self.parents[at as usize] != at {
            let up = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = up;
            at = up;
        }
        at
    }

    /// Those with both sides, in order of their first member.
    pub fn iter(&self) -> impl Iterator<Item = Component> {
        let firsts = (0..).zip(self.parents.iter().zip(&self.next));
        firsts.filter(|(at, (parent, next))| at == *parent && at != *next).filter_map(|(first, _)| {
            let (mut sources, mut targets) = (Members::new(), Members::new());
            let mut at = first;
            loop {
                if at < self.sources {
                    sources.push(at);
                } else {
                    targets.push(at);
                }
                at = self.next[at as usize];
                if at == first {
                    break;
                }
            }
            sources.sort_unstable();
            targets.sort_unstable();
            (!sources.is_empty() && !targets.is_empty()).then_some(Component { sources, targets })
        })
    }
}

/// Groups connected through strong values.
pub(crate) fn by_strong_value(board: &Board<'_>) -> Components {
    let table = board.table;
    let mut components = Components::of(table.positions().end, table.sources);
    let mut seen: Vec<(Class, u16, Ix)> = Vec::new();
    for (_, holders) in table.keys.shared_values(true) {
        seen.clear();
        for at in holders.iter().map(|holder| holder.at).filter(|at| board.is_open(*at)) {
            let row = table.row(at);
            match seen.iter().find(|(class, currency, _)| (*class, *currency) == (row.class, row.currency)) {
                Some((.., first)) => components.join(*first, at),
                None => seen.push((row.class, row.currency, at)),
            }
        }
    }
    components
}

/// Pairs of equal amount within a group that are the only ones with their amount on both sides and share a value.
pub(crate) fn exact_pairs(board: &Board<'_>, component: &Component) -> SmallVec<[(Ix, Ix); 2]> {
    let table = board.table;
    if let ([source], [target]) = (component.sources.as_slice(), component.targets.as_slice()) {
        // Nothing but a value that they share brought the two together.
        let equal = table.row(*source).amount == table.row(*target).amount;
        return if equal { smallvec![(*source, *target)] } else { SmallVec::new() };
    }
    let mut all: Vec<(i64, bool, Ix)> = component
        .sources
        .iter()
        .chain(&component.targets)
        .map(|at| (table.row(*at).amount, table.row(*at).target, *at))
        .collect();
    all.sort_unstable();
    all.chunk_by(|a, b| a.0 == b.0)
        .filter_map(|equal| match equal {
            [(_, false, source), (_, true, target)] => Some((*source, *target)),
            _ => None,
        })
        .filter(|(source, target)| table.keys.shared(*source, *target) != (false, false))
        .collect()
}

/// Hands over the open records of one class and currency that hold one weak value, both sides present, value by value.
pub(crate) fn each_weak_value(board: &Board<'_>, mut take: impl FnMut(Component)) {
    let table = board.table;
    let keys = &table.keys;
    let mut open: Vec<(Class, u16, Ix)> = Vec::new();
    for (value, holders) in keys.shared_values(false) {
        let counting = holders.iter().filter(|holder| keys.counts(value, holder.key));
        let at = counting.map(|holder| holder.at).filter(|at| board.is_open(*at));
        open.clear();
        open.extend(at.map(|at| (table.row(at).class, table.row(at).currency, at)));
        open.sort_unstable();
        for group in open.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let split = group.partition_point(|(.., at)| !table.row(*at).target);
            let members = |part: &[(Class, u16, Ix)]| part.iter().map(|(.., at)| *at).collect();
            if split > 0 && split < group.len() {
                take(Component { sources: members(&group[..split]), targets: members(&group[split..]) });
            }
        }
    }
}

/// The same in order of their members, each once.
pub(crate) fn by_weak_value(board: &Board<'_>) -> Vec<Component> {
    let mut found = Vec::new();
    each_weak_value(board, |component| found.push(component));
    found.sort_by(|a, b| (&a.sources, &a.targets).cmp(&(&b.sources, &b.targets)));
    found.dedup_by(|a, b| (&a.sources, &a.targets) == (&b.sources, &b.targets));
    found
}

/// Sum of signed amounts, wide enough for any number of records.
pub(crate) fn sum(board: &Board<'_>, members: &[Ix]) -> i128 {
    members.iter().map(|at| i128::from(board.table.row(*at).amount)).sum()
}

/// One against many with equal sums, within the largest group that is allowed.
pub(crate) fn is_equal_group(board: &Board<'_>, component: &Component) -> bool {
    let (sources, targets) = (component.sources.len(), component.targets.len());
    let shape = sources.min(targets) == 1 && sources.max(targets) >= 2;
    let fits = sources.max(targets) <= usize::from(board.rules.group_max_members);
    shape && fits && sum(board, &component.sources) == sum(board, &component.targets)
}

/// Every pair of a source and a target, for groups of limited size.
pub(crate) fn edges(component: &Component) -> impl Iterator<Item = (Ix, Ix)> {
    component.sources.iter().flat_map(|source| component.targets.iter().map(|target| (*source, *target)))
}

/// Whether a component holds nothing but whole pairs.
pub(crate) fn is_all_pairs(component: &Component, pairs: &[(Ix, Ix)]) -> bool {
    let pairs = ix(pairs.len());
    ix(component.sources.len()) == pairs && ix(component.targets.len()) == pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_come_by_their_first_member_with_their_members_in_order_however_they_were_joined() {
        let found = |pairs: &[(Ix, Ix)]| {
            let mut components = Components::of(10, 6);
            pairs.iter().for_each(|(a, b)| components.join(*a, *b));
            components.iter().map(|found| (found.sources.to_vec(), found.targets.to_vec())).collect::<Vec<_>>()
        };
        let pairs = [(9, 0), (7, 3), (8, 1), (7, 8), (4, 7), (3, 6), (2, 5)];
        // Two sources that nothing on the other side joins are no question here.
        let expected = [(vec![0], vec![9]), (vec![1, 3, 4], vec![6, 7, 8])];
        assert_eq!(found(&pairs), expected);
        let turned: Vec<(Ix, Ix)> = pairs.iter().rev().map(|(a, b)| (*b, *a)).collect();
        assert_eq!(found(&turned), expected);
        assert!(found(&[]).is_empty());
    }
}
