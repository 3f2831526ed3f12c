//! Where a record of one side stands, by id.

use super::{Ix, NONE};
use crate::hashed;

/// Places by hash of the id; the caller compares the ids. A table of numbers in place of a map that would hold every id
/// again: a look-up misses the cache once and not three times.
#[derive(Debug)]
pub(super) struct Places {
    /// The hash and the place. Open addressing, at most half full.
    slots: Vec<(u32, Ix)>,
}

impl Places {
    /// Of `count` records with the hash of their id, and their place.
    pub fn of(count: usize, records: impl Iterator<Item = (u32, Ix)>) -> Self {
        let mut slots = vec![(0, NONE); (count * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for (hash, at) in records {
            let mut slot = hash as usize & mask;
            while slots[slot].1 != NONE {
                slot = (slot + 1) & mask;
            }
            slots[slot] = (hash, at);
        }
        Self { slots }
    }

    /// The place whose record `is` the one that is looked for.
    pub fn find(&self, id: &str, is: impl Fn(Ix) -> bool) -> Option<Ix> {
        let mask = self.slots.len() - 1;
        let hash = hashed::hash(id);
        let mut slot = hash as usize & mask;
        loop {
            let (known, at) = self.slots[slot];
            if at == NONE {
                return None;
            }
            if known == hash && is(at) {
                return Some(at);
            }
            slot = (slot + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_place_and_only_the_one_that_is_it() {
        let ids: Vec<String> = (0..1_000).map(|number| format!("id {number}")).collect();
        let places = Places::of(1_000, ids.iter().map(|id| hashed::hash(id.as_str())).zip(0..));
        for (at, id) in (0..).zip(&ids) {
            assert_eq!(places.find(id, |_| true), Some(at), "{id}");
        }
        assert_eq!(places.find("id 1000", |_| true), None);
        // Equal hashes are not enough.
        assert_eq!(places.find("id 7", |_| false), None);
        assert_eq!(Places::of(0, std::iter::empty()).find("id 7", |_| true), None);
    }
}
