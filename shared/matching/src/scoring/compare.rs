//! How two texts relate, as one of a few levels. What a level is worth is the rule set's business; how telling the
//! words are that both have is counted elsewhere.
//!
//! Bank texts are one text printed twice: the same beginning, then one of them cut short or with a word for the way of
//! payment added or dropped. So the common beginning is set aside and what follows is judged.

use super::text::{Fillers, Text};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextLevel {
    /// Nothing to compare on one side or both.
    Missing,
    /// Word for word.
    Same,
    /// One is cut inside a word of the other.
    CutInWord,
    /// One ends, possibly cut, where the other goes on with filler.
    CutBeforeFiller,
    /// One ends, possibly cut, where the other goes on with words that mean something.
    CutBeforeWords,
    /// One ends, uncut, where the other goes on with filler.
    EndsBeforeFiller,
    /// One ends, uncut, where the other goes on with words that mean something.
    EndsBeforeWords,
    /// Filler after the common beginning, and one side's is part of the other's.
    FillerDropped,
    /// Different filler after the common beginning, and one of them may be cut.
    FillerDiffersCut,
    /// Different filler after the common beginning.
    FillerDiffers,
    /// One goes on with filler, the other with words that mean something.
    WordsAgainstFiller,
    /// Both go on with words that mean something.
    WordsDiffer,
    /// The common beginning ends inside a word.
    WordDiffers,
    /// Beginnings differ, but a rare word is in both.
    SharedWord,
    /// Nothing in common.
    Different,
}

impl TextLevel {
    pub const ALL: [Self; 15] = [
        Self::Missing,
        Self::Same,
        Self::CutInWord,
        Self::CutBeforeFiller,
        Self::CutBeforeWords,
        Self::EndsBeforeFiller,
        Self::EndsBeforeWords,
        Self::FillerDropped,
        Self::FillerDiffersCut,
        Self::FillerDiffers,
        Self::WordsAgainstFiller,
        Self::WordsDiffer,
        Self::WordDiffers,
        Self::SharedWord,
        Self::Different,
    ];

    /// Position in tables of weights.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// As the rule set spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Same => "same",
            Self::CutInWord => "cut_in_word",
            Self::CutBeforeFiller => "cut_before_filler",
            Self::CutBeforeWords => "cut_before_words",
            Self::EndsBeforeFiller => "ends_before_filler",
            Self::EndsBeforeWords => "ends_before_words",
            Self::FillerDropped => "filler_dropped",
            Self::FillerDiffersCut => "filler_differs_cut",
            Self::FillerDiffers => "filler_differs",
            Self::WordsAgainstFiller => "words_against_filler",
            Self::WordsDiffer => "words_differ",
            Self::WordDiffers => "word_differs",
            Self::SharedWord => "shared_word",
            Self::Different => "different",
        }
    }

    /// Agreement that a person would call one.
    #[must_use]
    pub const fn agrees(self) -> bool {
        matches!(
            self,
            Self::Same
                | Self::CutInWord
                | Self::CutBeforeFiller
                | Self::CutBeforeWords
                | Self::EndsBeforeFiller
                | Self::FillerDropped
                | Self::FillerDiffersCut
                | Self::FillerDiffers
                | Self::SharedWord
        )
    }
}

/// Characters that two texts must begin with alike to be read as one text printed twice.
pub(crate) const COMMON_START: usize = 3;
/// A text of this length that ends inside the other's word is taken for cut even where too few texts show a width.
const LONG_ENOUGH_TO_BE_CUT: usize = 12;
/// A word of this length with a digit in it is a reference of somebody's, not a name.
const REFERENCE_LENGTH: usize = 6;

/// Bytes of the common beginning, at a character boundary.
pub(crate) fn common_start(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(left, right)| left == right).count();
    (0..=same).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0)
}

/// Whether texts with this common beginning are read as one text printed twice.
pub(crate) fn begins_alike(a: &str, b: &str, common: usize) -> bool {
    a == b || a.get(..common).is_some_and(|start| start.chars().nth(COMMON_START - 1).is_some())
}

