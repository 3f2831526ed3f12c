//! References as numbers: which record holds which value, and how much a value is worth.
//!
//! Values are compared across schemes, because one provider's payment id is the other's metadata. A value is *strong*
//! when a side calls it a movement, payment, charge or intent id; otherwise it is *weak*, and counts once it is long
//! enough or its key has proved itself on this data.

use crate::{
    rules::RuleSet,
    table::{
        Class, Ix, Table, TextList,
        counting::{sorted, starts},
        ix, normalised,
    },
};
use domain::{
    record::{Kind, Scheme},
    records::{self, RecordRef},
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

const MOVEMENT_ID: u32 = 0;
/// Keys below this are ids of movements and payments; the order's, free text and metadata keys follow.
const STRONG_KEYS: u32 = 4;
const ORDER_ID: u32 = 4;
const ORDER_NAME: u32 = 5;
const TEXT: u32 = 6;
const FIRST_METADATA: u32 = 7;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub value: u32,
    pub at: Ix,
    pub key: u32,
}

impl Entry {
    /// Whether two records of one side that differ in this can be told apart by it: not by the ids that every record has
    /// of its own, nor by the order that it belongs to.
    pub fn tells_apart(self, of_order: bool) -> bool {
        if of_order { !matches!(self.key, MOVEMENT_ID | ORDER_ID | ORDER_NAME) } else { self.key >= STRONG_KEYS }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Keys {
    by_record: Vec<Entry>,
    record_start: Vec<u32>,
    by_value: Vec<Entry>,
    value_start: Vec<u32>,
    /// A side calls this value an id, and it is long enough to be one.
    strong: Vec<bool>,
    /// Long enough to count under any key.
    long: Vec<bool>,
    /// Held by few enough records of each side to identify something.
    selective: Vec<bool>,
    /// By key.
    trusted: Vec<bool>,
}

impl Keys {
    pub fn build(table: &Table<'_>, references: NumberedReferences, rules: &RuleSet) -> Self {
        let NumberedReferences { mut entries, shapes, keys, configured } = references;
        entries.retain(|entry| table.in_scope(entry.at));
        for own in entries.chunk_by_mut(|a, b| a.at == b.at) {
            own.sort_unstable_by_key(|entry| (entry.value, entry.key));
        }
        entries.dedup_by_key(|entry| (entry.at, entry.value));
        let count = shapes.len();
        let mut held = vec![(0_u32, 0_u32); count];
        let mut named_id = vec![false; count];
        for entry in &entries {
            let value = entry.value as usize;
            if let (Some(held), Some(named_id)) = (held.get_mut(value), named_id.get_mut(value)) {
                if table.row(entry.at).target {
                    held.1 += 1;
                } else {
                    held.0 += 1;
                }
                *named_id |= entry.key < STRONG_KEYS;
            }
        }
        let within = |held: &(u32, u32), limit: u32| held.0 <= limit && held.1 <= limit;
        let long: Vec<bool> = shapes.iter().map(|shape| shape.long).collect();
        let strong = named_id.iter().zip(&long).zip(&held);
        let strong = strong.map(|((id, long), held)| *id && *long && within(held, MAX_ID_HOLDERS)).collect();
        let selective = shapes.iter().zip(&held);
        let selective = selective.map(|(shape, held)| shape.digit && within(held, rules.key_max_holders)).collect();
        let trusted = (0..keys)
            .map(|key| key <= ORDER_NAME || (FIRST_METADATA..FIRST_METADATA + configured).contains(&key))
            .collect();
        let value_start = starts(count, entries.iter().map(|entry| entry.value));
        let by_value = sorted(&value_start, entries.iter().map(|entry| (entry.value, *entry)));
        let record_start = starts(table.rows.len(), entries.iter().map(|entry| entry.at));
        Self { by_record: entries, record_start, by_value, value_start, strong, long, selective, trusted }
    }

    /// Keys with enough unique hits of equal amount, and more of them than unequal ones.
    pub fn earned(&self, table: &Table<'_>, rules: &RuleSet) -> Vec<bool> {
        let mut hits = vec![(0_u32, 0_u32); self.trusted.len()];
        for value in 0..ix(self.long.len()) {
            let holders = self.holders(value);
            for class in [Class::Payment, Class::Refund] {
                let mut source = None;
                let mut target = None;
                let mut unique = true;
                for entry in holders.iter().filter(|entry| table.row(entry.at).class == class) {
                    let place = if table.row(entry.at).target { &mut target } else { &mut source };
                    unique &= place.replace(*entry).is_none();
                }
                let (Some(source), Some(target), true) = (source, target, unique) else { continue };
                let (a, b) = (table.row(source.at), table.row(target.at));
                let equal = a.currency == b.currency && a.amount == b.amount;
                // Where both sides use one key, a hit is still one hit.
                let other = (target.key != source.key).then_some(target.key);
                for key in [Some(source.key), other].into_iter().flatten() {
                    if let Some(hit) = hits.get_mut(key as usize) {
                        if equal { hit.0 += 1 } else { hit.1 += 1 }
                    }
                }
            }
        }
        hits.iter().map(|(equal, other)| *equal >= rules.key_min_hits && equal > other).collect()
    }

    pub fn trust(&mut self, earned: Vec<bool>) {
        for (trusted, earned) in self.trusted.iter_mut().zip(earned) {
            *trusted |= earned;
        }
    }

    pub fn of(&self, at: Ix) -> &[Entry] {
        slice(&self.by_record, &self.record_start, at)
    }

    pub fn holders(&self, value: u32) -> &[Entry] {
        slice(&self.by_value, &self.value_start, value)
    }

    pub fn values(&self) -> std::ops::Range<u32> {
        0..ix(self.long.len())
    }

    pub fn is_strong(&self, value: u32) -> bool {
        self.strong.get(value as usize).copied().unwrap_or(false)
    }

    /// A value under this key is a reference that counts.
    pub fn counts(&self, entry: Entry) -> bool {
        if self.is_strong(entry.value) {
            return true;
        }
        let flag = |flags: &[bool], at: u32| flags.get(at as usize).copied().unwrap_or(false);
        flag(&self.selective, entry.value) && (flag(&self.trusted, entry.key) || flag(&self.long, entry.value))
    }

    /// Free text, metadata and order references: what one side tells about the other's numbering.
    pub fn is_weak_key(entry: Entry) -> bool {
        entry.key >= STRONG_KEYS
    }

    /// Free text, metadata or order reference under a key that has proved itself.
    pub fn is_proven_weak(&self, entry: Entry) -> bool {
        Self::is_weak_key(entry) && self.trusted.get(entry.key as usize).copied().unwrap_or(false)
    }

    /// Records of the other side that share a value that counts, each once, in order.
    pub fn linked(&self, table: &Table<'_>, at: Ix) -> Vec<Ix> {
        let target = table.row(at).target;
        let mut found = Vec::new();
        for entry in self.of(at).iter().filter(|entry| self.counts(**entry)) {
            let others = self
                .holders(entry.value)
                .iter()
                .filter(|other| table.row(other.at).target != target && self.counts(**other));
            found.extend(others.map(|other| other.at));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether the two share a value that counts: `(strong, weak)`.
    pub fn shared(&self, a: Ix, b: Ix) -> (bool, bool) {
        let (left, right) = (self.of(a), self.of(b));
        let (mut strong, mut weak) = (false, false);
        let (mut i, mut j) = (0, 0);
        while let (Some(x), Some(y)) = (left.get(i), right.get(j)) {
            match x.value.cmp(&y.value) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    if self.is_strong(x.value) {
                        strong = true;
                    } else if self.counts(*x) && self.counts(*y) {
                        weak = true;
                    }
                    i += 1;
                    j += 1;
                }
            }
        }
        (strong, weak)
    }
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// As long as the rules want a key to be.
    long: bool,
    digit: bool,
}

impl Shape {
    fn of(text: &str, key_min_length: u16) -> Self {
        let least = usize::from(key_min_length);
        // A character takes four bytes at most: the characters of longer texts need not be counted.
        let long = text.len() >= 4 * least || (text.len() >= least && text.chars().count() >= least);
        Self { long, digit: text.bytes().any(|byte| byte.is_ascii_digit()) }
    }
}

/// References as numbers, in order of position. Values are numbered in the order in which records show them, so that
/// records that are looked at one after the other hold values that lie next to each other.
#[derive(Debug)]
pub(crate) struct NumberedReferences {
    entries: Vec<Entry>,
    /// By value.
    shapes: Vec<Shape>,
    /// How many keys there are.
    keys: u32,
    /// Metadata keys that the rules name; they come first.
    configured: u32,
}

/// References of one side in order of position, as texts.
#[derive(Debug)]
pub(crate) struct References<'a> {
    /// Position and key of each.
    at: Vec<(Ix, u32)>,
    shapes: Vec<Shape>,
    texts: TextList<'a>,
    /// Metadata keys by first sight, those that the rules name before all others.
    names: BTreeMap<Cow<'a, str>, u32>,
    configured: u32,
    key_min_length: u16,
}

impl<'a> References<'a> {
    /// For so many records; what is reserved and never used takes no memory.
    pub fn with_capacity(records: usize, rules: &'a RuleSet) -> Self {
        // A payment has two or three references, a movement of an order about as many.
        let mut all = Self {
            at: Vec::with_capacity(records * 4),
            shapes: Vec::with_capacity(records * 4),
            texts: TextList::with_capacity(records * 4),
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

    pub fn read(&mut self, at: Ix, texts: records::Texts<'a>) {
        self.take(at, texts.refs, |_| true);
        if let Some(order) = texts.order {
            let id = order.id.rsplit('/').next().unwrap_or(order.id);
            self.add(at, ORDER_ID, id);
            self.add(at, ORDER_NAME, order.name);
        }
    }

    /// A capture is known under what its authorisation, its parent, was known under.
    pub fn inherit(&mut self, at: Ix, parent: RecordRef<'a>) {
        if parent.kind() == Kind::Authorization {
            self.take(at, parent.texts().refs, |scheme| scheme != Scheme::MovementId);
        }
    }

    fn take(&mut self, at: Ix, references: records::References<'a>, which: impl Fn(Scheme<&'a str>) -> bool) {
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
            self.add(at, key, reference.value);
        }
    }

