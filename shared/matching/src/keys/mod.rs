//! References as numbers: which record holds which value, and how much a value is worth.
//!
//! Values are compared across schemes, because one provider's payment id is the other's metadata. A value is *strong*
//! when a side calls it a movement, payment, charge or intent id; otherwise it is *weak*, and counts once it is long
//! enough or its key has proved itself on this data.

mod mentions;
mod references;

use crate::{
    rules::RuleSet,
    table::{Class, Halves, Ix, Table, counting::Groups, ix},
};
pub(crate) use mentions::{Again, Mentioned};
pub(crate) use references::{NumberedReferences, OrderReference, References, Span};

const MOVEMENT_ID: u32 = 0;
/// Keys below this are ids of movements and payments; the order's, free text and metadata keys follow.
const STRONG_KEYS: u32 = 4;
const ORDER_ID: u32 = 4;
const ORDER_NAME: u32 = 5;
const TEXT: u32 = 6;
const FIRST_METADATA: u32 = 7;

/// An id that more records of one side hold than this is a placeholder. Also keeps every look at the holders of a value short.
const MAX_ID_HOLDERS: u32 = 64;

/// A value that a record holds, and under which key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub value: u32,
    pub key: u32,
}

impl Entry {
    /// Whether two records of one side that differ in this can be told apart by it: not by the ids that every record has
    /// of its own, nor by the order that it belongs to.
    pub fn tells_apart(self, of_order: bool) -> bool {
        if of_order { !matches!(self.key, MOVEMENT_ID | ORDER_ID | ORDER_NAME) } else { self.key >= STRONG_KEYS }
    }
}

/// What is known of a value, a bit for each.
#[derive(Debug, Clone, Copy)]
struct Worth(u8);

impl Worth {
    /// A side calls this value an id, and it is long enough to be one.
    const STRONG: u8 = 1;
    /// Long enough to count under any key.
    const LONG: u8 = 2;
    /// Held by few enough records of each side to identify something.
    const SELECTIVE: u8 = 4;
    /// Strong once somebody calls it an id.
    const MAY_BE_ID: u8 = 8;
    /// Somebody holds it under a key that has to prove itself.
    const UNPROVEN: u8 = 16;

    fn is(self, what: u8) -> bool {
        self.0 & what != 0
    }

    fn add(&mut self, what: u8, is_so: bool) {
        self.0 |= if is_so { what } else { 0 };
    }
}

#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// By record: each of its values once and in order; those that nobody else holds are the last, and only where they tell it
    /// apart.
    by_record: Groups<Entry>,
    /// By value: its holders in order of position.
    by_value: Groups<Ix>,
    /// By value.
    worth: Vec<Worth>,
    /// By key.
    trusted: Vec<bool>,
}

impl Keys {
    /// `spans` are by position and tell where the references of each record lie.
    pub fn build(table: &Table<'_>, references: NumberedReferences, spans: Vec<Span>, rules: &RuleSet) -> Self {
        let values = references.shared();
        let NumberedReferences { entries, shapes, keys, configured } = references;
        let by_record = by_record(table, entries, spans, values);
        let shared = || {
            let by_record = table.positions().zip(by_record.iter());
            by_record.flat_map(|(at, own)| {
                own.iter().take_while(|entry| entry.value < values).map(move |entry| (at, *entry))
            })
        };
        let by_value = Groups::of(values as usize, || shared().map(|(at, entry)| (entry.value, at)));
        let trusted: Vec<bool> = (0..keys)
            .map(|key| key <= ORDER_NAME || (FIRST_METADATA..FIRST_METADATA + configured).contains(&key))
            .collect();
        let mut worth: Vec<Worth> = by_value
            .iter()
            .zip(&shapes)
            .map(|(holders, shape)| {
                let sources = holders.partition_point(|at| *at < table.sources);
                let most = ix(sources.max(holders.len() - sources));
                let mut worth = Worth(0);
                worth.add(Worth::LONG, shape.is_long());
                worth.add(Worth::SELECTIVE, shape.has_digit() && most <= rules.key_max_holders);
                worth.add(Worth::MAY_BE_ID, shape.is_long() && most <= MAX_ID_HOLDERS);
                worth
            })
            .collect();
        for (_, Entry { value, key }) in shared() {
            let worth = &mut worth[value as usize];
            worth.add(Worth::STRONG, key < STRONG_KEYS && worth.is(Worth::MAY_BE_ID));
            worth.add(Worth::UNPROVEN, !trusted[key as usize]);
        }
        Self { by_record, by_value, worth, trusted }
    }

