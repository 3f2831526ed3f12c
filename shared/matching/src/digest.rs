//! One hash over everything that a result depends on: equal digests under equal versions mean equal results.

use crate::{Memory, RunInput, orders::in_order, rules::RuleSet, table::Table};
use blake3::{Hash, Hasher};
use domain::{
    matches::match_id,
    records::{Orders, RecordRef},
};

/// BLAKE3 is fast on pieces that are large enough for all lanes of a core.
const PIECE: usize = 65_536;

/// Hashes a list of things, of which none begins as another one does.
#[derive(Default)]
pub(crate) struct Digest {
    hash: Hasher,
    buffer: Vec<u8>,
}

impl Digest {
    #[inline]
    pub fn add_record(&mut self, record: RecordRef<'_>) {
        self.add(|buffer| record.write_content(buffer));
    }

    /// With its length in front.
    fn add_text(&mut self, text: &str) {
        self.add(|buffer| {
            buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
            buffer.extend_from_slice(text.as_bytes());
        });
    }

    #[inline]
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.buffer);
        if self.buffer.len() >= PIECE {
            self.add_pieces();
        }
    }

    /// Whole pieces, so that the next one begins where all lanes can take it.
    fn add_pieces(&mut self) {
        let whole = self.buffer.len() - self.buffer.len() % PIECE;
        self.hash.update(&self.buffer[..whole]);
        self.buffer.drain(..whole);
    }

    fn add_list(&mut self, list: Self) {
        let hash = list.finish();
        self.add(|buffer| buffer.extend_from_slice(hash.as_bytes()));
    }

    fn finish(mut self) -> Hash {
        self.hash.update(&self.buffer).finalize()
    }
}

/// Of orders in order.
pub(crate) fn of_orders(orders: &Orders) -> Digest {
    let mut digest = Digest::default();
    in_order(orders).for_each(|at| digest.add(|buffer| orders.write_content(at as usize, buffer)));
    digest
}

/// Of the earlier and the later half of all records, of orders, and of the records that each side delivered twice.
pub(crate) fn of_lists(lists: [Digest; 3], duplicates: [&[RecordRef<'_>]; 2]) -> Hash {
    let mut digest = Digest::default();
    lists.into_iter().for_each(|list| digest.add_list(list));
    for duplicates in duplicates {
        let mut list = Digest::default();
        duplicates.iter().for_each(|record| list.add_record(*record));
        digest.add_list(list);
    }
    digest.finish()
}

/// Hex BLAKE3 of the records and orders in order of time, what earlier runs left, window, `as_of` and rules. Where a record was
/// staged is not part of it.
pub(crate) fn of(table: &Table<'_>, input: &RunInput, rules: &RuleSet) -> String {
    let mut digest = Digest::default();
    digest.add(|buffer| buffer.extend_from_slice(table.digest.as_bytes()));
    let memory = remembered(&input.memory);
    for text in memory.iter().chain(&[json(&input.window), json(&input.as_of), json(rules)]) {
        digest.add_text(text);
    }
    digest.finish().to_string()
}

/// What earlier runs left, in an order of its own.
fn remembered(memory: &Memory) -> Vec<String> {
    let reserved = memory.reserved.iter().map(|reservation| {
        let mut sorted = reservation.clone();
        sorted.partner_ids.sort_unstable();
        json(&sorted)
    });
    // The id of a match is the hash of its sorted members.
    let decided = memory.decided.iter().map(|decided| format!("{} {}", decided.standing.as_str(), decided.found.id()));
    let rejected = memory
        .rejected
        .iter()
        .map(|rejected| format!("rejected {}", match_id(&rejected.source_ids, &rejected.target_ids)));
    let mut all: Vec<String> = reserved.chain(decided).chain(rejected).collect();
    all.sort_unstable();
    all
}

/// The types that come here have no maps with odd keys and no serializer of their own that fails: there is always a text.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_hashed_as_a_whole() {
        let texts: Vec<String> = (0..20_000).map(|number| format!("text {number}")).collect();
        let mut digest = Digest::default();
        let mut whole = Vec::new();
        for text in &texts {
            digest.add_text(text);
            whole.extend_from_slice(&(text.len() as u64).to_le_bytes());
            whole.extend_from_slice(text.as_bytes());
        }
        assert!(whole.len() > 5 * PIECE);
        assert_eq!(digest.finish(), blake3::hash(&whole));
    }
}