    fn name(&mut self, name: &'a str) -> u32 {
        let next = ix(self.names.len());
        *self.names.entry(normalised(name)).or_insert(next)
    }

    fn add(&mut self, at: Ix, key: u32, text: &'a str) {
        let text = text.trim().trim_start_matches('#');
        if !text.is_empty() {
            self.at.push((at, key));
            self.shapes.push(Shape::of(&self.texts.push(text), self.key_min_length));
        }
    }

    /// Numbers the references of both sides.
    pub fn number(mut sides: [Self; 2]) -> NumberedReferences {
        let (keys, configured) = sort_names(&mut sides);
        let [source, target] = sides;
        let numbers = TextList::number([source.texts, target.texts]);
        let mut shapes = Vec::with_capacity(numbers.count as usize);
        for (shape, value) in source.shapes.iter().chain(&target.shapes).zip(&numbers.of) {
            // Values have their numbers in the order of first sight.
            if *value as usize == shapes.len() {
                shapes.push(*shape);
            }
        }
        let entries = source.at.into_iter().chain(target.at).zip(numbers.of);
        let entries = entries.map(|((at, key), value)| Entry { value, at, key }).collect();
        NumberedReferences { entries, shapes, keys, configured }
    }
}

/// Metadata keys by name, not by who has one first: of two keys with one value the first counts, whichever side is read
/// first. Returns how many keys there are and how many of them the rules name.
fn sort_names(sides: &mut [References<'_>; 2]) -> (u32, u32) {
    let [source, target] = &*sides;
    let configured = source.configured;
    let found = source.names.iter().chain(&target.names).filter(|(_, number)| **number >= configured);
    let found: BTreeSet<Cow<'_, str>> = found.map(|(name, _)| name.clone()).collect();
    let sorted: BTreeMap<Cow<'_, str>, u32> = found.into_iter().zip(configured..).collect();
    for side in sides.iter_mut() {
        // Those that the rules name have one number on both sides.
        let mut numbers: Vec<u32> = (0..ix(side.names.len())).collect();
        for (name, number) in &side.names {
            numbers[*number as usize] = sorted.get(name).copied().unwrap_or(*number);
        }
        for (_, key) in side.at.iter_mut().filter(|(_, key)| *key >= FIRST_METADATA) {
            *key = FIRST_METADATA + numbers[(*key - FIRST_METADATA) as usize];
        }
    }
    (FIRST_METADATA + configured + ix(sorted.len()), configured)
}

/// An id that more records of one side hold than this is a placeholder. Also keeps every look at the holders of a value short.
const MAX_ID_HOLDERS: u32 = 64;

fn slice<'t>(entries: &'t [Entry], starts: &[u32], at: u32) -> &'t [Entry] {
    let bound = |position: usize| starts.get(position).copied().unwrap_or(0) as usize;
    entries.get(bound(at as usize)..bound(at as usize + 1)).unwrap_or(&[])
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
