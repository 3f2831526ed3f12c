//! References as numbers: which record holds which value, and how much a value is worth.
//!
//! Values are compared across schemes, because one provider's payment id is the other's metadata. A value is *strong*
//! when a side calls it a movement, payment, charge or intent id; otherwise it is *weak*, and counts once it is long
//! enough or its key has proved itself on this data.

use crate::{
    rules::RuleSet,
    table::{Class, Interner, Ix, NONE, Table, ix, normalised},
};
use domain::record::{Kind, Reference, Scheme};
use std::borrow::Cow;

/// Keys below this are strong schemes; `ORDER` is both order schemes, `TEXT` free text, metadata keys follow.
const STRONG_KEYS: u32 = 4;
const ORDER_ID: u32 = 4;
const ORDER_NAME: u32 = 5;
const TEXT: u32 = 6;
const FIRST_METADATA: u32 = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub value: u32,
    pub at: Ix,
    pub key: u32,
}

impl Entry {
    /// Whether two records of one side that differ in this can be told apart by it: not by the ids that every record has
    /// of its own, nor by the order that it belongs to.
    pub fn tells_apart(self, target: bool) -> bool {
        if target { self.key >= STRONG_KEYS } else { !matches!(self.key, 0 | ORDER_ID | ORDER_NAME) }
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
    pub fn build(table: &Table<'_>, rules: &RuleSet) -> Self {
        let mut values = Interner::default();
        let mut names = Interner::default();
        for field in &rules.key_fields {
            names.id(normalised(field));
        }
        let configured = ix(names.len());
        let mut lengths: Vec<(u16, bool)> = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        for at in table.positions().filter(|at| table.in_scope(*at)) {
            let record = table.record(at);
            let mut add = |key: u32, text: Cow<'_, str>, entries: &mut Vec<Entry>| {
                let text = text.trim_start_matches('#');
                if text.is_empty() {
                    return;
                }
                let length = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
                let digit = text.bytes().any(|byte| byte.is_ascii_digit());
                let value = values.id(Cow::Owned(text.to_owned()));
                if value as usize == lengths.len() {
                    lengths.push((length, digit));
                }
                entries.push(Entry { value, at, key });
            };
            let mut take = |refs: &[Reference], entries: &mut Vec<Entry>| {
                for reference in refs {
                    let key = match &reference.scheme {
                        Scheme::MovementId => 0,
                        Scheme::PaymentId => 1,
                        Scheme::ChargeId => 2,
                        Scheme::PaymentIntentId => 3,
                        Scheme::OrderId => ORDER_ID,
                        Scheme::OrderName => ORDER_NAME,
                        Scheme::Text => TEXT,
                        Scheme::Metadata(name) => FIRST_METADATA + names.id(Cow::Owned(normalised(name).into_owned())),
                    };
                    add(key, normalised(&reference.value), entries);
                }
            };
            take(&record.refs, &mut entries);
            // A capture is known under what its authorisation was known under.
            let parent = table.row(at).parent;
            if record.kind == Kind::Capture && parent != NONE && table.record(parent).kind == Kind::Authorization {
                let inherited: Vec<Reference> = table
                    .record(parent)
                    .refs
                    .iter()
                    .filter(|reference| reference.scheme != Scheme::MovementId)
                    .cloned()
                    .collect();
                take(&inherited, &mut entries);
            }
            if let Some(order) = &record.order {
                let id = order.id.rsplit('/').next().unwrap_or(&order.id);
                add(ORDER_ID, normalised(id), &mut entries);
                add(ORDER_NAME, normalised(&order.name), &mut entries);
            }
        }
        let count = values.len();
        let mut keys = Self { trusted: vec![false; FIRST_METADATA as usize + names.len()], ..Self::default() };
        for (key, trusted) in keys.trusted.iter_mut().enumerate() {
            let key = ix(key);
            *trusted = key <= ORDER_NAME || (FIRST_METADATA..FIRST_METADATA + configured).contains(&key);
        }
        entries.sort_unstable_by_key(|entry| (entry.value, entry.at, entry.key));
        entries.dedup_by_key(|entry| (entry.value, entry.at));
        keys.value_start = starts(&entries, count, |entry| entry.value);
        keys.long = lengths.iter().map(|(length, _)| *length >= rules.key_min_length).collect();
        keys.strong = vec![false; count];
        keys.selective = vec![true; count];
        let mut held = vec![(0_u32, 0_u32); count];
        for entry in &entries {
            let value = entry.value as usize;
            let strong = entry.key < STRONG_KEYS && keys.long.get(value).copied().unwrap_or(false);
            if let (true, Some(flag)) = (strong, keys.strong.get_mut(value)) {
                *flag = true;
            }
            if let Some(held) = held.get_mut(value) {
                if table.row(entry.at).target { held.1 += 1 } else { held.0 += 1 }
            }
        }
        for ((selective, held), (_, digit)) in keys.selective.iter_mut().zip(&held).zip(&lengths) {
            *selective = *digit && held.0 <= rules.key_max_holders && held.1 <= rules.key_max_holders;
        }
        keys.by_value = entries.clone();
        entries.sort_unstable_by_key(|entry| (entry.at, entry.value));
        keys.record_start = starts(&entries, table.rows.len(), |entry| entry.at);
        keys.by_record = entries;
        keys
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
            let holders = self.holders(entry.value);
            if holders.len() > MAX_LISTED_HOLDERS {
                continue;
            }
            let others = holders.iter().filter(|other| table.row(other.at).target != target && self.counts(**other));
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

/// A value held by more records than this is not followed: it is reused beyond what can be told apart.
const MAX_LISTED_HOLDERS: usize = 64;

fn starts(entries: &[Entry], count: usize, of: impl Fn(&Entry) -> u32) -> Vec<u32> {
    let mut starts = vec![0_u32; count + 1];
    for entry in entries {
        if let Some(start) = starts.get_mut(of(entry) as usize + 1) {
            *start += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    starts
}

fn slice<'t>(entries: &'t [Entry], starts: &[u32], at: u32) -> &'t [Entry] {
    let bound = |position: usize| starts.get(position).copied().unwrap_or(0) as usize;
    entries.get(bound(at as usize)..bound(at as usize + 1)).unwrap_or(&[])
}
