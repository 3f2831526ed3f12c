//! One hash over everything that a result depends on: equal digests under equal versions mean equal results.

use crate::{Memory, RunInput, rules::RuleSet, table::Table};
use domain::{matches::match_id, record::Order, records::RecordRef};
use sha2::{Digest as _, Sha256};

pub(crate) type Digest = [u8; 32];

/// The digest of so many records, which are then added in canonical order.
pub(crate) fn begin(records: usize) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update((records as u64).to_le_bytes());
    hash
}

/// `buffer` is only there to be used again.
pub(crate) fn add(hash: &mut Sha256, buffer: &mut Vec<u8>, record: RecordRef<'_>) {
    buffer.clear();
    record.write_content(buffer);
    hash.update((buffer.len() as u64).to_le_bytes());
    hash.update(buffer);
}

/// Of both sides' records, and then of those that were delivered twice.
pub(crate) fn of_records(sides: [Sha256; 2], duplicates: [&[RecordRef<'_>]; 2]) -> Digest {
    let mut hash = Sha256::new();
    let mut buffer = Vec::new();
    for (side, duplicates) in sides.into_iter().zip(duplicates) {
        hash.update(side.finalize());
        hash.update((duplicates.len() as u64).to_le_bytes());
        duplicates.iter().for_each(|record| add(&mut hash, &mut buffer, *record));
    }
    hash.finalize().into()
}

/// Hex SHA-256 of the records in canonical order, orders, what earlier runs left, window, `as_of` and rules. Where a record was
/// staged is not part of it.
pub(crate) fn of(table: &Table<'_>, input: &RunInput, rules: &RuleSet) -> String {
    let mut hash = Sha256::new();
    hash.update(table.digest);
    let mut buffer: Vec<u8> = Vec::with_capacity(1_024);
    let mut orders: Vec<&Order> = input.orders.iter().collect();
    // Of one id there is nearly always one order: its content is asked only where ids are equal.
    orders.sort_unstable_by(|a, b| a.id.cmp(&b.id).then_with(|| json(*a).cmp(&json(*b))));
    hash.update((orders.len() as u64).to_le_bytes());
    for order in orders {
        buffer.clear();
        write_order(&mut buffer, order);
        hash.update(&buffer);
    }
    let memory = remembered(&input.memory);
    for text in memory.iter().chain(&[json(&input.window), json(&input.as_of), json(rules)]) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    base16ct::lower::encode_string(&hash.finalize())
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
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// One byte for nothing; otherwise one byte, the length and the bytes.
fn text(buffer: &mut Vec<u8>, text: Option<&str>) {
    buffer.push(u8::from(text.is_some()));
    if let Some(text) = text {
        buffer.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        buffer.extend_from_slice(text.as_bytes());
    }
}

/// One byte for nothing; otherwise one byte and eight.
fn number(buffer: &mut Vec<u8>, number: Option<i64>) {
    buffer.push(u8::from(number.is_some()));
    if let Some(number) = number {
        buffer.extend_from_slice(&number.to_le_bytes());
    }
}

fn write_order(buffer: &mut Vec<u8>, order: &Order) {
    let Order { id, name, occurred_at, total, test, cancelled_at, financial_status } = order;
    text(buffer, Some(id));
    text(buffer, Some(name));
    text(buffer, financial_status.as_deref());
    number(buffer, Some(occurred_at.millis()));
    number(buffer, cancelled_at.map(domain::Timestamp::millis));
    number(buffer, Some(total.amount_minor));
    text(buffer, Some(total.currency.code()));
    buffer.push(u8::from(*test));
}
