//! Where a record stands, by side and id.

use super::{Ix, NONE};
use crate::hashed;

/// Places by hash of side and id; the caller compares the ids. A table of numbers in place of a map that would hold every id
/// again: a look-up misses the cache once and not three times.
#[derive(Debug)]
pub(super) struct Places {
    /// Upper half of the hash, and the place. Open addressing, at most half full.
    slots: Vec<(u32, Ix)>,
}

impl Places {
    /// Of `count` records with their side (`true` for targets), id and place.
    pub fn of<'r>(count: usize, records: impl Iterator<Item = (bool, &'r str, Ix)>) -> Self {
        let mut slots = vec![(0, NONE); (count * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for (target, id, at) in records {
            let (mut slot, upper) = split(target, id, mask);
            while slots[slot].1 != NONE {
                slot = (slot + 1) & mask;
            }
            slots[slot] = (upper, at);
        }
        Self { slots }
    }

    /// The place whose record `is` the one that is looked for.
    pub fn find(&self, target: bool, id: &str, is: impl Fn(Ix) -> bool) -> Option<Ix> {
        let mask = self.slots.len() - 1;
        let (mut slot, upper) = split(target, id, mask);
        loop {
            let (known, at) = self.slots[slot];
            if at == NONE {
                return None;
            }
            if known == upper && is(at) {
                return Some(at);
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// The first slot to look at, and the half of the hash that is compared.
#[expect(clippy::cast_possible_truncation, reason = "each half by itself is what is wanted")]
fn split(target: bool, id: &str, mask: usize) -> (usize, u32) {
    let hash = hashed::hash(&(target, id));
    (hash as usize & mask, (hash >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_place_on_each_side_and_only_the_one_that_is_it() {
        let ids: Vec<String> = (0..1_000).map(|number| format!("id {number}")).collect();
        let both = || [false, true].into_iter().flat_map(|target| ids.iter().map(move |id| (target, id.as_str())));
        let places = Places::of(2_000, (0..).zip(both()).map(|(at, (target, id))| (target, id, at)));
        for (at, (target, id)) in (0..).zip(both()) {
            assert_eq!(places.find(target, id, |_| true), Some(at), "{id}");
        }
        assert_eq!(places.find(true, "id 1000", |_| true), None);
        // Equal hashes are not enough.
        assert_eq!(places.find(false, "id 7", |_| false), None);
        assert_eq!(Places::of(0, std::iter::empty()).find(false, "id 7", |_| true), None);
    }
}
