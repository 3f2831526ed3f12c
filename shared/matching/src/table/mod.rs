//! The input as the tiers see it: one row of integers per record, sources first, each side in order of (time, id).
//!
//! Texts are interned once; from here on everything compares numbers. A row's position (`Ix`) is canonical, so any
//! order by position is one too.

use crate::{
    RunInput,
    hashed::{self, Map},
    keys::Keys,
    reason::Reason,
    rules::RuleSet,
    tiers::hygiene,
};
use domain::{
    Currency,
    record::{Kind, Precision, Record, Status},
};
use std::{borrow::Cow, hash::Hash};

/// Position of a record in the table.
pub(crate) type Ix = u32;
/// No position, no value.
pub(crate) const NONE: u32 = u32::MAX;
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// Longest time between an authorisation and its capture that candidates are searched over.
pub(crate) const SETTLE_LAG_MS: i64 = 8 * DAY_MS;

/// Direction of the money; only records of one class can be partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    Payment,
    Refund,
    /// Moves no money.
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub amount: i64,
    pub at: i64,
    /// When the money moved on the balance; `at` when that is not known.
    pub settled_at: i64,
    pub currency: u16,
    pub class: Class,
    pub target: bool,
    pub in_window: bool,
    pub evidence: bool,
    pub pending: bool,
    pub whole_day: bool,
    /// Interned; `NONE` when absent.
    pub email: u32,
    pub last4: u32,
    pub name: u32,
    pub memo: u32,
    pub order: u32,
    /// The movement of the same side that this one undoes or completes.
    pub parent: Ix,
    pub bucket: u32,
}

impl Row {
    /// A movement of an order, as a shop has them. What belongs to none, a payment or a booking, names the other side's
    /// orders and references instead of having one. Sides are told apart by this and not by which file came first, so that
    /// exchanging them changes nothing.
    pub fn is_of_order(&self) -> bool {
        self.order != NONE
    }
}

/// Interns values; ids follow the order of first sight, which is canonical.
#[derive(Debug)]
pub(crate) struct Interner<K> {
    ids: Map<K, u32>,
}

impl<K> Default for Interner<K> {
    fn default() -> Self {
        Self { ids: Map::default() }
    }
}

impl<K: Eq + Hash> Interner<K> {
    pub fn with_capacity(capacity: usize) -> Self {
        Self { ids: hashed::with_capacity(capacity) }
    }

    pub fn id(&mut self, value: K) -> u32 {
        let next = u32::try_from(self.ids.len()).unwrap_or(NONE);
        *self.ids.entry(value).or_insert(next)
    }

    pub fn get(&self, value: &K) -> Option<u32> {
        self.ids.get(value).copied()
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }
}

/// Trimmed and lower-cased, without copying what already is.
pub(crate) fn normalised(text: &str) -> Cow<'_, str> {
    // Nearly every text is plain: one look at its bytes settles it.
    let plain = |byte: &u8| byte.is_ascii() && !byte.is_ascii_uppercase() && !byte.is_ascii_whitespace();
    let (first, last) = (text.as_bytes().first(), text.as_bytes().last());
    if first.is_some_and(plain)
        && last.is_some_and(plain)
        && text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        return Cow::Borrowed(text);
    }
    let text = text.trim();
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// Open records of one class, currency and amount: positions into `Table::by_amount`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    pub start: usize,
    /// First target.
    pub middle: usize,
    pub end: usize,
}

#[derive(Debug)]
pub(crate) struct Table<'a> {
    pub records: Vec<&'a Record>,
    pub rows: Vec<Row>,
    /// Positions before this one are sources.
    pub sources: Ix,
    /// Second deliveries of a record that is in the table.
    pub duplicates: Vec<&'a Record>,
    pub excluded: Vec<Option<Reason>>,
    /// Where an id of a side, targets with `true`, stands.
    places: Map<(bool, &'a str), Ix>,
    pub currencies: Vec<Currency>,
    /// Numbers of the orders that records belong to.
    pub orders: Interner<&'a str>,
    pub keys: Keys,
    /// All records in scope by (class, currency, amount, side, time).
    by_amount: Vec<Ix>,
    pub buckets: Vec<Bucket>,
    /// How many records hold a person's value, by interned id.
    holders: Vec<u32>,
    /// A person's value held by more records than this tells nobody apart.
    common: u32,
}

