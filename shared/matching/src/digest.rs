//! One hash over everything that a result depends on: equal digests under equal versions mean equal results.

use crate::{
    Memory, RunInput,
    rules::RuleSet,
    table::{Ix, Table},
};
use domain::{
    matches::match_id,
    record::{Order, Record, Reference, Scheme},
};
use sha2::{Digest as _, Sha256};

pub(crate) type Digest = [u8; 32];

/// A digest of each record, by position: so each is read where it lies in memory, and counts where it stands in order.
#[derive(Debug)]
pub(crate) struct Digests {
    of: Vec<Digest>,
    buffer: Vec<u8>,
}

impl Digests {
    pub fn with_capacity(records: usize) -> Self {
        Self { of: vec![[0; 32]; records], buffer: Vec::with_capacity(1_024) }
    }

    pub fn read(&mut self, at: Ix, record: &Record) {
        self.of[at as usize] = digest(&mut self.buffer, record);
    }

    /// Of all records in canonical order, and then of those that were delivered twice.
    pub fn all(mut self, duplicates: &[&Record]) -> Digest {
        self.of.extend(duplicates.iter().map(|record| digest(&mut self.buffer, record)));
        let mut hash = Sha256::new();
        hash.update((self.of.len() as u64).to_le_bytes());
        hash.update(self.of.as_flattened());
        hash.finalize().into()
    }
}

fn digest(buffer: &mut Vec<u8>, record: &Record) -> Digest {
    buffer.clear();
    write(buffer, record);
    Sha256::digest(buffer).into()
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

fn write(buffer: &mut Vec<u8>, record: &Record) {
    text(buffer, Some(&record.id));
    buffer.extend_from_slice(&[
        record.side as u8,
        record.kind as u8,
        record.status as u8,
        record.precision as u8,
        u8::from(record.test),
        u8::from(record.disputed),
        u8::from(record.evidence_only),
    ]);
    let shop = record.shop_money;
    let settled = record.settled.as_ref();
    for value in [
        Some(record.amount_minor),
        shop.map(|money| money.amount_minor),
        record.authorized_minor,
        record.fee_minor,
        record.net_minor,
        settled.map(|settled| settled.money.amount_minor),
        Some(record.occurred_at.millis()),
        record.settled_at.map(domain::Timestamp::millis),
    ] {
        number(buffer, value);
    }
    text(buffer, Some(record.currency.code()));
    text(buffer, shop.as_ref().map(|money| money.currency.code()));
    text(buffer, settled.map(|settled| settled.money.currency.code()));
    text(buffer, settled.and_then(|settled| settled.rate.as_deref()));
    for value in [
        &record.counterparty.email_hash,
        &record.counterparty.name,
        &record.counterparty.last4,
        &record.memo,
        &record.parent,
        &record.group,
        &record.gateway,
    ] {
        text(buffer, value.as_deref());
    }
    text(buffer, record.order.as_ref().map(|order| order.id.as_str()));
    text(buffer, record.order.as_ref().map(|order| order.name.as_str()));
    let mut refs: Vec<&Reference> = record.refs.iter().collect();
    refs.sort_unstable();
    number(buffer, i64::try_from(refs.len()).ok());
    for reference in refs {
        let (scheme, name) = match &reference.scheme {
            Scheme::MovementId => (0, None),
            Scheme::PaymentId => (1, None),
            Scheme::ChargeId => (2, None),
            Scheme::PaymentIntentId => (3, None),
            Scheme::OrderId => (4, None),
            Scheme::OrderName => (5, None),
            Scheme::Text => (6, None),
            Scheme::Metadata(name) => (7, Some(name.as_str())),
        };
        buffer.push(scheme);
        text(buffer, name);
        text(buffer, Some(&reference.value));
    }
}
