//! References as texts, until those of all records are numbered at once.

use super::{
    Again, Entry, FIRST_METADATA, MOVEMENT_ID, ORDER_ID, ORDER_NAME, TEXT,
    mentions::{Mention, mentions, referred},
};
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

/// In place of the reference to an order: its id says nothing.
const NAMELESS: u32 = NONE - 1;
/// In place of the reference to an order, and of a value: no other record holds it.
const ALONE: u32 = NONE - 2;

/// What the reference to a record's order says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderReference {
    Nothing,
    /// No other record holds it.
    Alone,
    /// The value that several records hold.
    Shared(u32),
}

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

    /// Of the place that [`References::read`] gave a record of a half.
    pub fn of_order(&self, half: usize, place: u32) -> OrderReference {
        match self.entries.0[half].get(place as usize) {
            Some(entry) if entry.value < self.shared() => OrderReference::Shared(entry.value),
            None if place != ALONE => OrderReference::Nothing,
            _ => OrderReference::Alone,
        }
    }
}

/// References of half of the records; their values are places in a list of texts. What no other record can hold, by what all
/// of them mentioned, is not in the list, and among the references only where it tells records apart: that is most of it.
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

    /// Those of a record, of which some come again, and of its parent where that is given; and where the reference to its order
    /// stands.
    pub fn read(&mut self, texts: &records::Texts<'a>, again: Again, parent: Option<RecordRef<'a>>) -> (Span, u32) {
        let start = self.entries.len();
        self.own = self.texts.len();
        let of_order = texts.order.is_some();
        let mut order = if of_order { NAMELESS } else { NONE };
        let mut number = 0;
        // From within, which is faster where one iterator holds others.
        mentions(texts).for_each(|(mention, text)| {
            let key = match mention {
                Mention::Reference(scheme) => self.key(scheme),
                Mention::OrderNumber => ORDER_ID,
                Mention::OrderName => ORDER_NAME,
            };
            let place = if again.get(number) { self.add(start, key, text) } else { self.add_alone(key, of_order) };
            if matches!(mention, Mention::OrderNumber) {
                order = place;
            }
            number += 1;
        });
        // A capture is known under what its authorisation was known under.
        if let Some(parent) = parent.filter(|parent| parent.kind() == Kind::Authorization) {
            let references = parent.texts().refs.filter(|reference| reference.scheme != Scheme::MovementId);
            for (scheme, text) in
                references.filter_map(|reference| Some((reference.scheme, referred(reference.value)?)))
            {
                let key = self.key(scheme);
                self.add(start, key, text);
            }
        }
        (Span { start: ix(start), count: ix(self.entries.len() - start) }, order)
    }

    fn key(&mut self, scheme: Scheme<&'a str>) -> u32 {
        match scheme {
            Scheme::MovementId => MOVEMENT_ID,
            Scheme::PaymentId => 1,
            Scheme::ChargeId => 2,
            Scheme::PaymentIntentId => 3,
            Scheme::OrderId => ORDER_ID,
            Scheme::OrderName => ORDER_NAME,
            Scheme::Text => TEXT,
            Scheme::Metadata(name) => FIRST_METADATA + self.name(name),
        }
    }

    fn name(&mut self, name: &'a str) -> u32 {
        let next = ix(self.names.len());
        *self.names.entry(normalised(name)).or_insert(next)
    }

    /// A reference that no other record has.
    fn add_alone(&mut self, key: u32, of_order: bool) -> u32 {
        let alone = Entry { value: ALONE, key };
        if alone.tells_apart(of_order) {
            self.entries.push(alone);
        }
        ALONE
    }

    /// A reference of the record whose references begin at `start`; returns where it stands.
    fn add(&mut self, start: usize, key: u32, text: &'a str) -> u32 {
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
                    return ix(at);
                }
            }
        }
        self.entries.push(Entry { value, key });
        ix(self.entries.len() - 1)
    }

    /// Numbers the references of both halves and tells the later half's records where theirs lie now.
    pub fn number<'w>(mut halves: [Self; 2], later: impl Iterator<Item = &'w mut Span>) -> NumberedReferences {
        let (keys, configured) = sort_names(&mut halves);
        let [first, second] = halves;
        let firsts = ValueList::firsts([first.texts, second.texts]);
        let (values, shapes, mut alone) = number_values(firsts, Halves([first.shapes, second.shapes]));
        let mut entries = Halves([first.entries, second.entries]);
        for (entries, values) in entries.0.iter_mut().zip(&values.0) {
            for entry in entries {
                entry.value = values.get(entry.value as usize).copied().unwrap_or_else(|| alone.next());
            }
        }
        for span in later {
            span.start += ix(entries.0[0].len());
        }
        NumberedReferences { entries, shapes, keys, configured }
    }
}

