//! What records say, where it lies: a run has millions of texts, and hardly one needs a copy. They are compared without regard
//! to case.

use super::{
    Halves, NONE, ix,
    numbers::{firsts, number_firsts},
};
use crate::hashed;
use std::borrow::Cow;

/// Trimmed and lower-cased, without copying what already is.
pub(crate) fn normalised(text: &str) -> Cow<'_, str> {
    folded(trimmed(text))
}

/// Without what surrounds it. Nearly every text has letters or digits at its ends, and is not looked at any further.
pub(crate) fn trimmed(text: &str) -> &str {
    if let [b'!'..=b'~', .., b'!'..=b'~'] = text.as_bytes() { text } else { text.trim() }
}

/// What lists hold: values of which equal ones are to have one number.
pub(crate) trait Value: Copy {
    fn hash(self) -> u32;
    fn same(self, other: Self) -> bool;
}

impl Value for &str {
    fn hash(self) -> u32 {
        hashed::text(self)
    }

    fn same(self, other: Self) -> bool {
        // Without a copy, where nothing but the case of ASCII letters differs.
        self == other || self.eq_ignore_ascii_case(other) || folded(self) == folded(other)
    }
}

/// Hashes of e-mail addresses, as four words.
impl Value for &[i64; 4] {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "half of a word of a good hash is a good hash"
    )]
    fn hash(self) -> u32 {
        self[0] as u32
    }

    fn same(self, other: Self) -> bool {
        self == other
    }
}

/// ASCII without a letter in upper case, as nearly every text is: one look at its bytes, without a branch for each, settles it.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |all, byte| all & byte.is_ascii() & !byte.is_ascii_uppercase())
}

/// Lower-cased, without copying what already is.
fn folded(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.chars().any(char::is_uppercase) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// How many records of a stretch of time were read, and how many are left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub read: usize,
    pub left: usize,
}

impl Left {
    /// After so many records it is known how much there is to one.
    pub const SAMPLE: usize = 8_192;

    /// Makes room for what is to come if records have about as much as those before. A list that grows is copied, and one
    /// that reserves too much leaves memory behind that nobody has touched yet: the next list would have to.
    pub fn make_room<T>(self, list: &mut Vec<T>) {
        let expected = list.len() * self.left / self.read;
        list.reserve_exact(expected + expected / 32);
    }
}

/// Slots of what was seen last: enough for the movements of some minutes, and few enough to stay in a core's cache.
const RECENT: usize = 1 << 12;

/// Values of one stretch of time, each with its hash.
///
/// Movements that belong together are mostly minutes apart, and so a value comes again soon if at all. It is compared with
/// the one that was last seen with such a hash, while both are at hand; what comes again later is one more value of the
/// list, until all are numbered at once.
#[derive(Debug)]
pub(crate) struct ValueList<T> {
    values: Vec<T>,
    hashes: Vec<u32>,
    /// By the lower bits of its hash, the hash and the place of the value that was last seen.
    recent: Vec<(u32, u32)>,
}

impl<T> Default for ValueList<T> {
    fn default() -> Self {
        Self { values: Vec::new(), hashes: Vec::new(), recent: vec![(0, NONE); RECENT] }
    }
}

impl<T: Value> ValueList<T> {
    pub fn make_room(&mut self, left: Left) {
        left.make_room(&mut self.values);
        left.make_room(&mut self.hashes);
    }

    /// The value's place in the list, and whether it is a new one.
    pub fn place(&mut self, value: T) -> (u32, bool) {
        let hash = value.hash();
        let slot = hash as usize & (RECENT - 1);
        let (last_hash, last) = self.recent[slot];
        if last_hash == hash && last != NONE && self.values[last as usize].same(value) {
            return (last, false);
        }
        let place = self.len();
        self.recent[slot] = (hash, place);
        self.values.push(value);
        self.hashes.push(hash);
        (place, true)
    }

    /// The numbers of the values of both lists by place, without gaps, and how many there are.
    pub fn number(lists: [Self; 2]) -> (Halves<u32>, u32) {
        let mut count = 0;
        let numbers = number_firsts(Self::firsts(lists), |_| {
            count += 1;
            count - 1
        });
        (numbers, count)
    }

    /// By place in both lists the place of the first value that is equal.
    pub fn firsts([first, second]: [Self; 2]) -> Halves<u32> {
        let values = Halves([first.values, second.values]);
        firsts(Halves([first.hashes, second.hashes]), |one, other| values[one as usize].same(values[other as usize]))
    }

    /// How many places there are.
    pub fn len(&self) -> u32 {
        ix(self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&'static str]) -> (ValueList<&'static str>, Vec<u32>) {
        let mut list = ValueList::default();
        let places = texts.iter().map(|text| list.place(*text).0).collect();
        (list, places)
    }

    #[test]
    fn case_makes_no_difference_and_everything_else_does() {
        let halves: [&[&'static str]; 2] = [&["Café", "ab", "a b", "ÄB"], &["CAFÉ", "AB", "äb", "cafe", "a  b"]];
        let (numbers, count) = ValueList::number(halves.map(|half| list(half).0));
        assert_eq!((numbers.0, count), ([vec![0, 1, 2, 3], vec![0, 1, 3, 4, 5]], 6));
    }

    #[test]
    fn a_text_that_comes_again_soon_has_one_place() {
        let (list, places) = list(&["ab", "AB", "c", "aB", "C", "d"]);
        assert_eq!((places, list.values.len()), (vec![0, 0, 1, 0, 1, 2], 3));
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
        let mut list = ValueList::default();
        let places: Vec<u32> = all.iter().chain(&all).map(|text| list.place(text.as_str()).0).collect();
        assert!(list.values.len() > all.len());
        let mut hashes: Vec<(u32, &str)> = all.iter().map(|text| (text.as_str().hash(), text.as_str())).collect();
        hashes.sort_unstable();
        let alike: Vec<&[(u32, &str)]> = hashes.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
        assert!(!alike.is_empty());
        for pair in alike {
            let mut list = ValueList::default();
            assert_eq!([0, 1].map(|at| list.place(pair[at].1).0), [0, 1], "{pair:?}");
        }
        let (Halves([numbers, _]), count) = ValueList::number([list, ValueList::default()]);
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
