//! Free text (memos, or names where there is no memo) as the comparison sees it: lower-cased words, with two things
//! counted from the run itself: at which length a side cuts its texts, and which words are filler.
//!
//! Both are properties of how a bank prints, not of who paid, so they are counted and never learnt: a width is a cut
//! where far more texts end than at the lengths around it, a filler is a word that many texts hold and none begins
//! with ("transfer", "bgc").

use std::collections::{BTreeMap, HashMap, HashSet};

/// A side's length at which at least one text in twenty ends …
const CUT_SHARE: usize = 20;
/// … and three times as many as at the lengths beside it …
const CUT_PEAK: usize = 3;
/// … and which is long enough and frequent enough to be a limit rather than a habit.
const CUT_MIN_LENGTH: usize = 8;
const CUT_MIN_COUNT: usize = 20;
/// A filler is in at least one text in 250, …
const FILLER_SHARE: usize = 250;
const FILLER_MIN_COUNT: usize = 8;
/// … begins at most one in fifty of the texts it is in, and follows at least twenty different words.
const FILLER_FIRST: usize = 50;
const FILLER_CONTEXTS: usize = 20;

/// One normalised text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text {
    /// Lower-cased words with single spaces between them.
    pub words: String,
    /// As long as its side's texts may be: the end may be missing.
    pub cut: bool,
}

/// Letters and digits in lower case; everything else separates words.
pub(crate) fn normalise(raw: &str) -> String {
    let mut words = String::with_capacity(raw.len());
    let mut gap = false;
    for letter in raw.chars() {
        if letter.is_alphanumeric() {
            if gap && !words.is_empty() {
                words.push(' ');
            }
            gap = false;
            if letter.is_uppercase() {
                words.extend(letter.to_lowercase());
            } else {
                words.push(letter);
            }
        } else {
            gap = true;
        }
    }
    words
}

/// Lengths at which one side's texts are cut.
pub(crate) fn cut_widths<'t>(texts: impl Iterator<Item = &'t str>) -> HashSet<usize> {
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut all = 0;
    for text in texts {
        *lengths.entry(text.chars().count()).or_default() += 1;
        all += 1;
    }
    let at = |length: usize| lengths.get(&length).copied().unwrap_or(0);
    lengths
        .iter()
        .filter(|(length, count)| {
            let beside = at(length.saturating_sub(1)).max(at(*length + 1));
            **length >= CUT_MIN_LENGTH
                && **count >= CUT_MIN_COUNT
                && **count * CUT_SHARE >= all
                && **count >= beside * CUT_PEAK
        })
        .map(|(length, _)| *length)
        .collect()
}

/// Words that say how money moved rather than whose it is.
#[derive(Debug, Default)]
pub(crate) struct Fillers {
    words: HashSet<String>,
    /// Sorted, for the beginnings that a cut leaves.
    sorted: Vec<String>,
}

impl Fillers {
    /// The configured words and those that the texts show to be filler.
    pub fn count<'t>(texts: impl Iterator<Item = &'t str>, configured: &[String]) -> Self {
        #[derive(Default)]
        struct Use<'t> {
            texts: usize,
            first: usize,
            after: HashSet<&'t str>,
        }
        let mut uses: HashMap<&str, Use<'_>> = HashMap::new();
        let mut all = 0;
        for text in texts {
            all += 1;
            let mut before: Option<&str> = None;
            for word in text.split(' ').filter(|word| !word.is_empty()) {
                let place = uses.entry(word).or_default();
                place.texts += 1;
                match before {
                    None => place.first += 1,
                    Some(before) if place.after.len() < FILLER_CONTEXTS => {
                        place.after.insert(before);
                    }
                    Some(_) => {}
                }
                before = Some(word);
            }
        }
        let least = FILLER_MIN_COUNT.max(all / FILLER_SHARE);
        let found = uses.iter().filter(|(word, place)| {
            word.chars().count() >= 2
                && place.texts >= least
                && place.first * FILLER_FIRST <= place.texts
                && place.after.len() >= FILLER_CONTEXTS
        });
        let mut words: HashSet<String> = found.map(|(word, _)| (*word).to_owned()).collect();
        words.extend(configured.iter().map(|word| normalise(word)).filter(|word| !word.is_empty()));
        let mut sorted: Vec<String> = words.iter().cloned().collect();
        sorted.sort_unstable();
        Self { words, sorted }
    }

    pub fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Whether some filler begins so.
    pub fn begins(&self, part: &str) -> bool {
        let place = self.sorted.partition_point(|word| word.as_str() < part);
        self.sorted.get(place).is_some_and(|word| word.starts_with(part))
    }

    #[cfg(test)]
    pub fn of(words: &[&str]) -> Self {
        let configured: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Self::count(std::iter::empty(), &configured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_with_single_spaces() {
        assert_eq!(normalise("  ACME-Ltd.  (Übung) 12 "), "acme ltd übung 12");
        assert_eq!(normalise("***"), "");
    }

    #[test]
    fn a_width_is_a_cut_where_texts_pile_up() {
        let texts: Vec<String> = (0..100_usize).map(|n| "x".repeat(if n % 3 == 0 { 18 } else { 5 + n % 12 })).collect();
        assert_eq!(cut_widths(texts.iter().map(String::as_str)), HashSet::from([18]));
        assert!(cut_widths(texts.iter().take(12).map(String::as_str)).is_empty(), "too few to say");
    }

    #[test]
    fn a_filler_follows_many_words_and_begins_nothing() {
        let texts: Vec<String> =
            (0..60).map(|n| format!("payer{n} transfer")).chain((0..60).map(|n| format!("jo {n}"))).collect();
        let fillers = Fillers::count(texts.iter().map(String::as_str), &["Ref".to_owned()]);
        assert!(fillers.has("transfer") && fillers.has("ref"));
        assert!(!fillers.has("jo") && !fillers.has("payer1"));
        assert!(fillers.begins("tran") && !fillers.begins("trap"));
    }
}
