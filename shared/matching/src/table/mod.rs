//! The input as the tiers see it: one row of integers per record, sources first, each side in order of (time, id).
//!
//! Texts are numbered once; from here on everything compares numbers. A row's position (`Ix`) is canonical, so any
//! order by position is one too.

mod buckets;
pub(crate) mod counting;
mod given;
mod halves;
mod numbers;
mod order_ids;
mod reading;
mod rows;
mod seen;
mod signs;
mod texts;

use crate::{
    RunInput,
    both::both,
    digest,
    hashed::Hashing,
    keys::{Keys, OrderReference, References, Span},
    rules::RuleSet,
    tiers::hygiene,
};
use domain::{Currency, record::Kind, records::RecordRef};
use given::Given;
use std::{collections::HashMap, ops::Range};

pub(crate) use buckets::Bucket;
use buckets::ByAmount;
pub(crate) use halves::Halves;
pub(crate) use numbers::number_firsts;
#[cfg(test)]
pub(crate) use rows::Flags;
pub(crate) use rows::{Class, Row};
use rows::{EMPTY, Numbered};
pub(crate) use seen::Repeats;
use signs::Sign;
pub(crate) use signs::Signs;
pub(crate) use texts::{Left, Value, ValueList, normalised, trimmed};

/// Position of a record in the table.
pub(crate) type Ix = u32;
/// No position, no value.
pub(crate) const NONE: u32 = u32::MAX;
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// Longest time between an authorisation and its capture that candidates are searched over.
pub(crate) const SETTLE_LAG_MS: i64 = 8 * DAY_MS;

/// Where the records of each side stand, by id.
#[derive(Debug)]
pub(crate) struct ById<'a>([HashMap<&'a str, Ix, Hashing>; 2]);

impl ById<'_> {
    /// `NONE` when it is not here.
    pub fn find(&self, target: bool, id: &str) -> Ix {
        self.0[usize::from(target)].get(id).copied().unwrap_or(NONE)
    }
}

#[derive(Debug)]
pub(crate) struct Table<'a> {
    sides: [Given<'a>; 2],
    pub rows: Vec<Row>,
    pub signs: Signs,
    /// Positions before this one are sources.
    pub sources: Ix,
    /// Of all records and orders.
    pub digest: blake3::Hash,
    pub currencies: Vec<Currency>,
    pub keys: Keys,
    by_amount: ByAmount,
    /// How many records hold a person's value, by interned id.
    holders: Vec<u32>,
    /// A person's value held by more records than this tells nobody apart.
    common: u32,
}

