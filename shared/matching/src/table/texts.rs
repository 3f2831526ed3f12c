//! Texts that are compared without regard to case, where they lie: a run has millions, and hardly one needs a copy.

use super::{
    NONE, ix,
    numbers::{firsts, number_firsts},
};
use crate::hashed;
use std::borrow::Cow;

/// Trimmed and lower-cased, without copying what already is.
pub(crate) fn normalised(text: &str) -> Cow<'_, str> {
    folded(text.trim())
}

/// Lower-cased, without copying what already is.
fn folded(text: &str) -> Cow<'_, str> {
    // Nearly every text is plain: one look at its bytes, without a branch for each, settles it.
    let plain = text.bytes().fold(true, |all, byte| all & byte.is_ascii() & !byte.is_ascii_uppercase());
    if plain || !text.chars().any(char::is_uppercase) { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// Slots of what was seen last: enough for the movements of some minutes, and few enough to stay in a core's cache.
const RECENT: usize = 1 << 12;

/// Texts of one stretch of time, each with the hash of what it is compared by.
///
/// Movements that belong together are mostly minutes apart, and so a text comes again soon if at all. It is compared with
/// the one that was last seen with such a hash, while both are at hand; what comes again later is one more text of the
/// list, until all are numbered at once.
#[derive(Debug)]
pub(crate) struct TextList<'a> {
    texts: Vec<&'a str>,
    hashes: Vec<u32>,
    /// By the lower bits of its hash, the hash and the place of the text that was last seen.
    recent: Vec<(u32, u32)>,
    /// Whether case makes a difference.
    exact: bool,
}

impl<'a> TextList<'a> {
    /// With room for so many texts; what is reserved and never used takes no memory.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            texts: Vec::with_capacity(capacity),
            // The other half's come behind.
            hashes: Vec::with_capacity(capacity * 2),
            recent: vec![(0, NONE); RECENT],
            exact: false,
        }
    }

    /// In which case makes a difference.
    pub fn exact(capacity: usize) -> Self {
        Self { exact: true, ..Self::with_capacity(capacity) }
    }

    /// The text's place in the list, and the text as it is compared if it was not there.
    pub fn place(&mut self, text: &'a str) -> (u32, Option<Cow<'a, str>>) {
        let compared = compared(text, self.exact);
        let hash = hashed::hash(compared.as_ref());
        let slot = hash as usize & (RECENT - 1);
        let (last_hash, last) = self.recent[slot];
        if last_hash == hash && last != NONE && same(self.texts[last as usize], text, self.exact) {
            return (last, None);
        }
        let place = self.len();
        self.recent[slot] = (hash, place);
        self.texts.push(text);
        self.hashes.push(hash);
        (place, Some(compared))
    }

    /// The numbers of the texts of both lists by place, without gaps, the second's behind the first's, and how many there
    /// are.
    pub fn number(halves: [Self; 2]) -> ([Vec<u32>; 2], u32) {
        let of_first = halves[0].len();
        let mut count = 0;
        let mut of = number_firsts(Self::firsts(halves), |_| {
            count += 1;
            count - 1
        });
        let of_second = of.split_off(of_first as usize);
        ([of, of_second], count)
    }

    /// By place in both lists, the second's behind the first's, the place of the first text that is equal.
    pub fn firsts([first, second]: [Self; 2]) -> Vec<u32> {
        let exact = first.exact;
        let mut hashes = first.hashes;
        hashes.extend(second.hashes);
        let (first, second) = (first.texts, second.texts);
        let text = |at: u32| first.get(at as usize).unwrap_or_else(|| &second[at as usize - first.len()]);
        firsts(hashes, |one, other| same(text(one), text(other), exact))
    }

    /// How many places there are.
    pub fn len(&self) -> u32 {
        ix(self.texts.len())
    }
}

fn compared(text: &str, exact: bool) -> Cow<'_, str> {
    if exact { Cow::Borrowed(text) } else { folded(text) }
}

fn same(one: &str, other: &str, exact: bool) -> bool {
    one == other || (!exact && folded(one) == folded(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&'static str], exact: bool) -> (TextList<'static>, Vec<u32>) {
        let mut list = TextList { exact, ..TextList::with_capacity(texts.len()) };
        let places = texts.iter().map(|text| list.place(text).0).collect();
        (list, places)
    }

    #[test]
    fn case_makes_a_difference_where_it_is_asked_for_and_everything_else_does() {
        let halves: [&[&'static str]; 2] = [&["Café", "ab", "a b", "ÄB"], &["CAFÉ", "AB", "äb", "cafe", "a  b"]];
        let numbers = |exact| TextList::number(halves.map(|half| list(half, exact).0));
        assert_eq!(numbers(false), ([vec![0, 1, 2, 3], vec![0, 1, 3, 4, 5]], 6));
        assert_eq!(numbers(true).1, 9);
    }

    #[test]
    fn a_text_that_comes_again_soon_has_one_place() {
        let texts = ["ab", "AB", "c", "aB", "C", "d"];
        let (folded, places) = list(&texts, false);
        assert_eq!((places, folded.texts.len()), (vec![0, 0, 1, 0, 1, 2], 3));
        let (exact, places) = list(&texts, true);
        assert_eq!((places, exact.texts.len()), (vec![0, 1, 2, 3, 4, 5], 6));
    }

    /// More texts than are remembered, each of them twice, far apart; and some ten of so many have the hash of another one.
    #[test]
    fn neither_a_late_return_nor_an_equal_hash_makes_a_difference() {
        const TEXTS: u32 = 300_000;
        let all: Vec<String> = (0..TEXTS).map(|number| format!("text {number}")).collect();
        let mut list = TextList::with_capacity(all.len());
        let places: Vec<u32> = all.iter().chain(&all).map(|text| list.place(text).0).collect();
        assert!(list.texts.len() > all.len());
        let mut hashes: Vec<(u32, &str)> =
            all.iter().map(|text| (hashed::hash(text.as_str()), text.as_str())).collect();
        hashes.sort_unstable();
        let alike: Vec<&[(u32, &str)]> = hashes.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
        assert!(!alike.is_empty());
        for pair in alike {
            let mut list = TextList::with_capacity(2);
            assert_eq!([0, 1].map(|at| list.place(pair[at].1).0), [0, 1], "{pair:?}");
        }
        let ([numbers, _], count) = TextList::number([list, TextList::with_capacity(0)]);
        assert_eq!(count, TEXTS);
        let found: Vec<u32> = places.iter().map(|place| numbers[*place as usize]).collect();
        let expected: Vec<u32> = (0..TEXTS).chain(0..TEXTS).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn space_around_a_text_is_no_part_of_it() {
        assert_eq!(normalised("  Ab c\t"), "ab c");
        assert!(matches!(normalised(" ab "), Cow::Borrowed("ab")));
    }
}
