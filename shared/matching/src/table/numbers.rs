//! Equal values as equal numbers.
//!
//! One hash table over millions of texts misses every cache at every step. So values whose hash comes once are set aside, which
//! takes two bits for each hash (a Bloom filter that counts to two), and the others are divided by their hash into
//! parts whose table fits into a core's own cache, and each part is numbered by itself: the radix partitioning of hash joins
//! (Manegold, Boncz and Kersten, "Optimizing main-memory join on modern hardware", 2002).

use super::{Halves, counting::Groups, ix, seen::Seen};

/// Values per part: their hashes and their table take some hundred KiB.
const PART: usize = 16_384;
const FREE: u32 = u32::MAX;
/// Hashes that are looked at before there is room for more of those that come again.
const AT_ONCE: usize = 1_024;

/// The numbers of values of which it is known which equal one is the first; `number` gives each first one, in order, its own.
pub(crate) fn number_firsts(firsts: Halves<u32>, mut number: impl FnMut(usize) -> u32) -> Halves<u32> {
    let mut of = firsts;
    for at in 0..of.len() {
        // A first one stands before all that are equal to it, so theirs is a number already.
        let first = of[at] as usize;
        of[at] = if first == at { number(at) } else { of[first] };
    }
    of
}

/// Of each of at most 2^32 − 1 values the position of the first that is equal to it; `same` compares two of them.
pub(crate) fn firsts(hashes: Halves<u32>, same: impl Fn(u32, u32) -> bool) -> Halves<u32> {
    let divided = divided(&repeated(&hashes));
    // Most values are the first: what is written in order is not written again all over the place.
    let mut of = hashes;
    of.0.iter_mut().flatten().zip(0..).for_each(|(of, at)| *of = at);
    let mut slots: Vec<u32> = Vec::new();
    for part in divided.iter() {
        let mask = (part.len() * 2).next_power_of_two() - 1;
        slots.clear();
        slots.resize(mask + 1, FREE);
        for (place, (hash, at)) in (0..).zip(part) {
            let mut slot = *hash as usize & mask;
            loop {
                let known = slots[slot];
                if known == FREE {
                    slots[slot] = place;
                    break;
                }
                let (other_hash, other) = part[known as usize];
                if other_hash == *hash && same(other, *at) {
                    of[*at as usize] = other;
                    break;
                }
                slot = (slot + 1) & mask;
            }
        }
    }
    of
}

/// Hashes that come more than once, with their positions, in order; and some others. Most do not, and are out of the way
/// after a look at two bits each.
fn repeated(hashes: &Halves<u32>) -> Vec<(u32, u32)> {
    let mut seen = Seen::of(hashes.len());
    hashes.0.iter().flatten().for_each(|hash| seen.add(*hash));
    // Mostly there is room for all of them; a list that grows leaves memory behind.
    let mut repeated = Vec::with_capacity(hashes.len() / 4);
    let mut at = 0;
    for some in hashes.0.iter().flat_map(|half| half.chunks(AT_ONCE)) {
        // Nobody can guess which ones come again, so each is written, and the next one over it if it does not.
        let mut end = repeated.len();
        repeated.resize(end + some.len(), (0, 0));
        for hash in some {
            repeated[end] = (*hash, at);
            end += usize::from(seen.again(*hash));
            at += 1;
        }
        repeated.truncate(end);
    }
    repeated
}

/// Hashes and positions of values, part by part, within a part in order of position.
fn divided(hashes: &[(u32, u32)]) -> Groups<(u32, u32)> {
    let parts = ix((hashes.len() / PART).next_power_of_two());
    // The upper bits of a hash tell the part, the lower ones where to look in it.
    let part = |hash: u32| hash.reverse_bits() & (parts - 1);
    Groups::of(parts as usize, || hashes.iter().map(|value| (part(value.0), *value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashed;
    use std::collections::{HashMap, HashSet};

    /// In the order of first sight, and how many there are.
    fn number_hashed(mut hashes: Vec<u32>, same: impl Fn(u32, u32) -> bool) -> (Vec<u32>, u32) {
        let mut count = 0..;
        let later = hashes.split_off(hashes.len() / 3);
        let numbers = number_firsts(firsts(Halves([hashes, later]), same), |_| count.next().unwrap());
        (numbers.iter().copied().collect(), count.start)
    }

    fn number(values: &[String]) -> (Vec<u32>, u32) {
        let hashes = values.iter().map(|value| hashed::text(value)).collect();
        number_hashed(hashes, |one, other| values[one as usize] == values[other as usize])
    }

    fn expected(values: &[String]) -> Vec<u32> {
        let mut known = HashMap::new();
        values
            .iter()
            .map(|value| {
                let next = u32::try_from(known.len()).unwrap();
                *known.entry(value).or_insert(next)
            })
            .collect()
    }

    #[test]
    fn numbers_follow_the_order_of_first_sight() {
        let numbers = number(&["b", "a", "b", "", "c", "a", ""].map(str::to_owned));
        assert_eq!(numbers, (vec![0, 1, 0, 2, 3, 1, 2], 4));
        assert_eq!(number(&[]).1, 0);
    }

    #[test]
    fn many_parts_number_as_one_table_does() {
        let values: Vec<String> = (0..5 * PART).map(|at| format!("value {}", at * 7_919 % (2 * PART))).collect();
        let (numbers, count) = number(&values);
        assert_eq!(numbers, expected(&values));
        assert_eq!(count as usize, 2 * PART);
    }

    #[test]
    fn what_comes_once_is_mostly_left_out_and_what_comes_again_never() {
        let hash = |value: u32| hashed::text(&value.to_string());
        let once: Vec<u32> = (0..10_000).map(hash).collect();
        let again: Vec<u32> = (5_000..5_100).map(hash).collect();
        let found = repeated(&Halves([once, again]));
        assert!(found.is_sorted_by_key(|(_, at)| *at));
        let there: HashSet<u32> = found.iter().map(|(_, at)| *at).collect();
        assert!((5_000..5_100).chain(10_000..10_100).all(|at| there.contains(&at)));
        assert!(found.len() < 2_500, "{}", found.len());
        assert_eq!(repeated(&Halves([vec![0, u32::MAX], vec![u32::MAX]])), [(u32::MAX, 1), (u32::MAX, 2)]);
        assert!(repeated(&Halves::default()).is_empty());
    }

    #[test]
    fn equal_hashes_do_not_make_equal_values() {
        let (numbers, count) = number_hashed(vec![0; 300], |one, other| one % 100 == other % 100);
        assert_eq!((count, numbers[99], numbers[199], numbers[200]), (100, 99, 99, 0));
    }
}