impl<'a> Table<'a> {
    pub fn build(input: &'a RunInput, rules: &RuleSet) -> Self {
        let given = input.source.len() + input.target.len();
        let mut both_sides = given::sides([&input.source, &input.target]);
        let sides = both_sides.each_ref();
        let [sources, targets] = sides.map(Given::count);
        let count = (sources + targets) as usize;
        let mut rows = vec![EMPTY; count];
        let mut signs = Signs::none(count, sides[0].said.or(sides[1].said));
        let mut spans = vec![Span::default(); count];
        let split = reading::earlier_half(sides);
        let [earlier, later] = reading::halves(sides, split, (&mut rows, signs.divided(sources, split), &mut spans));
        let (earlier, later) = both(
            given,
            || reading::read(sides, earlier, input.window, rules),
            || reading::read(sides, later, input.window, rules),
        );
        let ((words, of_orders), references) = both(
            given,
            || (Numbered::of([earlier.words, later.words]), digest::of_orders(&input.orders)),
            || {
                let [_, later_spans] = reading::divided(&mut spans, sources, split);
                References::number([earlier.references, later.references], later_spans.into_iter().flatten())
            },
        );
        let duplicates = sides.map(|side| side.duplicates.as_slice());
        let digest = digest::of_lists([earlier.digest, later.digest, of_orders], duplicates);
        both_sides.iter_mut().for_each(Given::forget_mentions);
        let holders = signs.number_people(sources, split, &words);
        let (mut unsure, mut with_two_moneys, mut on_hold) = (Vec::new(), Vec::new(), false);
        for (at, row) in (0..).zip(&mut rows) {
            let half = reading::half_of(at, sources, split);
            row.currency = words.currency(half, row.currency);
            on_hold |= matches!(row.kind, Kind::Authorization | Kind::Void);
            if row.two_moneys() {
                with_two_moneys.push(at);
            }
            if row.of_order {
                match references.of_order(half, signs.order(at)) {
                    OrderReference::Alone => signs.set(Sign::Order, at, order_ids::alone(at)),
                    OrderReference::Shared(reference) => unsure.push((at, Some(reference))),
                    OrderReference::Nothing => unsure.push((at, None)),
                }
            }
        }
        let common = ix(rows.len() / 100).max(20);
        let mut table = Self {
            sides: both_sides,
            rows,
            signs,
            sources,
            digest,
            currencies: words.currencies,
            keys: Keys::default(),
            by_amount: ByAmount::default(),
            holders,
            common,
        };
        let numbers = order_ids::numbers(&unsure, references.shared(), |at| {
            table.record(at).order().map_or("", |order| order.id)
        });
        for ((at, _), number) in unsure.into_iter().zip(numbers) {
            table.signs.set(Sign::Order, at, number);
        }
        // Many shops take money at once, and then nothing is authorised before or voided after.
        if on_hold {
            hygiene::exclude_voided(&mut table);
            table.resolve_parents();
        }
        table.keys = Keys::build(&table, references, spans, rules);
        let earned = table.keys.earned(&table, rules);
        table.keys.trust(earned);
        table.choose_currencies(&with_two_moneys);
        table.by_amount = ByAmount::of(&table.rows, sources);
        table
    }

    /// Where the shop names the authorisation as what a refund undoes, its only capture is meant.
    fn resolve_parents(&mut self) {
        let mut captures: HashMap<Ix, Ix> = HashMap::new();
        for at in self.positions().filter(|at| self.row(*at).kind == Kind::Capture && self.in_scope(*at)) {
            let parent = self.signs.parent(at);
            captures.entry(parent).and_modify(|only| *only = NONE).or_insert(at);
        }
        let authorized = |table: &Self, parent: Ix| parent != NONE && table.row(parent).kind == Kind::Authorization;
        for at in self.positions() {
            let parent = self.signs.parent(at);
            if self.row(at).class == Class::Refund && authorized(self, parent) {
                let only = captures.get(&parent).copied().unwrap_or(NONE);
                self.signs.set(Sign::Parent, at, only);
            }
        }
    }

    pub fn row(&self, at: Ix) -> &Row {
        &self.rows[at as usize]
    }

    /// When the money moved on the balance, in milliseconds; the record's time when that is not known.
    pub fn settled_at(&self, at: Ix) -> i64 {
        self.row(at).at.wrapping_add(self.signs.settled_after(at))
    }

