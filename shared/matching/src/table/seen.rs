//! Which of many hashes come more than once: surely all that do, and some others.

use super::counting::Groups;
use crate::both::both;

/// Places that take 16 KiB: of few values hardly one is mistaken then.
const LEAST: usize = 65_536;

/// Which hashes were seen, and which of them again: two bits of a place that a few hashes may share (a Bloom filter with one
/// function that counts to two).
#[derive(Debug)]
pub(super) struct Seen {
    places: Vec<u8>,
    /// The upper bits of a hash are its place.
    shift: u32,
}

impl Seen {
    /// Of about so many.
    pub fn of(values: usize) -> Self {
        // Four to eight places per value: of values that come once a fifth at most look as if they came again.
        let places = (values * 4).next_power_of_two().max(LEAST);
        Self { places: vec![0; places / 4], shift: u32::BITS.saturating_sub(places.ilog2()) }
    }

    pub fn add(&mut self, hash: u32) {
        let (place, once) = self.place(hash);
        let place = &mut self.places[place];
        *place |= once | ((*place & once) << 1);
    }

    /// Surely, if it was; and sometimes if another one was.
    pub fn again(&self, hash: u32) -> bool {
        let (place, once) = self.place(hash);
        self.places[place] & (once << 1) != 0
    }

    /// Four of them are in a byte.
    fn place(&self, hash: u32) -> (usize, u8) {
        let place = hash >> self.shift;
        ((place >> 2) as usize, 1 << ((place & 3) * 2))
    }
}

/// Hashes per part: the places of so many fit into a core's own cache.
const PART: usize = 131_072;

/// Which hashes of a long list come again, in it or in another one. Both are divided by the upper bits of their hashes, so
/// that each part's places are at hand when they are looked at.
#[derive(Debug)]
pub(crate) struct Repeats {
    /// So many upper bits tell the part.
    bits: u32,
    /// Part by part in the order of the list, 1 for what comes again.
    told: Vec<u32>,
    /// By part: where the hash stands that is asked about next.
    next: Vec<u32>,
}

impl Repeats {
    /// Of two lists, which have about so many hashes together.
    pub fn of<'l, L: Sync, H: Iterator<Item = u32>>(
        count: usize,
        lists: [&'l L; 2],
        hashes: impl Fn(&'l L) -> H + Sync,
    ) -> [Self; 2] {
        let bits = (count / PART).next_power_of_two().ilog2();
        let divided = |list| {
            let hashes = || hashes(list).map(|hash| (part(hash, bits), hash << bits));
            let (told, next) = Groups::of(1 << bits, hashes).into_parts();
            Self { bits, told, next }
        };
        let (mut one, mut other) = both(count, || divided(lists[0]), || divided(lists[1]));
        let ([low, high], [other_low, other_high]) = (one.divide(), other.divide());
        both(count, || low.zip(other_low).for_each(tell), || high.zip(other_high).for_each(tell));
        [one, other]
    }

    /// The first half of the parts, and the second.
    fn divide(&mut self) -> [impl Iterator<Item = &mut [u32]>; 2] {
        let middle = (1 << self.bits) / 2;
        let (told, told_high) = self.told.split_at_mut(self.next[middle] as usize);
        [parts(told, &self.next[..=middle]), parts(told_high, &self.next[middle..])]
    }

    /// Whether a hash comes again. All of a list are to be asked about, in its order.
    pub fn next(&mut self, hash: u32) -> bool {
        let next = &mut self.next[part(hash, self.bits) as usize];
        *next += 1;
        self.told[*next as usize - 1] != 0
    }
}

fn part(hash: u32, bits: u32) -> u32 {
    hash.checked_shr(u32::BITS - bits).unwrap_or(0)
}

/// One after the other; `starts` are theirs and the end.
fn parts<'p>(all: &'p mut [u32], starts: &[u32]) -> impl Iterator<Item = &'p mut [u32]> {
    let mut rest = all;
    starts.windows(2).map(move |bounds| rest.split_off_mut(..(bounds[1] - bounds[0]) as usize).unwrap_or_default())
}

/// Puts in the place of each hash of a part whether it comes again.
fn tell((one, other): (&mut [u32], &mut [u32])) {
    let mut seen = Seen::of(one.len() + other.len());
    let all = || one.iter().chain(other.iter());
    all().for_each(|hash| seen.add(*hash));
    one.iter_mut().chain(other).for_each(|hash| *hash = seen.again(*hash).into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashed;
    use std::collections::HashMap;

    fn told(lists: [&Vec<u32>; 2], count: usize) -> [Vec<bool>; 2] {
        let mut repeats = Repeats::of(count, lists, |list| list.iter().copied());
        let mut told = |at: usize| lists[at].iter().map(|hash| repeats[at].next(*hash)).collect();
        [told(0), told(1)]
    }

    #[test]
    fn what_comes_again_here_or_there_is_told_whatever_the_parts() {
        const COUNT: u32 = 40_000;
        let hash = |value: u32| hashed::text(&value.to_string());
        let one: Vec<u32> = (0..COUNT).chain(0..100).map(hash).chain([0, u32::MAX]).collect();
        let other: Vec<u32> = (COUNT - 50..2 * COUNT).map(hash).chain([7; 1_000]).collect();
        let mut counts: HashMap<u32, u32> = HashMap::new();
        one.iter().chain(&other).for_each(|hash| *counts.entry(*hash).or_default() += 1);
        // In one part, and in up to 64.
        for count in [0, PART, 5 * PART, 40 * PART] {
            let told = told([&one, &other], count);
            let all: Vec<(u32, bool)> = one.iter().chain(&other).copied().zip(told.into_iter().flatten()).collect();
            assert!(all.iter().all(|(hash, again)| *again || counts[hash] == 1), "{count}");
            let mistaken = all.iter().filter(|(hash, again)| *again && counts[hash] == 1).count();
            assert!(mistaken < COUNT as usize / 2, "{count}: {mistaken}");
        }
        assert_eq!(told([&vec![1 << 9], &vec![]], 1), [vec![false], vec![]]);
        assert_eq!(told([&vec![1 << 9], &vec![1 << 9]], 1), [[true], [true]]);
    }
}
