//! References as texts, until those of all records are numbered at once.

use super::{Entry, FIRST_METADATA, MOVEMENT_ID, ORDER_ID, ORDER_NAME, TEXT};
use crate::{
    rules::RuleSet,
    table::{Halves, Left, NONE, ValueList, ix, normalised, number_firsts},
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

/// Stands for the reference to an order whose id says nothing.
const NAMELESS: u32 = NONE - 1;

/// What is known of a value without looking at those who hold it, as bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape(u8);

impl Shape {
    const LONG: u8 = 1;
    const DIGIT: u8 = 2;
    const SHARED: u8 = 4;

    fn of(text: &str, key_min_length: u16) -> Self {
        // Nearly every text is ASCII, whose characters need not be counted.
        let length = if text.is_ascii() { text.len() } else { text.chars().flat_map(char::to_lowercase).count() };
        let long = if length >= usize::from(key_min_length) { Self::LONG } else { 0 };
        let digit = if text.bytes().any(|byte| byte.is_ascii_digit()) { Self::DIGIT } else { 0 };
        Self(long | digit)
    }

    /// As long as the rules want a key to be.
    pub fn is_long(self) -> bool {
        self.0 & Self::LONG != 0
    }

    pub fn has_digit(self) -> bool {
        self.0 & Self::DIGIT != 0
    }

    /// More than one record holds it.
    fn is_shared(self) -> bool {
        self.0 & Self::SHARED != 0
    }

    fn share(&mut self) {
        self.0 |= Self::SHARED;
    }
}

/// References as numbers, in the order in which records were read.
///
/// Values that several records hold are numbered from 0 on, in that order, too, so that records that are looked at one after
/// the other hold values that lie next to each other. Most values have one holder, join nothing, and are of use only where
/// they tell it apart from others: they have the highest numbers, and nothing is known of them.
#[derive(Debug)]
pub(crate) struct NumberedReferences {
    pub(super) entries: Halves<Entry>,
    /// By value, of those that several records hold.
    pub(super) shapes: Vec<Shape>,
    /// How many keys there are.
    pub(super) keys: u32,
    /// Metadata keys that the rules name; they come first.
    pub(super) configured: u32,
}

impl NumberedReferences {
    /// How many values several records hold.
    pub fn shared(&self) -> u32 {
        ix(self.shapes.len())
    }

    pub fn is_shared(&self, value: u32) -> bool {
        value < self.shared()
    }

    /// Of the reference at a place of a half; of the order that has none there is nothing to tell.
    pub fn value(&self, half: usize, place: u32) -> Option<u32> {
        self.entries.0[half].get(place as usize).map(|entry| entry.value)
    }
}

/// References of half of the records; their values are places in a list of texts.
#[derive(Debug)]
pub(crate) struct References<'a> {
    entries: Vec<Entry>,
    texts: ValueList<&'a str>,
    /// By place in the list.
    shapes: Vec<Shape>,
    /// The record that is read has put its texts in places from this one on.
    own: u32,
    /// Metadata keys by first sight, those that the rules name before all others.
    names: BTreeMap<Cow<'a, str>, u32>,
    configured: u32,
    key_min_length: u16,
}

impl<'a> References<'a> {
    pub fn new(rules: &'a RuleSet) -> Self {
        let mut all = Self {
            entries: Vec::new(),
            texts: ValueList::default(),
            shapes: Vec::new(),
            own: 0,
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

    pub fn make_room(&mut self, left: Left) {
        left.make_room(&mut self.entries);
        left.make_room(&mut self.shapes);
        self.texts.make_room(left);
    }

    /// Those of a record, and of its parent where that is given; and which of all references is its order's id.
    pub fn read(&mut self, texts: records::Texts<'a>, parent: Option<RecordRef<'a>>) -> (Span, u32) {
        let start = self.entries.len();
        self.own = self.texts.len();
        self.take(start, texts.refs, |_| true);
        let mut order_id = NONE;
        if let Some(order) = texts.order {
            let id = order.id.rsplit('/').next().unwrap_or(order.id);
            order_id = self.add(start, ORDER_ID, id).unwrap_or(NAMELESS);
            self.add(start, ORDER_NAME, order.name);
        }
        // A capture is known under what its authorisation was known under.
        if let Some(parent) = parent.filter(|parent| parent.kind() == Kind::Authorization) {
            self.take(start, parent.texts().refs, |scheme| scheme != Scheme::MovementId);
        }
        (Span { start: ix(start), count: ix(self.entries.len() - start) }, order_id)
    }

    fn take(&mut self, start: usize, references: records::References<'a>, which: impl Fn(Scheme<&'a str>) -> bool) {
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
            self.add(start, key, reference.value);
        }
    }

    fn name(&mut self, name: &'a str) -> u32 {
        let next = ix(self.names.len());
        *self.names.entry(normalised(name)).or_insert(next)
    }

    /// A reference of the record whose references begin at `start`; returns where it stands, if there is anything to refer to.
    fn add(&mut self, start: usize, key: u32, text: &'a str) -> Option<u32> {
        let text = text.trim().trim_start_matches('#');
        if text.is_empty() {
            return None;
        }
        let (value, new) = self.texts.place(text);
        if new {
            self.shapes.push(Shape::of(text, self.key_min_length));
        } else if value < self.own {
            self.shapes[value as usize].share();
        } else {
            // The id of a charge is a reference under two keys, as a rule; the first of them counts.
            let own = self.entries.iter_mut().enumerate().skip(start);
            for (at, entry) in own.filter(|(_, entry)| entry.value == value) {
                // Which of two metadata keys comes first is not known yet.
                if entry.key.min(key) < FIRST_METADATA {
                    entry.key = entry.key.min(key);
                    return Some(ix(at));
                }
            }
        }
        self.entries.push(Entry { value, key });
        Some(ix(self.entries.len() - 1))
    }

