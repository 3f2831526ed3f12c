//! Transactions to start from.

use domain::{CorrelationId, Metadata, TenantId, Timestamp};
use event_store::{Append, CommandKey, CommandRecord, CommandRow, Fence, NewEvent, StreamKey, Transaction};
use serde_json::{Value, json};
use uuid::Uuid;

pub const NOW_MS: i64 = 1_772_366_400_000;

pub fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

pub fn stream(id: &str) -> StreamKey {
    StreamKey::new(&tenant(), "reconciliation", id)
}

pub fn metadata() -> Metadata {
    Metadata {
        tenant_id: tenant(),
        user_id: Some("user_1".into()),
        timestamp: Timestamp::from_millis(NOW_MS),
        correlation_id: CorrelationId::parse("cor_1").unwrap(),
        causation_id: Some("cmd_1".into()),
    }
}

pub fn event(number: u64) -> NewEvent {
    NewEvent { event_type: "Counted".into(), event_version: 1, data: json!({ "number": number }) }
}

/// An event whose data hardly compresses.
pub fn large(bytes: usize, seed: u64) -> NewEvent {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' '.wrapping_add(u8::try_from(state >> 58).unwrap())).to_string().replace(['"', '\\'], "x")
    };
    NewEvent {
        event_type: "Filled".into(),
        event_version: 1,
        data: Value::String((0..bytes).map(|_| letter()).collect()),
    }
}

pub fn append(id: &str, expected: u64, count: u64) -> Append {
    let commit_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{id} {expected}").as_bytes());
    let events = (expected + 1..=expected + count).map(event).collect();
    Append { stream: stream(id), expected, events, commit_id, set_fence: None }
}

pub fn transaction(appends: Vec<Append>) -> Transaction {
    Transaction { appends, command: None, fence: None, metadata: metadata() }
}

pub fn one(id: &str, expected: u64, count: u64) -> Transaction {
    transaction(vec![append(id, expected, count)])
}

pub fn fenced(mut transaction: Transaction, id: &str, value: &str) -> Transaction {
    transaction.fence = Some(Fence { stream: stream(id), value: value.into() });
    transaction
}

pub fn command(key: &str, body: &str) -> CommandRow {
    CommandRow {
        key: CommandKey { tenant: tenant(), command: "start".into(), idempotency_key: key.into() },
        record: CommandRecord {
            request_hash: body.into(),
            result: json!({ "started": body }),
            expires_at: Timestamp::from_millis(NOW_MS + 1000),
        },
    }
}
