//! Items in groups that have numbers without gaps.

use super::{Ix, ix};

/// Sorted by counting, so that the items of a group stand side by side, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Groups<T> {
    items: Vec<T>,
    /// Where each group begins, and behind them where the last one ends.
    starts: Vec<u32>,
}

impl<T: Copy + Default> Groups<T> {
    /// Items with their group; they are walked over twice, from within, which is faster where one iterator holds others.
    pub fn of<I: Iterator<Item = (u32, T)>>(groups: usize, items: impl Fn() -> I) -> Self {
        // First, one place further on, where each group begins; with each item that is put there, that becomes where it ends.
        let mut starts = vec![0_u32; groups + 2];
        items().for_each(|(group, _)| starts[group as usize + 2] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut sorted = vec![T::default(); starts.last().map_or(0, |count| *count as usize)];
        items().for_each(|(group, item)| {
            let place = &mut starts[group as usize + 1];
            sorted[*place as usize] = item;
            *place += 1;
        });
        starts.truncate(groups + 1);
        Self { items: sorted, starts }
    }

    /// None yet, with room for so many.
    pub fn with_room(groups: usize, items: usize) -> Self {
        let mut starts = Vec::with_capacity(groups + 1);
        starts.push(0);
        Self { items: Vec::with_capacity(items), starts }
    }

    /// One more group.
    pub fn push(&mut self, items: impl Iterator<Item = T>) {
        self.items.extend(items);
        self.starts.push(ix(self.items.len()));
    }

    /// Nothing for a group that is not there.
    pub fn group(&self, group: u32) -> &[T] {
        let bound = |place: usize| self.starts.get(place).copied().unwrap_or(0) as usize;
        self.items.get(bound(group as usize)..bound(group as usize + 1)).unwrap_or(&[])
    }

    /// All of them, group by group, and where each group begins and the last one ends.
    pub fn into_parts(self) -> (Vec<T>, Vec<u32>) {
        (self.items, self.starts)
    }

    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        self.starts.windows(2).map(|bounds| &self.items[bounds[0] as usize..bounds[1] as usize])
    }
}

/// Packed numbers of groups, each with a position behind it, by group; there are less than so many groups, and what is of one
/// stays in order. One digit after the other, the last first (radix sort).
pub(crate) fn by_digits(packed: Vec<u64>, groups: u64) -> Vec<u64> {
    const DIGIT: u32 = 11;
    let mut sorted = packed;
    for shift in (0..u64::BITS - groups.leading_zeros()).step_by(DIGIT as usize) {
        let digit = |packed: u64| ((packed >> (Ix::BITS + shift)) & ((1 << DIGIT) - 1)) as u32;
        (sorted, _) = Groups::of(1 << DIGIT, || sorted.iter().map(|packed| (digit(*packed), *packed))).into_parts();
    }
    sorted
}

/// What is packed behind the number of a group.
#[expect(clippy::cast_possible_truncation, reason = "the position is what stands in these bits")]
pub(crate) fn position(packed: u128) -> Ix {
    packed as Ix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbered_as_they_are_pushed() {
        let mut groups = Groups::with_room(1, 1);
        for items in [vec!['a', 'b'], vec![], vec!['c']] {
            groups.push(items.into_iter());
        }
        assert_eq!([0, 1, 2, 3].map(|group| groups.group(group)), [&['a', 'b'][..], &[], &['c'], &[]]);
    }

    #[test]
    fn groups_stand_together_in_the_order_of_their_items() {
        let items = [(2, 'a'), (0, 'b'), (2, 'c'), (3, 'd'), (0, 'e')];
        let groups = Groups::of(5, || items.into_iter());
        let all: Vec<&[char]> = groups.iter().collect();
        assert_eq!(all, [&['b', 'e'][..], &[], &['a', 'c'], &['d'], &[]]);
        assert_eq!([groups.group(2), groups.group(4), groups.group(5)], [&['a', 'c'][..], &[], &[]]);
        assert_eq!(Groups::<char>::of(0, std::iter::empty).iter().count(), 0);
        assert!(Groups::<char>::default().group(0).is_empty());
    }
}
