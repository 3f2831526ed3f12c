//! Sorting by counting: for groups that have numbers without gaps. Within a group the order is kept.

/// Where each group begins among the sorted, and behind them where the last one ends.
pub(crate) fn starts(groups: usize, of: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut starts = vec![0_u32; groups + 1];
    for group in of {
        starts[group as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    starts
}

/// Items with their groups, sorted by group; `starts` are those of the same groups.
pub(crate) fn sorted<T: Copy + Default>(starts: &[u32], items: impl Iterator<Item = (u32, T)>) -> Vec<T> {
    let mut next = starts.to_vec();
    let mut sorted = vec![T::default(); starts.last().map_or(0, |end| *end as usize)];
    for (group, item) in items {
        let place = &mut next[group as usize];
        sorted[*place as usize] = item;
        *place += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_together_in_the_order_of_their_items() {
        let items = [(2, 'a'), (0, 'b'), (2, 'c'), (3, 'd'), (0, 'e')];
        let starts = starts(5, items.iter().map(|(group, _)| *group));
        assert_eq!(starts, [0, 2, 2, 4, 5, 5]);
        assert_eq!(sorted(&starts, items.into_iter()), ['b', 'e', 'a', 'c', 'd']);
        assert!(sorted::<char>(&[0], std::iter::empty()).is_empty());
    }
}
