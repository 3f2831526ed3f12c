//! What writing costs, as reported and as computed by AWS's rules.

use crate::{
    backend::Dynamo,
    given::{command, metadata, one, tenant, transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{CorrelationId, TenantId, Timestamp};
use event_store::{
    Append, CommandKey, CommandRecord, CommandRow, EventStore, Fence, HeadChange, HeadImage, NewEvent, StreamKey,
    Transaction, packs, priced,
};
use serde_json::json;
use uuid::Uuid;

/// As a start command writes it, with ids of `length` characters.
fn start(length: usize) -> Transaction {
    let id = |prefix: &str| format!("{prefix}_{}", "x".repeat(length - prefix.len() - 1));
    let tenant = TenantId::parse(id("ten")).unwrap();
    let mut metadata = metadata();
    metadata.tenant_id = tenant.clone();
    metadata.user_id = Some(id("key"));
    metadata.correlation_id = CorrelationId::parse(id("cor")).unwrap();
    metadata.causation_id = Some(id("cmd"));
    let data = json!({
        "job_id": id("job"),
        "job_version": 12,
        "date_range": { "start": "2026-03-01", "end": "2026-03-31" },
        "timezone": "America/Argentina/Buenos_Aires",
        "source": { "connection_id": id("con"), "adapter": "shopify" },
        "target": { "connection_id": id("con"), "adapter": "stripe" },
        "as_of": "2026-04-01T03:00:00.000Z",
    });
    let event = NewEvent { event_type: "ReconciliationStarted".into(), event_version: 1, data };
    let append = Append {
        stream: StreamKey::new(&tenant, "reconciliation", id("recon")),
        expected: 0,
        events: vec![event],
        commit_id: Uuid::from_u128(1),
        set_fence: None,
    };
    let record = CommandRecord {
        request_hash: "0123456789abcdef".repeat(4),
        result: json!({ "reconciliation_id": id("recon"), "version": 1, "status": "running", "created_at": "2026-04-01T03:00:00.000Z" }),
        expires_at: Timestamp::from_millis(1_775_000_000_000),
    };
    let key = CommandKey { tenant, command: "StartReconciliation".into(), idempotency_key: id("idem") };
    Transaction { appends: vec![append], command: Some(CommandRow { key, record }), fence: None, metadata }
}

#[tokio::test]
async fn a_start_command_costs_at_most_eight_write_units() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    for (length, limit_milli) in [(32, 8000), (64, 10_000)] {
        let start = start(length);
        let priced = priced(&start).unwrap();
        let units = store.append(start).await.unwrap().units;
        println!("start with ids of {length} characters: {} milli-units", units.write_milli);
        assert!(units.write_milli > 0 && units.write_milli <= limit_milli, "{units:?}");
        assert_eq!(units, priced, "as AWS's rules say");
    }
}

#[tokio::test]
async fn appending_after_a_load_reads_nothing_more() {
    let dynamo = Dynamo::start().await;
    dynamo.store().append(one("r", 0, 1)).await.unwrap();
    let cold = dynamo.store();
    assert_eq!(cold.append(one("r", 1, 1)).await.unwrap().units.read_milli, 1000, "one read for the hash before");
    assert_eq!(cold.append(one("r", 2, 1)).await.unwrap().units.read_milli, 0, "after an append of its own");
    let loaded = dynamo.store();
    loaded.load(&crate::given::stream("r"), 0).await.unwrap();
    assert_eq!(loaded.append(one("r", 3, 1)).await.unwrap().units.read_milli, 0, "after a load");
}

#[tokio::test]
async fn a_fence_elsewhere_costs_what_a_write_costs() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    let mut saga = one("saga", 0, 1);
    saga.appends[0].set_fence = Some("a1".into());
    store.append(saga).await.unwrap();
    let fenced = crate::given::fenced(one("r", 0, 1), "saga", "a1");
    let priced = priced(&fenced).unwrap();
    assert_eq!(store.append(fenced).await.unwrap().units, priced);
    assert_eq!(priced.write_milli, 8000);
}

/// 1,000 matches as the engine finds them: gid, charge, order, amount; sorted by source id.
pub fn matches(count: u64) -> Vec<NewEvent> {
    const ALNUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut gid = 6_012_345_678_901_u64;
    let one = |number: u64| {
        gid += 32_768 + random(9_000_000) * 32;
        let charge: String = (0..24).map(|_| char::from(ALNUM[usize::try_from(random(62)).unwrap()])).collect();
        let found = json!({
            "kind": "pair",
            "source_ids": [format!("gid://shopify/OrderTransaction/{gid}")],
            "target_ids": [format!("ch_{charge}")],
            "order_names": [format!("#{}", 10_482 + number)],
            "amount_minor": 500 + random(40_000),
            "currency": "USD",
            "confidence_bp": 10_000,
            "rule": "strong_id@1",
            "matched_fields": ["strong_id", "amount", "currency"],
        });
        let found: domain::matches::Match = serde_json::from_value(found).unwrap();
        NewEvent { event_type: "RecordMatched".into(), event_version: 1, data: serde_json::to_value(found).unwrap() }
    };
    (1..=count).map(one).collect()
}

#[tokio::test]
async fn a_thousand_matches_cost_at_most_a_hundred_write_units() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    let mut units_milli = 0;
    let mut expected = 0;
    let packs = packs(matches(1000), 64 * 1024);
    for pack in packs {
        let (encoding, body) = event_store::pack::encode(&pack);
        println!("{} matches in {} bytes, encoding {encoding}", pack.len(), body.len());
        assert!(encoding == 2 && body.len() <= 64 * 1024);
        let count = u64::try_from(pack.len()).unwrap();
        let mut append = one("r", expected, 1).appends.remove(0);
        append.events = pack;
        let pack = transaction(vec![append]);
        let priced = priced(&pack).unwrap();
        let units = store.append(pack).await.unwrap().units;
        assert_eq!(units.write_milli, priced.write_milli, "as AWS's rules say");
        units_milli += units.write_milli;
        expected += count;
    }
    println!("1,000 matches: {units_milli} milli-units");
    assert!(units_milli <= 100_000, "{units_milli}");
}

#[tokio::test]
async fn the_heads_stream_shows_what_consumers_read() {
    let dynamo = Dynamo::start().await;
    let mut transaction = one("r", 0, 2);
    transaction.command = Some(command("key", "body"));
    transaction.fence = None::<Fence>;
    dynamo.store().append(transaction).await.unwrap();
    let stream = StreamKey::new(&tenant(), "reconciliation", "r");
    let request = dynamo.client.get_item().table_name(&dynamo.tables.stream_heads);
    let item = request.key("s", AttributeValue::S(stream.partition())).send().await.unwrap().item.unwrap();
    let image: HeadImage = serde_dynamo::from_item(item).unwrap();
    assert_eq!(image.t, "reconciliation");
    let change = HeadChange { stream, version: 2, kinds: vec!["Counted@1".into()], correlation_id: "cor_1".into() };
    assert_eq!(HeadChange::try_from(image), Ok(change.clone()));

    let memory = event_store::MemoryStore::new();
    memory.append(one("r", 0, 2)).await.unwrap();
    assert_eq!(memory.changes(), [change]);
}