    /// Keys with enough unique hits of equal amount, and more of them than unequal ones; those that are trusted already need
    /// none.
    pub fn earned(&self, table: &Table<'_>, rules: &RuleSet) -> Vec<bool> {
        let mut hits = vec![(0_u32, 0_u32); self.trusted.len()];
        for (value, holders) in self.shared_values().filter(|(value, _)| self.is(Worth::UNPROVEN, *value)) {
            for class in [Class::Payment, Class::Refund] {
                let mut source = None;
                let mut target = None;
                let mut unique = true;
                for at in holders.iter().copied().filter(|at| table.row(*at).class == class) {
                    let place = if table.row(at).target { &mut target } else { &mut source };
                    unique &= place.replace(at).is_none();
                }
                let (Some(source), Some(target), true) = (source, target, unique) else { continue };
                let (a, b) = (table.row(source), table.row(target));
                let equal = a.currency == b.currency && a.amount == b.amount;
                let [key, other] = [source, target].map(|at| self.key(value, at));
                // Where both sides use one key, a hit is still one hit.
                for key in [key, other.filter(|_| other != key)].into_iter().flatten() {
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
        self.by_record.group(at)
    }

    /// Records that hold a value, in order of position.
    pub fn holders(&self, value: u32) -> &[Ix] {
        self.by_value.group(value)
    }

    /// Under which key a record holds a value.
    fn key(&self, value: u32, at: Ix) -> Option<u32> {
        let own = self.of(at);
        own.binary_search_by_key(&value, |entry| entry.value).ok().map(|place| own[place].key)
    }

    /// Values with their holders that can join records: somebody holds one that somebody else holds.
    pub fn shared_values(&self) -> impl Iterator<Item = (u32, &[Ix])> {
        (0..).zip(self.by_value.iter()).filter(|(_, holders)| holders.len() > 1)
    }

    /// Those of them that any of these records holds.
    pub fn shared_values_of(&self, records: &[Ix]) -> impl Iterator<Item = (u32, &[Ix])> {
        let mut values: Vec<u32> = records.iter().flat_map(|at| self.of(*at)).map(|entry| entry.value).collect();
        values.sort_unstable();
        values.dedup();
        values.into_iter().map(|value| (value, self.holders(value))).filter(|(_, holders)| holders.len() > 1)
    }

    fn is(&self, what: u8, value: u32) -> bool {
        self.worth.get(value as usize).is_some_and(|worth| worth.is(what))
    }

    pub fn is_strong(&self, value: u32) -> bool {
        self.is(Worth::STRONG, value)
    }

    /// A value under this key is a reference that counts.
    pub fn counts(&self, value: u32, key: u32) -> bool {
        self.counts_if(value, || self.is_trusted(key))
    }

    /// What a record holds is a reference that counts.
    pub fn counts_for(&self, value: u32, at: Ix) -> bool {
        self.counts_if(value, || self.key(value, at).is_some_and(|key| self.is_trusted(key)))
    }

    fn counts_if(&self, value: u32, is_trusted: impl FnOnce() -> bool) -> bool {
        self.is_strong(value) || (self.is(Worth::SELECTIVE, value) && (self.is(Worth::LONG, value) || is_trusted()))
    }

    fn is_trusted(&self, key: u32) -> bool {
        self.trusted.get(key as usize).copied().unwrap_or(false)
    }

    /// Free text, metadata and order references: what one side tells about the other's numbering.
    pub fn is_weak_key(entry: Entry) -> bool {
        entry.key >= STRONG_KEYS
    }

    /// Free text, metadata or order reference under a key that has proved itself.
    pub fn is_proven_weak(&self, entry: Entry) -> bool {
        Self::is_weak_key(entry) && self.is_trusted(entry.key)
    }

    /// The values of a record that count.
    pub fn counting(&self, at: Ix) -> impl Iterator<Item = Entry> {
        self.of(at).iter().copied().filter(|entry| self.counts(entry.value, entry.key))
    }

    /// Records of the other side that share a value that counts, each once, in order.
    pub fn linked(&self, table: &Table<'_>, at: Ix) -> Vec<Ix> {
        let target = table.row(at).target;
        let mut found = Vec::new();
        for entry in self.counting(at) {
            let others = self.holders(entry.value).iter().copied();
            found.extend(others.filter(|at| table.row(*at).target != target && self.counts_for(entry.value, *at)));
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
                    } else if self.counts(x.value, x.key) && self.counts(y.value, y.key) {
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

/// By record what is of use of what it holds; the references of each lie in its span.
fn by_record(table: &Table<'_>, mut entries: Halves<Entry>, spans: Vec<Span>, values: u32) -> Groups<Entry> {
    let mut by_record = Groups::with_room(spans.len(), entries.len());
    for (at, span) in table.positions().zip(spans) {
        let own = &mut entries[span.range()];
        own.sort_unstable();
        let of_order = table.row(at).of_order;
        // Those out of scope hold nothing.
        let of_use = |entry: &Entry| table.in_scope(at) && (entry.value < values || entry.tells_apart(of_order));
        by_record.push(each_value_once(own).filter(of_use));
    }
    by_record
}

/// Of several keys with one value the first counts, of use or not.
fn each_value_once(sorted: &[Entry]) -> impl Iterator<Item = Entry> {
    sorted.chunk_by(|one, next| one.value == next.value).filter_map(|equal| equal.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_keys_with_one_value_the_first_counts() {
        let entry = |value, key| Entry { value, key };
        let own = [entry(1, 0), entry(1, 2), entry(3, 5), entry(7, 1), entry(7, 2), entry(7, 3)];
        assert_eq!(each_value_once(&own).collect::<Vec<_>>(), [entry(1, 0), entry(3, 5), entry(7, 1)]);
        assert_eq!(each_value_once(&[]).count(), 0);
    }
}
