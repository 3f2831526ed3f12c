//! Texts that are compared without regard to case, where they lie: a run has millions, and hardly one needs a copy.

use super::{
    Halves, NONE, ix,
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

/// How many records of a stretch of time were read, and how many are left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub read: usize,
    pub left: usize,
}

impl Left {
    /// Makes room for what is to come if records have about as much as those before. A list that grows is copied, and one
    /// that reserves too much leaves memory behind that nobody has touched yet: the next list would have to.
    pub fn make_room<T>(self, list: &mut Vec<T>) {
        let expected = list.len() * self.left / self.read;
        list.reserve_exact(expected + expected / 32);
    }
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
}

impl Default for TextList<'_> {
    fn default() -> Self {
        Self { texts: Vec::new(), hashes: Vec::new(), recent: vec![(0, NONE); RECENT] }
    }
}

impl<'a> TextList<'a> {
    pub fn make_room(&mut self, left: Left) {
        left.make_room(&mut self.texts);
        left.make_room(&mut self.hashes);
    }

    /// The text's place in the list, and the text as it is compared if it was not there.
    pub fn place(&mut self, text: &'a str) -> (u32, Option<Cow<'a, str>>) {
        let compared = folded(text);
        let hash = hashed::hash(compared.as_ref());
        let slot = hash as usize & (RECENT - 1);
        let (last_hash, last) = self.recent[slot];
        if last_hash == hash && last != NONE && same(self.texts[last as usize], text) {
            return (last, None);
        }
        let place = self.len();
        self.recent[slot] = (hash, place);
        self.texts.push(text);
        self.hashes.push(hash);
        (place, Some(compared))
    }

    /// The numbers of the texts of both lists by place, without gaps, and how many there are.
    pub fn number(lists: [Self; 2]) -> (Halves<u32>, u32) {
        let mut count = 0;
        let numbers = number_firsts(Self::firsts(lists), |_| {
            count += 1;
            count - 1
        });
        (numbers, count)
    }

    /// By place in both lists the place of the first text that is equal.
    pub fn firsts([first, second]: [Self; 2]) -> Halves<u32> {
        let texts = Halves([first.texts, second.texts]);
        firsts(Halves([first.hashes, second.hashes]), |one, other| same(texts[one as usize], texts[other as usize]))
    }

    /// How many places there are.
    pub fn len(&self) -> u32 {
        ix(self.texts.len())
    }
}

fn same(one: &str, other: &str) -> bool {
    one == other || folded(one) == folded(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&'static str]) -> (TextList<'static>, Vec<u32>) {
        let mut list = TextList::default();
        let places = texts.iter().map(|text| list.place(text).0).collect();
        (list, places)
    }

    #[test]
    fn case_makes_no_difference_and_everything_else_does() {
        let halves: [&[&'static str]; 2] = [&["Café", "ab", "a b", "ÄB"], &["CAFÉ", "AB", "äb", "cafe", "a  b"]];
        let (numbers, count) = TextList::number(halves.map(|half| list(half).0));
        assert_eq!((numbers.0, count), ([vec![0, 1, 2, 3], vec![0, 1, 3, 4, 5]], 6));
    }

    #[test]
    fn a_text_that_comes_again_soon_has_one_place() {
        let (list, places) = list(&["ab", "AB", "c", "aB", "C", "d"]);
        assert_eq!((places, list.texts.len()), (vec![0, 0, 1, 0, 1, 2], 3));
    }

    #[test]
    fn room_is_made_for_as_much_as_came_so_far() {
        let mut list = vec![0_u8; 300];
        Left { read: 100, left: 1_000 }.make_room(&mut list);
        assert!((3_300..3_500).contains(&list.capacity()), "{}", list.capacity());
        Left { read: 100, left: 0 }.make_room(&mut list);
        assert_eq!(list.len(), 300);
    }

    /// More texts than are remembered, each of them twice, far apart; and some ten of so many have the hash of another one.
    #[test]
    fn neither_a_late_return_nor_an_equal_hash_makes_a_difference() {
        const TEXTS: u32 = 300_000;
        let all: Vec<String> = (0..TEXTS).map(|number| format!("text {number}")).collect();
        let mut list = TextList::default();
        let places: Vec<u32> = all.iter().chain(&all).map(|text| list.place(text).0).collect();
        assert!(list.texts.len() > all.len());
        let mut hashes: Vec<(u32, &str)> =
            all.iter().map(|text| (hashed::hash(text.as_str()), text.as_str())).collect();
        hashes.sort_unstable();
        let alike: Vec<&[(u32, &str)]> = hashes.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
        assert!(!alike.is_empty());
        for pair in alike {
            let mut list = TextList::default();
            assert_eq!([0, 1].map(|at| list.place(pair[at].1).0), [0, 1], "{pair:?}");
        }
        let (Halves([numbers, _]), count) = TextList::number([list, TextList::default()]);
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
