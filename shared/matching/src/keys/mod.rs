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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// A record that holds a value, and under which key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Holder {
    pub at: Ix,
    pub key: u32,
}

/// What is known of a value.
#[derive(Debug, Clone, Copy)]
struct Worth {
    /// A side calls this value an id, and it is long enough to be one.
    strong: bool,
    /// Long enough to count under any key.
    long: bool,
    /// Held by few enough records of each side to identify something.
    selective: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Keys {
    entries: Halves<Entry>,
    /// By record: where its values lie among the entries, each value once and in order; those that nobody else holds are the
    /// last, and only where they tell it apart.
    by_record: Vec<Span>,
    /// By value: its holders in order of position.
    by_value: Groups<Holder>,
    /// By value.
    worth: Vec<Worth>,
    /// By key.
    trusted: Vec<bool>,
}

impl Keys {
    /// `spans` are by position and tell where the references of each record lie.
    pub fn build(table: &Table<'_>, references: NumberedReferences, mut spans: Vec<Span>, rules: &RuleSet) -> Self {
        let values = references.shared();
        let NumberedReferences { mut entries, shapes, keys, configured } = references;
        for (at, span) in table.positions().zip(&mut spans) {
            let own = &mut entries[span.range()];
            own.sort_unstable();
            let of_order = table.row(at).of_order;
            let of_use = |entry: Entry| entry.value < values || entry.tells_apart(of_order);
            // Those out of scope hold nothing.
            span.count = if table.in_scope(at) { each_value_once(own, of_use) } else { 0 };
        }
        let held = || {
            let by_record = table.positions().zip(&spans);
            by_record.flat_map(|(at, span)| {
                let shared = entries[span.range()].iter().take_while(|entry| entry.value < values);
                shared.map(move |entry| (entry.value, Holder { at, key: entry.key }))
            })
        };
        let by_value = Groups::of(values as usize, held);
        let worth = by_value.iter().zip(&shapes).map(|(holders, shape)| {
            let sources = holders.iter().filter(|holder| holder.at < table.sources).count();
            let most = ix(sources.max(holders.len() - sources));
            let named_id = holders.iter().any(|holder| holder.key < STRONG_KEYS);
            Worth {
                strong: named_id && shape.is_long() && most <= MAX_ID_HOLDERS,
                long: shape.is_long(),
                selective: shape.has_digit() && most <= rules.key_max_holders,
            }
        });
        let worth = worth.collect();
        let trusted = (0..keys)
            .map(|key| key <= ORDER_NAME || (FIRST_METADATA..FIRST_METADATA + configured).contains(&key))
            .collect();
        Self { entries, by_record: spans, by_value, worth, trusted }
    }

    /// Keys with enough unique hits of equal amount, and more of them than unequal ones; those that are trusted already need
    /// none.
    pub fn earned(&self, table: &Table<'_>, rules: &RuleSet) -> Vec<bool> {
        let mut hits = vec![(0_u32, 0_u32); self.trusted.len()];
        let may_earn = |holders: &&[Holder]| holders.iter().any(|holder| !self.is_trusted(holder.key));
        for holders in self.by_value.iter().filter(|holders| holders.len() > 1).filter(may_earn) {
            for class in [Class::Payment, Class::Refund] {
                let mut source = None;
                let mut target = None;
                let mut unique = true;
                for holder in holders.iter().filter(|holder| table.row(holder.at).class == class) {
                    let place = if table.row(holder.at).target { &mut target } else { &mut source };
                    unique &= place.replace(*holder).is_none();
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
        self.by_record.get(at as usize).map_or(&[], |span| &self.entries[span.range()])
    }

    pub fn holders(&self, value: u32) -> &[Holder] {
        self.by_value.group(value)
    }

    /// Values with their holders, strong or not, that can join records: somebody holds one that somebody else holds.
    pub fn shared_values(&self, strong: bool) -> impl Iterator<Item = (u32, &[Holder])> {
        let all = (0..).zip(self.by_value.iter().zip(&self.worth));
        all.filter(move |(_, (holders, worth))| holders.len() > 1 && worth.strong == strong)
            .map(|(value, (holders, _))| (value, holders))
    }

    pub fn is_strong(&self, value: u32) -> bool {
        self.worth.get(value as usize).is_some_and(|worth| worth.strong)
    }

    /// A value under this key is a reference that counts.
    pub fn counts(&self, value: u32, key: u32) -> bool {
        let Some(worth) = self.worth.get(value as usize) else { return false };
        worth.strong || (worth.selective && (worth.long || self.is_trusted(key)))
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
            let others = self
                .holders(entry.value)
                .iter()
                .filter(|other| table.row(other.at).target != target && self.counts(entry.value, other.key));
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

/// Moves the first entry of each value to the front, where it is of use; they are sorted. Returns how many those are.
fn each_value_once(sorted: &mut [Entry], of_use: impl Fn(Entry) -> bool) -> u32 {
    let (mut count, mut last) = (0, None);
    for at in 0..sorted.len() {
        let entry = sorted[at];
        // Of several keys with one value the first counts, of use or not.
        if last.replace(entry.value) != Some(entry.value) && of_use(entry) {
            sorted[count] = entry;
            count += 1;
        }
    }
    ix(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_keys_with_one_value_the_first_counts() {
        let entry = |value, key| Entry { value, key };
        let own = [entry(1, 0), entry(1, 2), entry(3, 5), entry(7, 1), entry(7, 2), entry(7, 3)];
        let of_use = |mut own: [Entry; 6], which: fn(Entry) -> bool| {
            let count = each_value_once(&mut own, which) as usize;
            own[..count].to_vec()
        };
        assert_eq!(of_use(own, |_| true), [entry(1, 0), entry(3, 5), entry(7, 1)]);
        // What is of no use under the first key is of none under the next one.
        assert_eq!(of_use(own, |entry| entry.key > 0), [entry(3, 5), entry(7, 1)]);
        assert_eq!(each_value_once(&mut [], |_| true), 0);
    }
}
