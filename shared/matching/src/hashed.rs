//! Hashes whose value nobody reads: the results of the engine do not depend on how things hash.
//!
//! They are fixed and fast instead of keyed. Whoever crafts colliding ids slows down a run over data of their own.

use foldhash::fast::FixedState;

/// How maps hash.
pub(crate) type Hashing = FixedState;

/// A bit of each byte.
const LOWEST: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = 0x80 * LOWEST;
/// Odd, with bits all over: those of the fractions of the square roots of 2 and 3.
const FIRST: u64 = 0x6A09_E667_F3BC_C909;
const NEXT: u64 = 0xBB67_AE85_84CA_A73B;

/// Of a text without regard to case: ids are a few words long, and each is folded while it is hashed.
pub(crate) fn text(text: &str) -> u32 {
    let (hash, is_ascii) = bytes(text.as_bytes());
    if is_ascii { hash } else { bytes(text.to_lowercase().as_bytes()).0 }
}

/// Without regard to the case of ASCII letters, and whether there is nothing but ASCII.
#[expect(clippy::cast_possible_truncation, reason = "half of a good hash is a good hash")]
fn bytes(bytes: &[u8]) -> (u32, bool) {
    let (words, rest) = bytes.as_chunks();
    let (mut hash, mut all) = (FIRST, 0);
    let mut add = |word: u64| {
        all |= word;
        hash = multiplied(hash ^ lower_case(word), NEXT);
    };
    words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
    add(last_word(bytes, rest));
    // The length comes last, where it meets no letter that it could make up for.
    (multiplied(hash ^ bytes.len() as u64, FIRST) as u32, all & HIGHEST == 0)
}

/// What is left behind the whole words. It may begin in front of them: no two texts of one length have the same words then, either.
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    match (bytes.last_chunk(), rest) {
        (_, []) => 0,
        (Some(last), _) => u64::from_le_bytes(*last),
        (None, _) => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// All bits of a product, folded into one word (as wyhash does, Wang Yi 2019).
#[expect(clippy::cast_possible_truncation, reason = "each half is a word")]
fn multiplied(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> u64::BITS) as u64
}

/// Eight bytes at once, of which those that are no ASCII letters stay.
fn lower_case(word: u64) -> u64 {
    let low = word & !HIGHEST;
    // The highest bit of a byte that is below it tells whether the byte is at least `A`, and whether it is beyond `Z`.
    let from_a = low + (0x80 - u64::from(b'A')) * LOWEST;
    let beyond_z = low + (0x7F - u64::from(b'Z')) * LOWEST;
    let capitals = from_a & !beyond_z & !word & HIGHEST;
    word | (capitals >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn case_makes_no_difference(given in "\\PC{0,40}", ascii in "[ -~]{0,40}") {
            let lower = given.to_lowercase();
            prop_assert_eq!(text(&given), text(&lower));
            prop_assert_eq!(text(&ascii), text(&ascii.to_ascii_uppercase()));
        }

        #[test]
        fn eight_letters_are_folded_as_each_is(word: [u8; 8]) {
            let folded = lower_case(u64::from_le_bytes(word));
            prop_assert_eq!(folded.to_le_bytes(), word.map(|byte| byte.to_ascii_lowercase()));
        }
    }

    /// Of so many texts with 32 bits some 1.2 would have the hash of another one by chance.
    #[test]
    fn texts_that_are_alike_have_hashes_that_are_not() {
        let mut texts: BTreeSet<String> = (0..100_000).map(|number| format!("gid://shopify/Order/{number}")).collect();
        for length in 0..40 {
            // Every length, and every place where two can differ.
            texts.insert("a".repeat(length));
            texts.extend((0..length).map(|at| format!("{}b{}", "a".repeat(at), "a".repeat(length - at - 1))));
        }
        let hashes: BTreeSet<u32> = texts.iter().map(|one| text(one)).collect();
        assert!(texts.len() - hashes.len() <= 6, "{} of {}", hashes.len(), texts.len());
        // Parts of them are used alone, from either end.
        for digits in [|hash: u32| hash >> 20, |hash: u32| hash & 0xFFF] {
            let mut counts = [0_usize; 4_096];
            texts.iter().for_each(|one| counts[digits(text(one)) as usize] += 1);
            assert!(counts.iter().all(|count| (3..75).contains(count)), "{counts:?}");
        }
    }
}
