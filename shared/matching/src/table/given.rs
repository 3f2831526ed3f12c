//! The records as they were given, and the order in which the engine looks at them.

use super::{Ix, NONE, ix, numbers::number};
use domain::record::{Record, Status};

/// One side's records in the order in which they were given. Work over their texts goes in this order, because there they
/// lie in memory; what comes of it is kept by position.
#[derive(Debug)]
pub(super) struct Given<'a> {
    records: &'a [Record],
    target: bool,
    /// Where each record stands in the table, `NONE` for a second delivery.
    positions: Vec<Ix>,
}

impl<'a> Given<'a> {
    /// Appends the side's records to the table's in order of (time, id), each id once. Of two deliveries the further decided
    /// one is kept, the other goes to `duplicates`.
    pub fn place(
        records: &'a [Record],
        target: bool,
        table: &mut Vec<&'a Record>,
        duplicates: &mut Vec<&'a Record>,
    ) -> Self {
        let mut order: Vec<(i64, Ix)> = kept(records, duplicates);
        order.sort_unstable();
        for alike in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
            alike.sort_unstable_by_key(|(_, at)| records[*at as usize].id.as_str());
        }
        let mut positions = vec![NONE; records.len()];
        for (position, (_, at)) in (ix(table.len())..).zip(&order) {
            positions[*at as usize] = position;
        }
        table.extend(order.into_iter().map(|(_, at)| &records[at as usize]));
        Self { records, target, positions }
    }

    /// Side, position and record, without second deliveries.
    pub fn records(&self) -> impl Iterator<Item = (bool, Ix, &'a Record)> {
        let all = self.positions.iter().copied().zip(self.records);
        all.filter(|(position, _)| *position != NONE).map(|(position, record)| (self.target, position, record))
    }
}

/// Time and place of each record that is kept.
fn kept<'a>(records: &'a [Record], duplicates: &mut Vec<&'a Record>) -> Vec<(i64, Ix)> {
    let key = |(at, record): (Ix, &Record)| (record.occurred_at.millis(), at);
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    let numbers = number(&ids);
    if numbers.count as usize == records.len() {
        return (0..).zip(records).map(key).collect();
    }
    let mut best: Vec<Ix> = vec![NONE; numbers.count as usize];
    let begun = duplicates.len();
    for ((at, record), id) in (0..).zip(records).zip(numbers.of) {
        let place = &mut best[id as usize];
        let Some(known) = records.get(*place as usize) else {
            *place = at;
            continue;
        };
        let leave = if rank(record) < rank(known) {
            *place = at;
            known
        } else {
            record
        };
        // A parent fetched as evidence that was also read as itself is one delivery, not two.
        if !leave.evidence_only {
            duplicates.push(leave);
        }
    }
    duplicates[begun..].sort_by_cached_key(|record| (record.occurred_at, record.id.clone(), rank(record)));
    best.into_iter().map(|at| key((at, &records[at as usize]))).collect()
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
