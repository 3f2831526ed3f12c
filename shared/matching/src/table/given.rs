//! The records of one side as they were given, and the order in which the engine looks at them.

use super::{
    Ix, NONE, ix,
    numbers::{firsts, number_firsts},
    places::Places,
};
use crate::{digest::json, hashed};
use domain::{
    record::Status,
    records::{RecordRef, Records},
};
use std::{ops::Range, sync::OnceLock};

/// Records whose memory is asked for at once: enough to wait for them together, and few enough to be there still when they
/// are read.
const AT_ONCE: usize = 64;

#[derive(Debug)]
pub(super) struct Given<'a> {
    records: &'a Records,
    /// Where each record stands among the given, by (time, id), each id once.
    order: Vec<Ix>,
    /// Second deliveries of a record that is there.
    pub duplicates: Vec<RecordRef<'a>>,
    /// Of the given records' ids.
    hashes: Vec<u32>,
    /// Made when somebody looks for an id.
    places: OnceLock<Places>,
}

impl<'a> Given<'a> {
    /// Of two deliveries of one id the further decided one is kept.
    pub fn of(records: &'a Records) -> Self {
        let mut duplicates = Vec::new();
        let hashes: Vec<u32> = records.iter().map(|record| hashed::hash(record.id())).collect();
        let mut order: Vec<(i64, Ix)> = kept(records, hashes.clone(), &mut duplicates);
        order.sort_unstable();
        for alike in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
            alike.sort_unstable_by_key(|(_, at)| records.at(*at as usize).id());
        }
        let order: Vec<Ix> = order.into_iter().map(|(_, at)| at).collect();
        Self { records, order, duplicates, hashes, places: OnceLock::new() }
    }

    pub fn count(&self) -> Ix {
        ix(self.order.len())
    }

    pub fn record(&self, at: Ix) -> RecordRef<'a> {
        self.records.at(self.order[at as usize] as usize)
    }

    pub fn find(&self, id: &str) -> Option<Ix> {
        let places = self.places.get_or_init(|| {
            let hashes = self.order.iter().map(|at| self.hashes[*at as usize]);
            Places::of(self.order.len(), hashes.zip(0..))
        });
        places.find(id, |at| self.record(at).id() == id)
    }

    /// Frees what finds ids fast; it is made again when somebody looks for one.
    pub fn forget_places(&mut self) {
        self.places = OnceLock::new();
    }

    /// Those at these positions, in order.
    pub fn records(&self, positions: Range<Ix>) -> impl Iterator<Item = RecordRef<'a>> {
        self.order[positions.start as usize..positions.end as usize].chunks(AT_ONCE).flat_map(|some| {
            let records = some.iter().map(|at| self.records.at(*at as usize));
            std::hint::black_box(records.clone().map(RecordRef::look).sum::<usize>());
            records
        })
    }
}

/// Time and place of each record that is kept.
fn kept<'a>(records: &'a Records, hashes: Vec<u32>, duplicates: &mut Vec<RecordRef<'a>>) -> Vec<(i64, Ix)> {
    let key = |(at, record): (Ix, RecordRef<'_>)| (record.occurred_at().millis(), at);
    let id = |at: Ix| records.at(at as usize).id();
    let numbers = number_firsts(firsts(hashes, |one, other| id(one) == id(other)));
    if numbers.count as usize == records.len() {
        return (0..).zip(records.iter()).map(key).collect();
    }
    let mut best: Vec<Ix> = vec![NONE; numbers.count as usize];
    for ((at, record), id) in (0..).zip(records.iter()).zip(numbers.of) {
        let place = &mut best[id as usize];
        if *place == NONE {
            *place = at;
            continue;
        }
        let known = records.at(*place as usize);
        let leave = if rank(record) < rank(known) {
            *place = at;
            known
        } else {
            record
        };
        // A parent fetched as evidence that was also read as itself is one delivery, not two.
        if !leave.evidence_only() {
            duplicates.push(leave);
        }
    }
    duplicates.sort_by_cached_key(|record| (record.occurred_at(), record.id(), rank(*record)));
    best.into_iter().map(|at| key((at, records.at(at as usize)))).collect()
}

/// Total order over deliveries of one id: read as itself, further decided, then by content.
fn rank(record: RecordRef<'_>) -> (bool, u8, String) {
    let decided = match record.status() {
        Status::Succeeded => 0,
        Status::Failed => 1,
        Status::Uncaptured => 2,
        Status::Pending => 3,
    };
    (record.evidence_only(), decided, json(&record.to_record()))
}