impl<'a> Table<'a> {
    pub fn build(input: &'a RunInput, rules: &RuleSet) -> Self {
        let mut duplicates = Vec::new();
        let mut records = side(&input.source, &mut duplicates);
        let sources = ix(records.len());
        records.extend(side(&input.target, &mut duplicates));
        let mut texts = Texts::for_records(records.len());
        let places = places(&records, sources);
        let rows = texts.rows(&records, sources, &places, input);
        let holders = holders(&rows, texts.people.len());
        let common = ix(records.len() / 100).max(20);
        let mut table = Self {
            records,
            rows,
            sources,
            duplicates,
            excluded: Vec::new(),
            places,
            currencies: texts.currencies,
            orders: texts.orders,
            keys: Keys::default(),
            by_amount: Vec::new(),
            buckets: Vec::new(),
            holders,
            common,
        };
        table.excluded = hygiene::screen(&table, rules);
        for (row, excluded) in table.rows.iter_mut().zip(&table.excluded) {
            if excluded.is_some() {
                row.class = Class::Nothing;
            }
        }
        table.resolve_parents();
        table.keys = Keys::build(&table, rules);
        let earned = table.keys.earned(&table, rules);
        table.keys.trust(earned);
        table.choose_currencies();
        let (by_amount, buckets) = buckets(&mut table.rows);
        table.by_amount = by_amount;
        table.buckets = buckets;
        table
    }

    /// Where the shop names the authorisation as what a refund undoes, its only capture is meant.
    fn resolve_parents(&mut self) {
        let mut captures: Map<Ix, Ix> = Map::default();
        for at in self.positions().filter(|at| self.record(*at).kind == Kind::Capture && self.in_scope(*at)) {
            let parent = self.row(at).parent;
            captures.entry(parent).and_modify(|only| *only = NONE).or_insert(at);
        }
        let authorized = |table: &Self, parent: Ix| parent != NONE && table.record(parent).kind == Kind::Authorization;
        for at in self.positions() {
            let parent = self.row(at).parent;
            if self.row(at).class == Class::Refund && authorized(self, parent) {
                let only = captures.get(&parent).copied().unwrap_or(NONE);
                self.rows[at as usize].parent = only;
            }
        }
    }

    pub fn row(&self, at: Ix) -> &Row {
        &self.rows[at as usize]
    }

