//! References as texts, until those of all records are numbered at once.

use super::{Entry, FIRST_METADATA, MOVEMENT_ID, ORDER_ID, ORDER_NAME, TEXT};
use crate::{
    rules::RuleSet,
    table::{TextList, ix, normalised},
};
use domain::{
    record::{Kind, Scheme},
    records::{self, RecordRef},
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// Where the references of a record lie.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub start: u32,
    pub count: u32,
}

impl Span {
    pub fn range(self) -> Range<usize> {
        self.start as usize..(self.start + self.count) as usize
    }
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// As long as the rules want a key to be.
    pub long: bool,
    pub digit: bool,
}

impl Shape {
    fn of(text: &str, key_min_length: u16) -> Self {
        // Nearly every text is ASCII, whose characters need not be counted.
        let length = if text.is_ascii() { text.len() } else { text.chars().count() };
        let long = length >= usize::from(key_min_length);
        Self { long, digit: text.bytes().any(|byte| byte.is_ascii_digit()) }
    }
}

/// References as numbers, in the order in which records were read. Values are numbered in that order, too, so that
/// records that are looked at one after the other hold values that lie next to each other.
#[derive(Debug)]
pub(crate) struct NumberedReferences {
    pub(super) entries: Vec<Entry>,
    /// By value.
    pub(super) shapes: Vec<Shape>,
    /// How many keys there are.
    pub(super) keys: u32,
    /// Metadata keys that the rules name; they come first.
    pub(super) configured: u32,
}

/// References of half of the records; their values are places in a list of texts.
#[derive(Debug)]
pub(crate) struct References<'a> {
    entries: Vec<Entry>,
    texts: TextList<'a>,
    /// By place in the list.
    shapes: Vec<Shape>,
    /// Metadata keys by first sight, those that the rules name before all others.
    names: BTreeMap<Cow<'a, str>, u32>,
    configured: u32,
    key_min_length: u16,
}

impl<'a> References<'a> {
    /// For so many records; what is reserved and never used takes no memory.
    pub fn with_capacity(records: usize, rules: &'a RuleSet) -> Self {
        // A payment has two or three references, a movement of an order about as many.
        let references = records * 4;
        let mut all = Self {
            entries: Vec::with_capacity(references),
            texts: TextList::with_capacity(references),
            shapes: Vec::with_capacity(references),
            names: BTreeMap::new(),
            configured: 0,
            key_min_length: rules.key_min_length,
        };
        for field in &rules.key_fields {
            all.name(field);
        }
        all.configured = ix(all.names.len());
        all
    }

    /// Those of a record, and of its parent where that is given.
    pub fn read(&mut self, texts: records::Texts<'a>, parent: Option<RecordRef<'a>>) -> Span {
        let start = self.entries.len();
        self.take(texts.refs, |_| true);
        if let Some(order) = texts.order {
            let id = order.id.rsplit('/').next().unwrap_or(order.id);
            self.add(ORDER_ID, id);
            self.add(ORDER_NAME, order.name);
        }
        // A capture is known under what its authorisation was known under.
        if let Some(parent) = parent.filter(|parent| parent.kind() == Kind::Authorization) {
            self.take(parent.texts().refs, |scheme| scheme != Scheme::MovementId);
        }
        Span { start: ix(start), count: ix(self.entries.len() - start) }
    }

    fn take(&mut self, references: records::References<'a>, which: impl Fn(Scheme<&'a str>) -> bool) {
        for reference in references.filter(|reference| which(reference.scheme)) {
            let key = match reference.scheme {
                Scheme::MovementId => MOVEMENT_ID,
                Scheme::PaymentId => 1,
                Scheme::ChargeId => 2,
                Scheme::PaymentIntentId => 3,
                Scheme::OrderId => ORDER_ID,
                Scheme::OrderName => ORDER_NAME,
                Scheme::Text => TEXT,
                Scheme::Metadata(name) => FIRST_METADATA + self.name(name),
            };
            self.add(key, reference.value);
        }
    }

    fn name(&mut self, name: &'a str) -> u32 {
        let next = ix(self.names.len());
        *self.names.entry(normalised(name)).or_insert(next)
    }

    fn add(&mut self, key: u32, text: &'a str) {
        let text = text.trim().trim_start_matches('#');
        if !text.is_empty() {
            let (value, new) = self.texts.place(text);
            self.shapes.extend(new.map(|text| Shape::of(&text, self.key_min_length)));
            self.entries.push(Entry { value, key });
        }
    }

    /// Numbers the references of both halves and tells the later half's records where theirs lie now.
    pub fn number<'w>(mut halves: [Self; 2], later: impl Iterator<Item = &'w mut Span>) -> NumberedReferences {
        let (keys, configured) = sort_names(&mut halves);
        let [first, second] = halves;
        let (numbers, count) = TextList::number([first.texts, second.texts]);
        let mut shapes = Vec::with_capacity(count as usize);
        for (shape, value) in first.shapes.iter().chain(&second.shapes).zip(numbers.iter().flatten()) {
            // Values have their numbers in the order of first sight.
            if *value as usize == shapes.len() {
                shapes.push(*shape);
            }
        }
        let [of_first, of_second] = numbers;
        let mut entries = first.entries;
        for entry in &mut entries {
            entry.value = of_first[entry.value as usize];
        }
        for span in later {
            span.start += ix(entries.len());
        }
        let number = |entry: Entry| Entry { value: of_second[entry.value as usize], ..entry };
        entries.extend(second.entries.into_iter().map(number));
        NumberedReferences { entries, shapes, keys, configured }
    }
}

/// Metadata keys by name, not by who has one first: of two keys with one value the first counts, whichever half is read
/// first. Returns how many keys there are and how many of them the rules name.
fn sort_names(halves: &mut [References<'_>; 2]) -> (u32, u32) {
    let [first, second] = &*halves;
    let configured = first.configured;
    let found = first.names.iter().chain(&second.names).filter(|(_, number)| **number >= configured);
    let found: BTreeSet<Cow<'_, str>> = found.map(|(name, _)| name.clone()).collect();
    let sorted: BTreeMap<Cow<'_, str>, u32> = found.into_iter().zip(configured..).collect();
    for half in halves.iter_mut() {
        // Those that the rules name have one number in both halves.
        let mut numbers: Vec<u32> = (0..ix(half.names.len())).collect();
        for (name, number) in &half.names {
            numbers[*number as usize] = sorted.get(name).copied().unwrap_or(*number);
        }
        for entry in half.entries.iter_mut().filter(|entry| entry.key >= FIRST_METADATA) {
            entry.key = FIRST_METADATA + numbers[(entry.key - FIRST_METADATA) as usize];
        }
    }
    (FIRST_METADATA + configured + ix(sorted.len()), configured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_as_long_as_it_has_characters() {
        let long = |text: &str| Shape::of(text, 8).long;
        // The last is eleven bytes of six characters.
        assert_eq!(["12345678", "1234567", "äöüäöü12", "äöüäö1"].map(long), [true, false, true, false]);
        assert_eq!(["ab1", "abc"].map(|text| Shape::of(text, 8).digit), [true, false]);
    }
}