/// The numbers of values that one record holds, from the highest on.
#[derive(Debug, PartialEq, Eq)]
struct Alone(u32);

impl Alone {
    fn next(&mut self) -> u32 {
        self.0 -= 1;
        self.0
    }
}

/// Numbers values of which it is known which equal one is the first, and says what is known of those that several records hold,
/// and which numbers are left for those that one holds.
fn number_values(firsts: Halves<u32>, mut shapes: Halves<Shape>) -> (Halves<u32>, Vec<Shape>, Alone) {
    for (at, first) in firsts.iter().map(|first| *first as usize).enumerate() {
        // A record that holds one value in two places is rare, and counting it twice takes nothing but room.
        if first != at {
            shapes[first].share();
        }
    }
    let (mut shared, mut alone) = (Vec::new(), Alone(NONE));
    let values = number_firsts(firsts, |at| {
        if shapes[at].is_shared() {
            shared.push(shapes[at]);
            ix(shared.len() - 1)
        } else {
            alone.next()
        }
    });
    (values, shared, alone)
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
        let (values, shared, mut alone) = number_values(Halves([vec![0, 1, 0], vec![3, 4, 3]]), shapes);
        assert_eq!(values.0, [[0, 1, 0], [2, NONE - 1, 2]]);
        assert_eq!(alone.next(), NONE - 2);
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
        let (span, order) = read.read(&records.at(0).texts(), Again::ALL, None);
        let own: Vec<(u32, u32)> = read.entries.iter().map(|entry| (entry.value, entry.key)).collect();
        // Metadata is read by key, and before free text. Of `x` and `y` the key that was read first is gone.
        let [_, b, _, d] = [0, 1, 2, 3].map(|name| FIRST_METADATA + name);
        assert_eq!(own, [(0, MOVEMENT_ID), (1, TEXT), (1, b), (2, ORDER_NAME), (2, d)]);
        assert_eq!((span.range(), order), (0..5, 0));
    }

    #[test]
    fn what_no_other_record_mentions_is_kept_where_it_tells_its_record_apart() {
        let reference = |scheme, value: &str| Reference { scheme, value: value.to_owned() };
        let order = |id: &str| Some(OrderRef { id: id.to_owned(), name: id.to_owned() });
        let payment = Record {
            refs: vec![reference(Scheme::ChargeId, "charge"), reference(Scheme::Text, "text")],
            ..examples::record(Side::Target, "payment", 1, 0)
        };
        let refs = vec![reference(Scheme::MovementId, "sale"), reference(Scheme::ChargeId, "charge of it")];
        let sale = Record { refs, order: order("1"), ..examples::record(Side::Source, "sale", 1, 0) };
        let nameless = Record { order: order("/"), ..examples::record(Side::Source, "nameless", 1, 0) };
        let records: Records = [payment, sale, nameless].into_iter().collect();
        let rules = RuleSet::default();
        let mut read = References::new(&rules);
        let places = [0, 1, 2].map(|at| read.read(&records.at(at).texts(), Again::default(), None).1);
        let read_again = read.read(&records.at(1).texts(), Again::ALL, None).1;
        let numbered = References::number([read, References::new(&rules)], std::iter::empty());
        let own: Vec<u32> = numbered.entries.iter().map(|entry| entry.key).collect();
        assert_eq!(own, [TEXT, 2, MOVEMENT_ID, 2, ORDER_ID]);
        let values: BTreeSet<u32> = numbered.entries.iter().map(|entry| entry.value).collect();
        // What tells apart, and all of what may come again; the order has one value for number and name.
        assert_eq!((values.len(), numbered.shared()), (5, 0));
        let of_order = places.map(|place| numbered.of_order(0, place));
        assert_eq!(of_order, [OrderReference::Nothing, OrderReference::Alone, OrderReference::Nothing]);
        assert_eq!(numbered.of_order(0, read_again), OrderReference::Alone);
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
                read.read(&record.texts(), Again::ALL, None);
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
