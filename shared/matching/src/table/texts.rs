//! Texts that are compared without regard to case, where they lie: a run has millions, and hardly one needs a copy.

use super::numbers::{Numbers, number_hashed};
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

/// A list of them, each with the hash of what it is compared by, taken while the text is at hand anyway.
#[derive(Debug)]
pub(crate) struct TextList<'a> {
    texts: Vec<&'a str>,
    hashes: Vec<u32>,
}

impl<'a> TextList<'a> {
    /// What is reserved and never used takes no memory.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { texts: Vec::with_capacity(capacity), hashes: Vec::with_capacity(capacity) }
    }

    /// Returns the text as it is compared.
    pub fn push(&mut self, text: &'a str) -> Cow<'a, str> {
        let folded = folded(text);
        self.texts.push(text);
        self.hashes.push(hashed::hash(folded.as_ref()));
        folded
    }

    /// Numbers the texts of both sides, the second's behind the first's.
    pub fn number([first, second]: [Self; 2]) -> Numbers {
        let mut hashes = first.hashes;
        hashes.extend(second.hashes);
        let (first, second) = (first.texts, second.texts);
        let text = |at: u32| first.get(at as usize).unwrap_or_else(|| &second[at as usize - first.len()]);
        number_hashed(hashes, |one, other| {
            let (one, other) = (text(one), text(other));
            one == other || folded(one) == folded(other)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_makes_no_difference_and_everything_else_does() {
        let list = |texts: &[&'static str]| {
            let mut list = TextList::with_capacity(texts.len());
            texts.iter().for_each(|text| drop(list.push(text)));
            list
        };
        let numbers =
            TextList::number([list(&["Café", "ab", "a b", "ÄB"]), list(&["CAFÉ", "AB", "äb", "cafe", "a  b"])]);
        assert_eq!((numbers.of, numbers.count), (vec![0, 1, 2, 3, 0, 1, 3, 4, 5], 6));
    }

    /// Among so many some ten have the hash of another one.
    #[test]
    fn equal_hashes_do_not_make_equal_texts() {
        let all: Vec<String> = (0..300_000).map(|number| format!("text {number}")).collect();
        let mut list = TextList::with_capacity(all.len());
        all.iter().for_each(|text| drop(list.push(text)));
        let mut hashes = list.hashes.clone();
        hashes.sort_unstable();
        hashes.dedup();
        assert!(hashes.len() < all.len());
        assert_eq!(TextList::number([list, TextList::with_capacity(0)]).count as usize, all.len());
    }

    #[test]
    fn space_around_a_text_is_no_part_of_it() {
        assert_eq!(normalised("  Ab c\t"), "ab c");
        assert!(matches!(normalised(" ab "), Cow::Borrowed("ab")));
    }
}