    pub fn record(&self, at: Ix) -> RecordRef<'a> {
        match at.checked_sub(self.sources) {
            None => self.sides[0].record(at),
            Some(at) => self.sides[1].record(at),
        }
    }

    /// Takes a while, and only runs that follow earlier ones need it.
    pub fn by_id(&self) -> ById<'a> {
        let ids = |positions: Range<Ix>| positions.map(|at| (self.record(at).id(), at)).collect();
        ById([ids(0..self.sources), ids(self.sources..ix(self.rows.len()))])
    }

    /// Second deliveries of records that are in the table.
    pub fn duplicates(&self) -> impl Iterator<Item = RecordRef<'a>> {
        self.sides.iter().flat_map(|side| side.duplicates.iter().copied())
    }

    pub fn positions(&self) -> Range<Ix> {
        0..ix(self.rows.len())
    }

    pub fn currency(&self, at: Ix) -> Currency {
        self.currencies.get(usize::from(self.row(at).currency)).copied().unwrap_or_else(|| self.record(at).currency())
    }

    /// Frees what only tiers look at: the result needs records and rows.
    pub fn forget_keys(&mut self) {
        self.keys = Keys::default();
        self.signs = Signs::default();
        self.by_amount = ByAmount::default();
        self.holders = Vec::new();
    }

    /// In scope: of a class, and never excluded.
    pub fn in_scope(&self, at: Ix) -> bool {
        self.row(at).class != Class::Nothing
    }

    pub fn sources_of(&self, bucket: Bucket) -> &[Ix] {
        &self.by_amount.positions[bucket.start..bucket.middle]
    }

    pub fn targets_of(&self, bucket: Bucket) -> &[Ix] {
        &self.by_amount.positions[bucket.middle..bucket.end]
    }

    /// Records of one bucket have the same class, currency and amount; out of scope there is none.
    pub fn bucket(&self, at: Ix) -> Option<Bucket> {
        self.by_amount.buckets.get(self.by_amount.of[at as usize] as usize).copied()
    }

    /// Some records by class, currency, amount and position.
    pub fn by_bucket(&self, some: impl Iterator<Item = Ix>) -> Vec<Ix> {
        let mut sorted: Vec<(u32, Ix)> = some.map(|at| (self.by_amount.of[at as usize], at)).collect();
        sorted.sort_unstable();
        sorted.into_iter().map(|(_, at)| at).collect()
    }

    pub fn one_bucket(&self, a: Ix, b: Ix) -> bool {
        self.by_amount.of[a as usize] == self.by_amount.of[b as usize]
    }

    /// Records of the other side with the same class, currency and amount, in order of time.
    pub fn same_amount(&self, at: Ix) -> &[Ix] {
        match self.bucket(at) {
            Some(bucket) if self.row(at).target => self.sources_of(bucket),
            Some(bucket) => self.targets_of(bucket),
            None => &[],
        }
    }

    /// At most `limit` records of the other side with the same amount, nearest first, within `reach_ms`.
    pub fn nearest(&self, at: Ix, reach_ms: i64, limit: usize) -> Vec<Ix> {
        let all = self.same_amount(at);
        let here = self.row(at).at;
        let split = all.partition_point(|other| self.row(*other).at < here);
        let (mut low, mut high) = (split, split);
        let mut found = Vec::new();
        while found.len() < limit {
            let gap = |place: Option<&Ix>| place.map_or(i64::MAX, |other| (self.row(*other).at - here).abs());
            let before = low.checked_sub(1).and_then(|place| all.get(place));
            let after = all.get(high);
            let (earlier, later) = (gap(before), gap(after));
            let next = if earlier <= later { before } else { after };
            // A capture may have settled days after the time it is sorted by.
            let Some(next) = next.copied().filter(|_| earlier.min(later) <= reach_ms + SETTLE_LAG_MS) else { break };
            if earlier <= later {
                low -= 1;
            } else {
                high += 1;
            }
            if self.is_within(at, next, reach_ms) {
                found.push(next);
            }
        }
        found
    }

    /// `(source, target)`, whichever of the two is which.
    pub fn as_pair(&self, a: Ix, b: Ix) -> (Ix, Ix) {
        if self.row(a).target { (b, a) } else { (a, b) }
    }

    /// Whether two records are at most so far apart.
    pub fn is_within(&self, a: Ix, b: Ix, reach_ms: i64) -> bool {
        // Mostly that is seen without looking at when they settled.
        (self.row(a).at - self.row(b).at).abs() <= reach_ms || self.distance_ms(a, b) <= reach_ms
    }

    /// Time between two records; a capture may be compared by when it settled, a day covers all its hours.
    pub fn distance_ms(&self, a: Ix, b: Ix) -> i64 {
        let (settled_a, settled_b) = (self.settled_at(a), self.settled_at(b));
        let (a, b) = (self.row(a), self.row(b));
        let nearest = (a.at - b.at).abs().min((settled_a - b.at).abs()).min((a.at - settled_b).abs());
        if a.whole_day() || b.whole_day() { (nearest - DAY_MS).max(0) } else { nearest }
    }

    /// Whether a person's value tells people apart: test cards and shared mailboxes do not.
    pub fn telling(&self, value: u32) -> bool {
        self.holders.get(value as usize).is_some_and(|count| *count <= self.common)
    }

    pub fn held_by(&self, value: u32) -> u32 {
        self.holders.get(value as usize).copied().unwrap_or(0)
    }

    /// By number of the currency: whether any source in scope, and whether any target has it.
    fn seen_currencies(&self) -> Vec<[bool; 2]> {
        let mut seen = vec![[false; 2]; self.currencies.len()];
        for row in self.rows.iter().filter(|row| row.class != Class::Nothing) {
            if let Some(sides) = seen.get_mut(usize::from(row.currency)) {
                sides[usize::from(row.target)] = true;
            }
        }
        seen
    }

    /// A record with two moneys takes the one its partner is in: presentment where a linked payment or any payment
    /// has that currency, else the shop's own.
    fn choose_currencies(&mut self, with_two: &[Ix]) {
        if with_two.is_empty() {
            return;
        }
        let seen = self.seen_currencies();
        let mut changed = vec![false; self.rows.len()];
        // Payments first: what undoes a payment is in the same money.
        for refunds in [false, true] {
            for at in with_two.iter().copied() {
                if (self.row(at).class == Class::Refund) != refunds {
                    continue;
                }
                let Some(shop) = self.record(at).shop_money() else { continue };
                let shop_id = self.currencies.iter().position(|currency| *currency == shop.currency);
                let Some(shop_id) = shop_id.and_then(|id| u16::try_from(id).ok()) else { continue };
                let (own, parent) = (self.row(at).currency, self.signs.parent(at));
                let linked = self.keys.linked(self, at);
                let has = |id: u16| linked.iter().any(|other| self.row(*other).currency == id);
                let opposite = usize::from(!self.row(at).target);
                let known = |id: u16| seen.get(usize::from(id)).is_some_and(|flags| flags[opposite]);
                let as_parent = refunds && changed.get(parent as usize).copied().unwrap_or(false);
                if as_parent || (!has(own) && (has(shop_id) || (!known(own) && known(shop_id)))) {
                    changed[at as usize] = true;
                    let row = &mut self.rows[at as usize];
                    row.currency = shop_id;
                    row.amount = shop.amount_minor;
                }
            }
        }
    }
}

pub(crate) fn ix(length: usize) -> Ix {
    u32::try_from(length).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;
    use domain::{
        Timestamp,
        record::{Record, Side},
    };

    /// A capture is looked for at the time it is sorted by, and counts at the time it settled.
    #[test]
    fn what_settled_near_is_near() {
        let at = |side, id: &str, day: i64| examples::record(side, id, 1, day * DAY_MS);
        let settled = |day: i64| Some(Timestamp::from_millis(day * DAY_MS));
        let early = Record { settled_at: settled(9), ..at(Side::Target, "early", 3) };
        let never = Record { settled_at: settled(3), ..at(Side::Target, "never", 2) };
        let input = examples::input([at(Side::Source, "sale", 10)], [never, early, at(Side::Target, "late", 12)]);
        let table = Table::build(&input, &RuleSet::default());
        let near = |days: i64, limit| {
            let found = table.nearest(0, days * DAY_MS, limit).into_iter();
            found.map(|at| table.record(at).id()).collect::<Vec<_>>()
        };
        assert_eq!(near(2, 9), ["late", "early"]);
        assert_eq!(near(2, 1), ["late"]);
        assert_eq!(near(1, 9), ["early"]);
    }
}