    pub fn record(&self, at: Ix) -> &'a Record {
        self.records[at as usize]
    }

    /// Where the record of a side with this id stands.
    pub fn place(&self, target: bool, id: &str) -> Option<Ix> {
        self.places.get(&(target, id)).copied()
    }

    pub fn positions(&self) -> std::ops::Range<Ix> {
        0..ix(self.rows.len())
    }

    pub fn currency(&self, at: Ix) -> Currency {
        self.currencies.get(usize::from(self.row(at).currency)).copied().unwrap_or(self.record(at).currency)
    }

    /// In scope: of a class, and never excluded.
    pub fn in_scope(&self, at: Ix) -> bool {
        self.row(at).class != Class::Nothing
    }

    pub fn sources_of(&self, bucket: Bucket) -> &[Ix] {
        &self.by_amount[bucket.start..bucket.middle]
    }

    pub fn targets_of(&self, bucket: Bucket) -> &[Ix] {
        &self.by_amount[bucket.middle..bucket.end]
    }

    /// Records of the other side with the same class, currency and amount, in order of time.
    pub fn same_amount(&self, at: Ix) -> &[Ix] {
        let row = self.row(at);
        match self.buckets.get(row.bucket as usize) {
            Some(bucket) if row.target => self.sources_of(*bucket),
            Some(bucket) => self.targets_of(*bucket),
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
            if self.distance_ms(at, next) <= reach_ms {
                found.push(next);
            }
        }
        found
    }

    /// `(source, target)`, whichever of the two is which.
    pub fn as_pair(&self, a: Ix, b: Ix) -> (Ix, Ix) {
        if self.row(a).target { (b, a) } else { (a, b) }
    }

    /// Time between two records; a capture may be compared by when it settled, a day covers all its hours.
    pub fn distance_ms(&self, a: Ix, b: Ix) -> i64 {
        let (a, b) = (self.row(a), self.row(b));
        let nearest = (a.at - b.at).abs().min((a.settled_at - b.at).abs()).min((a.at - b.settled_at).abs());
        if a.whole_day || b.whole_day { (nearest - DAY_MS).max(0) } else { nearest }
    }

    /// Whether a person's value tells people apart: test cards and shared mailboxes do not.
    pub fn telling(&self, value: u32) -> bool {
        self.holders.get(value as usize).is_some_and(|count| *count <= self.common)
    }

    pub fn held_by(&self, value: u32) -> u32 {
        self.holders.get(value as usize).copied().unwrap_or(0)
    }

    /// A record with two moneys takes the one its partner is in: presentment where a linked payment or any payment
    /// has that currency, else the shop's own.
    fn choose_currencies(&mut self) {
        // Per currency: whether sources, and whether targets have it.
        let mut seen = vec![[false; 2]; usize::from(u16::MAX) + 1];
        for row in self.rows.iter().filter(|row| row.class != Class::Nothing) {
            if let Some(flags) = seen.get_mut(usize::from(row.currency)) {
                flags[usize::from(row.target)] = true;
            }
        }
        let mut changed = vec![false; self.rows.len()];
        // Payments first: what undoes a payment is in the same money.
        for refunds in [false, true] {
            let now: Vec<Ix> =
                self.positions().filter(|at| (self.row(*at).class == Class::Refund) == refunds).collect();
            for at in now {
                let Some(shop) = self.record(at).shop_money.filter(|shop| shop.currency != self.record(at).currency)
                else {
                    continue;
                };
                let shop_id = self.currencies.iter().position(|currency| *currency == shop.currency);
                let Some(shop_id) = shop_id.and_then(|id| u16::try_from(id).ok()) else { continue };
                let (own, parent) = (self.row(at).currency, self.row(at).parent);
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

/// Whose value it is: equal texts of two fields are two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Field {
    Email,
    Last4,
    Name,
    Memo,
}

/// What rows hold as numbers.
#[derive(Debug, Default)]
struct Texts<'a> {
    people: Interner<(Field, Cow<'a, str>)>,
    orders: Interner<&'a str>,
    currencies: Vec<Currency>,
}

impl<'a> Texts<'a> {
    fn for_records(records: usize) -> Self {
        Self {
            people: Interner::with_capacity(records),
            orders: Interner::with_capacity(records / 2),
            ..Self::default()
        }
    }

    fn rows(
        &mut self,
        records: &[&'a Record],
        sources: Ix,
        places: &Map<(bool, &'a str), Ix>,
        input: &RunInput,
    ) -> Vec<Row> {
        let row = |(position, record): (usize, &&'a Record)| {
            let target = position >= sources as usize;
            let buyer = &record.counterparty;
            Row {
                amount: record.amount_minor,
                at: record.occurred_at.millis(),
                settled_at: record.settled_at.unwrap_or(record.occurred_at).millis(),
                currency: currency_id(&mut self.currencies, record.currency),
                class: class_of(record),
                target,
                in_window: !record.evidence_only && input.window.contains(record.occurred_at),
                evidence: record.evidence_only,
                pending: record.status == Status::Pending,
                whole_day: record.precision == Precision::Day,
                email: person(&mut self.people, Field::Email, buyer.email_hash.as_deref()),
                last4: person(&mut self.people, Field::Last4, buyer.last4.as_deref()),
                name: person(&mut self.people, Field::Name, buyer.name.as_deref()),
                memo: person(&mut self.people, Field::Memo, record.memo.as_deref()),
                order: record.order.as_ref().map_or(NONE, |order| self.orders.id(order.id.as_str())),
                parent: record
                    .parent
                    .as_deref()
                    .and_then(|parent| places.get(&(target, parent)).copied())
                    .unwrap_or(NONE),
                bucket: NONE,
            }
        };
        records.iter().enumerate().map(row).collect()
    }
}

/// The number of a person's value.
fn person<'a>(people: &mut Interner<(Field, Cow<'a, str>)>, field: Field, text: Option<&'a str>) -> u32 {
    text.map(normalised).filter(|text| !text.is_empty()).map_or(NONE, |text| people.id((field, text)))
}

fn holders(rows: &[Row], values: usize) -> Vec<u32> {
    let mut holders = vec![0_u32; values];
    for value in rows.iter().flat_map(|row| [row.email, row.last4, row.name, row.memo]) {
        if let Some(count) = holders.get_mut(value as usize) {
            *count += 1;
        }
    }
    holders
}

pub(crate) fn ix(length: usize) -> Ix {
    u32::try_from(length).unwrap_or(NONE)
}

fn currency_id(currencies: &mut Vec<Currency>, currency: Currency) -> u16 {
    let found = currencies.iter().position(|known| *known == currency).unwrap_or_else(|| {
        currencies.push(currency);
        currencies.len() - 1
    });
    u16::try_from(found).unwrap_or(u16::MAX)
}

fn class_of(record: &Record) -> Class {
    match record.kind {
        Kind::Sale | Kind::Capture | Kind::Charge => Class::Payment,
        Kind::Refund => Class::Refund,
        Kind::Authorization | Kind::Void | Kind::Change => Class::Nothing,
    }
}

/// The records of one side in canonical order, each id once. Of two deliveries the further decided one is kept.
fn side<'a>(records: &'a [Record], duplicates: &mut Vec<&'a Record>) -> Vec<&'a Record> {
    let mut best: Map<&str, &Record> = hashed::with_capacity(records.len());
    for record in records {
        match best.entry(record.id.as_str()) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(record);
            }
            std::collections::hash_map::Entry::Occupied(mut taken) => {
                let (keep, leave) =
                    if rank(record) < rank(taken.get()) { (record, *taken.get()) } else { (*taken.get(), record) };
                taken.insert(keep);
                // A parent fetched as evidence that was also read as itself is one delivery, not two.
                if !leave.evidence_only {
                    duplicates.push(leave);
                }
            }
        }
    }
    let mut kept: Vec<&Record> = records
        .iter()
        .filter(|record| best.get(record.id.as_str()).is_some_and(|kept| std::ptr::eq(*kept, *record)))
        .collect();
    kept.sort_unstable_by(|a, b| (a.occurred_at, &a.id).cmp(&(b.occurred_at, &b.id)));
    duplicates.sort_by_cached_key(|record| (record.side, record.occurred_at, record.id.clone(), rank(record)));
    kept
}