    /// Numbers the references of both halves and tells the later half's records where theirs lie now.
    pub fn number<'w>(mut halves: [Self; 2], later: impl Iterator<Item = &'w mut Span>) -> NumberedReferences {
        let (keys, configured) = sort_names(&mut halves);
        let [first, second] = halves;
        let firsts = ValueList::firsts([first.texts, second.texts]);
        let (values, shapes) = number_values(firsts, Halves([first.shapes, second.shapes]));
        let mut entries = Halves([first.entries, second.entries]);
        for (entries, values) in entries.0.iter_mut().zip(&values.0) {
            entries.iter_mut().for_each(|entry| entry.value = values[entry.value as usize]);
        }
        for span in later {
            span.start += ix(entries.0[0].len());
        }
        NumberedReferences { entries, shapes, keys, configured }
    }
}

/// Numbers values of which it is known which equal one is the first, and says what is known of those that several records hold.
fn number_values(firsts: Halves<u32>, mut shapes: Halves<Shape>) -> (Halves<u32>, Vec<Shape>) {
    for (at, first) in firsts.iter().map(|first| *first as usize).enumerate() {
        // A record that holds one value in two places is rare, and counting it twice takes nothing but room.
        if first != at {
            shapes[first].share();
        }
    }
    let (mut shared, mut alone) = (Vec::new(), NONE);
    let values = number_firsts(firsts, |at| {
        if shapes[at].is_shared() {
            shared.push(shapes[at]);
            ix(shared.len() - 1)
        } else {
            alone -= 1;
            alone
        }
    });
    (values, shared)
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
    use crate::examples;
    use domain::{
        record::{OrderRef, Record, Reference, Side},
        records::Records,
    };

    #[test]
    fn a_key_is_as_long_as_it_has_characters() {
        let long = |text: &str| Shape::of(text, 8).is_long();
        // The last is eleven bytes of six characters.
        assert_eq!(["12345678", "1234567", "äöüäöü12", "äöüäö1"].map(long), [true, false, true, false]);
        assert_eq!(["ab1", "abc"].map(|text| Shape::of(text, 8).has_digit()), [true, false]);
    }

    #[test]
    fn values_that_several_records_hold_have_the_lowest_numbers() {
        let shape = |shared: bool| Shape(if shared { Shape::SHARED } else { Shape::DIGIT });
        // The second came again while it was read, the first and the fourth later.
        let shapes = Halves([[false, true, false].map(shape).into(), [false, false, false].map(shape).into()]);
        let (values, shared) = number_values(Halves([vec![0, 1, 0], vec![3, 4, 3]]), shapes);
        assert_eq!(values.0, [[0, 1, 0], [2, NONE - 1, 2]]);
        assert_eq!(shared.iter().map(|shape| shape.has_digit()).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn of_several_keys_with_one_value_the_first_is_kept_and_of_metadata_all() {
        let metadata = |name: &str| Scheme::Metadata(name.to_owned());
        let refs = [
            (Scheme::ChargeId, "ch_1"),
            (Scheme::MovementId, "CH_1"),
            (metadata("b"), "ch_1"),
            (metadata("b"), "x"),
            (metadata("a"), "x"),
            (Scheme::Text, "#x"),
            (metadata("c"), "y"),
            (metadata("d"), "y"),
        ];
        let record = Record {
            refs: refs.map(|(scheme, value)| Reference { scheme, value: value.to_owned() }).into(),
            order: Some(OrderRef { id: "orders/ch_1".to_owned(), name: "Y".to_owned() }),
            ..examples::record(Side::Source, "id", 1, 0)
        };
        let records: Records = [record].into_iter().collect();
        let rules = RuleSet::default();
        let mut read = References::new(&rules);
        let (span, order) = read.read(records.at(0).texts(), None);
        let own: Vec<(u32, u32)> = read.entries.iter().map(|entry| (entry.value, entry.key)).collect();
        // Metadata is read by key, and before free text. Of `x` and `y` the key that was read first is gone.
        let [_, b, _, d] = [0, 1, 2, 3].map(|name| FIRST_METADATA + name);
        assert_eq!(own, [(0, MOVEMENT_ID), (1, TEXT), (1, b), (2, ORDER_NAME), (2, d)]);
        assert_eq!((span.range(), order), (0..5, 0));
    }

    /// Far apart, side by side, in the other half, or twice in one record: what counts is whether another record holds it.
    #[test]
    fn a_value_is_shared_if_another_record_holds_it() {
        let reference = |scheme, value: &str| Reference { scheme, value: value.to_owned() };
        let record = |values: &[&str]| Record {
            refs: values.iter().map(|value| reference(Scheme::Text, value)).collect(),
            ..examples::record(Side::Source, "id", 1, 0)
        };
        let halves: [Records; 2] = [
            [record(&["twice", "near", "##twice"]), record(&["near", "that"]), record(&["alone"])]
                .into_iter()
                .collect(),
            [record(&["THAT", "last", "last"])].into_iter().collect(),
        ];
        let rules = RuleSet::default();
        let read = halves.each_ref().map(|records| {
            let mut read = References::new(&rules);
            for record in records.iter() {
                read.read(record.texts(), None);
            }
            read
        });
        let NumberedReferences { entries, shapes, .. } = References::number(read, std::iter::empty());
        let values: Vec<u32> = entries.iter().map(|entry| entry.value).collect();
        let [twice, alone, last] = [1, 2, 3].map(|at| NONE - at);
        assert_eq!(values, [twice, 0, 0, 1, alone, 1, last]);
        assert_eq!(shapes.len(), 2);
    }
}