/// The relation of two texts that begin alike for `common` bytes.
pub(crate) fn relation(a: &Text, b: &Text, common: usize, fillers: &Fillers) -> TextLevel {
    if a.words == b.words {
        return TextLevel::Same;
    }
    let (left, right) = (a.words.get(common..).unwrap_or_default(), b.words.get(common..).unwrap_or_default());
    let inside = !a.words.get(..common).unwrap_or_default().ends_with(' ');
    let goes_on = |rest: &str| !rest.is_empty() && !rest.starts_with(' ');
    if inside && (goes_on(left) || goes_on(right)) {
        let (rest, short) = if goes_on(left) { (right, b) } else { (left, a) };
        let cut = short.cut || short.words.chars().count() >= LONG_ENOUGH_TO_BE_CUT;
        let one_ends = rest.is_empty() && goes_on(left) != goes_on(right);
        return if one_ends && cut { TextLevel::CutInWord } else { TextLevel::WordDiffers };
    }
    let (left, right) = (words(left), words(right));
    let (means, other_means) = (meaning(&left, a.cut, fillers), meaning(&right, b.cut, fillers));
    match (left.is_empty() || right.is_empty(), means || other_means) {
        (true, more) => {
            let cut = if left.is_empty() { a.cut } else { b.cut };
            match (cut, more) {
                (true, false) => TextLevel::CutBeforeFiller,
                (true, true) => TextLevel::CutBeforeWords,
                (false, false) => TextLevel::EndsBeforeFiller,
                (false, true) => TextLevel::EndsBeforeWords,
            }
        }
        (false, _) if means && other_means => TextLevel::WordsDiffer,
        (false, true) => TextLevel::WordsAgainstFiller,
        (false, false) if within(&left, a.cut, &right, b.cut) || within(&right, b.cut, &left, a.cut) => {
            TextLevel::FillerDropped
        }
        (false, false) if a.cut || b.cut => TextLevel::FillerDiffersCut,
        (false, false) => TextLevel::FillerDiffers,
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').filter(|word| !word.is_empty()).collect()
}

/// Whether some word is neither filler nor a reference; the last one may be the beginning of either where it is cut.
fn meaning(words: &[&str], cut: bool, fillers: &Fillers) -> bool {
    let digits = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    words.iter().enumerate().any(|(place, word)| {
        let length = word.chars().count();
        let reference = length >= REFERENCE_LENGTH && digits(word);
        let last = cut && place + 1 == words.len();
        let beginning = last && (fillers.begins(word) || (length >= 2 && digits(word)));
        !(fillers.has(word) || reference || beginning)
    })
}

/// Whether `short` can be made from `long` by dropping words and cutting the end.
fn within(short: &[&str], short_cut: bool, long: &[&str], long_cut: bool) -> bool {
    let mut rest = long.iter().enumerate();
    short.iter().enumerate().all(|(place, word)| {
        let last = place + 1 == short.len();
        rest.any(|(at, other)| {
            word == other
                || (last && short_cut && other.starts_with(word))
                || (at + 1 == long.len() && long_cut && word.starts_with(other))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(a: &str, b: &str) -> TextLevel {
        let fillers = Fillers::of(&["payment", "donation", "bgc", "chq"]);
        let text = |raw: &str| Text { words: raw.trim_end_matches('|').to_owned(), cut: raw.ends_with('|') };
        let (a, b) = (text(a), text(b));
        let common = common_start(&a.words, &b.words);
        let found = relation(&a, &b, common, &fillers);
        assert_eq!(found, relation(&b, &a, common, &fillers), "the order of the two says nothing");
        found
    }

    #[test]
    fn every_level_has_its_texts() {
        assert_eq!(level("j meyer", "j meyer"), TextLevel::Same);
        assert_eq!(level("j meyer pay|", "j meyer payment bgc"), TextLevel::CutInWord);
        assert_eq!(level("j meyer|", "j meyer payment bgc"), TextLevel::CutBeforeFiller);
        assert_eq!(level("j meyer|", "j meyer lindt"), TextLevel::CutBeforeWords);
        assert_eq!(level("j meyer", "j meyer bgc"), TextLevel::EndsBeforeFiller);
        assert_eq!(level("j meyer", "j meyer ab12cd34"), TextLevel::EndsBeforeFiller);
        assert_eq!(level("j meyer", "j meyer lindt"), TextLevel::EndsBeforeWords);
        assert_eq!(level("j meyer bgc", "j meyer payment bgc"), TextLevel::FillerDropped);
        assert_eq!(level("j meyer bgc", "j meyer payment b|"), TextLevel::FillerDropped);
        assert_eq!(level("j meyer bgc", "j meyer paymen|"), TextLevel::FillerDiffersCut);
        assert_eq!(level("j meyer bgc", "j meyer chq"), TextLevel::FillerDiffers);
        assert_eq!(level("j meyer bgc", "j meyer lindt bgc"), TextLevel::WordsAgainstFiller);
        assert_eq!(level("j meyer smith", "j meyer lindt"), TextLevel::WordsDiffer);
        assert_eq!(level("j mayer", "j meyer"), TextLevel::WordDiffers);
        assert_eq!(level("j m", "j meyer"), TextLevel::WordDiffers);
        assert_eq!(level("johann gottlieb f", "johann gottlieb fichte"), TextLevel::CutInWord);
    }

    #[test]
    fn a_beginning_never_splits_a_letter() {
        assert_eq!(common_start("né", "nè"), 1);
        assert!(!begins_alike("né", "nè", 1));
        assert!(begins_alike("u v", "u v bgc", 3));
        assert!(begins_alike("ab", "ab", 2) && !begins_alike("ab", "ab c", 2));
    }

    #[test]
    fn names_are_those_of_the_schema() {
        for level in TextLevel::ALL {
            assert_eq!(serde_json::to_value(level).expect("a name"), level.name());
            assert_eq!(TextLevel::ALL.get(level.index()), Some(&level));
        }
    }
}
