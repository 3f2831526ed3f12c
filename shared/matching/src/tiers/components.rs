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
    /// Records that are joined, in order, by place; if nothing is said, all, and a position is a place.
    records: Option<Vec<Ix>>,
    /// By place, one on the way to the first of its set.
    parents: Vec<Ix>,
    /// By place, the next one of its circle.
    next: Vec<Ix>,
    /// Positions before this one are sources.
    sources: Ix,
}

impl Components {
    /// Every record by itself: of so many these, if it is not all of them.
    fn of(count: Ix, records: Option<Vec<Ix>>, sources: Ix) -> Self {
        let places = 0..records.as_ref().map_or(count, |records| ix(records.len()));
        Self { records, parents: places.clone().collect(), next: places.collect(), sources }
    }

    fn place(&self, at: Ix) -> Ix {
        self.records.as_ref().map_or(at, |records| ix(records.partition_point(|record| *record < at)))
    }

    fn record(&self, place: Ix) -> Ix {
        self.records.as_ref().map_or(place, |records| records[place as usize])
    }

    fn join(&mut self, a: Ix, b: Ix) {
        let [a, b] = [a, b].map(|at| self.place(at));
        let (a, b) = (self.first(a), self.first(b));
        if a != b {
            // The smaller place becomes the root, so that roots do not depend on the order of joining.
            self.parents[a.max(b) as usize] = a.min(b);
            self.next.swap(a as usize, b as usize);
        }
    }

    /// Place of the first of a set.
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
            let mut place = first;
            loop {
                let at = self.record(place);
                if at < self.sources {
                    sources.push(at);
                } else {
                    targets.push(at);
                }
                place = self.next[place as usize];
                if place == first {
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
    let left = board.left().map(<[Ix]>::to_vec);
    let mut components = Components::of(table.positions().end, left, table.sources);
    let mut seen: Vec<(Class, u16, Ix)> = Vec::new();
    for (_, holders) in shared_values(board, true) {
        seen.clear();
        for at in holders.iter().copied().filter(|at| board.is_open(*at)) {
            let row = table.row(at);
            match seen.iter().find(|(class, currency, _)| (*class, *currency) == (row.class, row.currency)) {
                Some((.., first)) => components.join(*first, at),
                None => seen.push((row.class, row.currency, at)),
            }
        }
    }
    components
}

/// Values with their holders, strong or not, that can join open records; and others.
fn shared_values<'t>(board: &Board<'t>, strong: bool) -> impl Iterator<Item = (u32, &'t [Ix])> {
    let keys = &board.table.keys;
    // While all may be open, the values are asked and not the records: they stand in order.
    let all = board.left().is_none().then(|| keys.shared_values());
    let some = board.left().map(|left| keys.shared_values_of(left));
    all.into_iter()
        .flatten()
        .chain(some.into_iter().flatten())
        .filter(move |(value, _)| keys.is_strong(*value) == strong)
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
    for (value, holders) in shared_values(board, false) {
        let counting = holders.iter().copied().filter(|at| board.is_open(*at) && keys.counts_for(value, *at));
        open.clear();
        open.extend(counting.map(|at| (table.row(at).class, table.row(at).currency, at)));
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
    use std::collections::BTreeSet;

    #[test]
    fn sets_come_by_their_first_member_with_their_members_in_order_however_they_were_joined() {
        let found = |pairs: &[(Ix, Ix)]| {
            let joined = |records| {
                let mut components = Components::of(10, records, 6);
                pairs.iter().for_each(|(a, b)| components.join(*a, *b));
                components.iter().map(|found| (found.sources.to_vec(), found.targets.to_vec())).collect::<Vec<_>>()
            };
            let all = joined(None);
            let some: BTreeSet<Ix> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
            assert_eq!(joined(Some(some.into_iter().collect())), all);
            all
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
