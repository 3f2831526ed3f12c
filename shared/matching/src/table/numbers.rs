//! Equal values as equal numbers.
//!
//! One hash table over millions of texts misses every cache at every step. So values are first divided by their hash into
//! parts whose table fits into a core's own cache, and each part is numbered by itself: the radix partitioning of hash joins
//! (Manegold, Boncz and Kersten, "Optimizing main-memory join on modern hardware", 2002).

use super::{counting::Groups, ix};

/// Values per part: their hashes and their table take some hundred KiB.
const PART: usize = 16_384;
const FREE: u32 = u32::MAX;

/// The numbers of values of which it is known which equal one is the first; `number` gives each first one, in order, its own.
pub(crate) fn number_firsts(firsts: Vec<u32>, mut number: impl FnMut(usize) -> u32) -> Vec<u32> {
    let mut of = firsts;
    for at in 0..of.len() {
        // A first one stands before all that are equal to it, so theirs is a number already.
        let first = of[at] as usize;
        of[at] = if first == at { number(at) } else { of[first] };
    }
    of
}

/// Of each of at most 2^32 − 1 values the position of the first that is equal to it; `same` compares two of them.
pub(crate) fn firsts(hashes: Vec<u32>, same: impl Fn(u32, u32) -> bool) -> Vec<u32> {
    let divided = divided(&hashes);
    // Most values are the first: what is written in order is not written again all over the place.
    let mut of = hashes;
    of.iter_mut().zip(0..).for_each(|(of, at)| *of = at);
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

/// Hashes and positions of values, part by part, within a part in order of position.
fn divided(hashes: &[u32]) -> Groups<(u32, u32)> {
    let parts = ix((hashes.len() / PART).next_power_of_two());
    // The upper bits of a hash tell the part, the lower ones where to look in it.
    let part = |hash: u32| hash.reverse_bits() & (parts - 1);
    Groups::of(parts as usize, || (0..).zip(hashes).map(|(at, hash)| (part(*hash), (*hash, at))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashed;
    use std::collections::HashMap;

    /// In the order of first sight, and how many there are.
    fn number_hashed(hashes: Vec<u32>, same: impl Fn(u32, u32) -> bool) -> (Vec<u32>, u32) {
        let mut count = 0..;
        (number_firsts(firsts(hashes, same), |_| count.next().unwrap()), count.start)
    }

    fn number(values: &[String]) -> (Vec<u32>, u32) {
        let hashes = values.iter().map(|value| hashed::hash(value.as_str())).collect();
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
    fn equal_hashes_do_not_make_equal_values() {
        let (numbers, count) = number_hashed(vec![0; 300], |one, other| one % 100 == other % 100);
        assert_eq!((count, numbers[99], numbers[199], numbers[200]), (100, 99, 99, 0));
    }
}