/// Total order over deliveries of one id: read as itself, further decided, then by content.
fn rank(record: &Record) -> (bool, u8, String) {
    let decided = match record.status {
        Status::Succeeded => 0,
        Status::Failed => 1,
        Status::Uncaptured => 2,
        Status::Pending => 3,
    };
    (record.evidence_only, decided, serde_json::to_string(record).unwrap_or_default())
}

fn places<'a>(records: &[&'a Record], sources: Ix) -> Map<(bool, &'a str), Ix> {
    let mut places = hashed::with_capacity(records.len());
    for (position, record) in records.iter().enumerate() {
        places.insert((position >= sources as usize, record.id.as_str()), ix(position));
    }
    places
}

fn buckets(rows: &mut [Row]) -> (Vec<Ix>, Vec<Bucket>) {
    let mut order: Vec<Ix> = (0..ix(rows.len())).filter(|at| rows[*at as usize].class != Class::Nothing).collect();
    order.sort_unstable_by_key(|at| {
        let row = &rows[*at as usize];
        (row.class, row.currency, row.amount, row.target, row.at, *at)
    });
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut last = None;
    for (position, at) in order.iter().enumerate() {
        let Some(row) = rows.get_mut(*at as usize) else { continue };
        let key = (row.class, row.currency, row.amount);
        if last != Some(key) {
            buckets.push(Bucket { start: position, middle: position, end: position });
            last = Some(key);
        }
        row.bucket = ix(buckets.len() - 1);
        if let Some(bucket) = buckets.last_mut() {
            bucket.end = position + 1;
            if !row.target {
                bucket.middle = position + 1;
            }
        }
    }
    (order, buckets)
}
