//! What the write side costs: folding, packing, and write units by AWS's published rules. Pure: no store is asked.

#[expect(dead_code, reason = "the other benches measure memory too")]
#[path = "../../../../tests/benches/table/mod.rs"]
mod table;

use domain::{
    Aggregate, CorrelationId, Metadata, TenantId, Timestamp, aggregate,
    matches::{Match, MatchesEvent},
    reconciliation::Reconciliation,
    saga::{Saga, SagaEvent, Step},
};
use event_store::{
    Append, CommandKey, CommandRecord, CommandRow, MAX_PACK_BYTES, NewCommit, NewEvent, StreamKey, Transaction, pack,
    packs, priced,
};
use serde_json::{Value, json};
use std::{
    error::Error,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};
use table::{markdown, median, millis, ratio};
use uuid::Uuid;

/// Events of the ledger that is folded, and of the run that is packed.
const LEDGER_EVENTS: u64 = 100_000;
const MATCHES: u64 = 10_000;
/// Odd, for a median.
const TIMES: usize = 5;
const AT: Timestamp = Timestamp::from_millis(1_772_366_400_000);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("the event store was not measured: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    println!("## Event store");
    println!("One core. A fold reads each event from the JSON that it is stored as and applies it.\n");
    println!("{}", speeds()?);
    println!("{}", costs()?);
    Ok(())
}

fn measured(mut measure: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        measure()?;
        times.push(start.elapsed());
    }
    median(&mut times).ok_or_else(|| "nothing was measured".into())
}

fn per_second(count: u64, time: Duration) -> String {
    (u128::from(count) * 1_000_000_000 / time.as_nanos().max(1)).to_string()
}

fn speeds() -> Result<String, Box<dyn Error>> {
    let mut rows = Vec::new();
    let ledger = ledger()?;
    let fold = measured(|| {
        let mut state = <Saga as Aggregate>::State::default();
        for event in &ledger {
            state = Saga::evolve(state, &aggregate::from_parts(&event.event_type, event.data.clone())?);
        }
        black_box(state.is_some());
        Ok(())
    })?;
    let mut row = |what: &str, count: u64, time: Duration| {
        rows.push(vec![what.to_owned(), count.to_string(), millis(time), per_second(count, time)]);
    };
    row("fold a ledger (goal 50,000)", LEDGER_EVENTS, fold);
    let matches = matches();
    let packing = measured(|| {
        black_box(packs(matches.clone(), MAX_PACK_BYTES).len());
        Ok(())
    })?;
    row("pack RecordMatched into commits", MATCHES, packing);
    let bodies: Vec<(u8, Vec<u8>)> = packs(matches, MAX_PACK_BYTES).iter().map(|pack| pack::encode(pack)).collect();
    let reading = measured(|| {
        for (encoding, body) in &bodies {
            for event in pack::decode(*encoding, body)? {
                black_box::<MatchesEvent>(aggregate::from_parts(&event.event_type, event.data)?);
            }
        }
        Ok(())
    })?;
    row("unpack and read RecordMatched", MATCHES, reading);
    Ok(markdown(&["what", "events", "ms", "events/s"], &rows))
}

fn costs() -> Result<String, Box<dyn Error>> {
    let mut rows = Vec::new();
    let matches = matches();
    let plain = |events: &[NewEvent]| events.iter().map(|event| event.data.to_string().len()).sum::<usize>();
    for count in [1_000, 10_000] {
        let events: Vec<NewEvent> = matches.iter().take(count).cloned().collect();
        let (mut stored, mut units_milli, mut expected) = (0, 0, 0);
        for pack in packs(events.clone(), MAX_PACK_BYTES) {
            stored += pack::encode(&pack).1.len();
            let length = u64::try_from(pack.len())?;
            let stream = StreamKey::new(&tenant()?, "matches", "recon_00000000000000000000000000-a1");
            let append = Append { stream, expected, events: pack, commit_id: Uuid::from_u128(1), set_fence: None };
            units_milli += priced(&transaction(append, None)?)?.write_milli;
            expected += length;
        }
        let json = plain(&events);
        let packed = ratio(u128::try_from(json)?, u128::try_from(stored)?);
        let what = format!("{count} RecordMatched");
        rows.push(vec![what, json.to_string(), stored.to_string(), packed, units(units_milli)]);
    }
    for length in [32, 64] {
        let start = start(length)?;
        let json = start.appends.first().map_or(0, |append| plain(&append.events));
        let stored = start.appends.first().map_or(0, |append| pack::encode(&append.events).1.len());
        let units_milli = priced(&start)?.write_milli;
        let what = format!("Start, ids of {length} characters");
        rows.push(vec![what, json.to_string(), stored.to_string(), "–".to_owned(), units(units_milli)]);
    }
    Ok(markdown(&["what", "bytes as JSON", "bytes stored", "ratio", "write units"], &rows))
}

fn units(milli: u64) -> String {
    format!("{}.{}", milli / 1000, milli % 1000 / 100)
}

fn tenant() -> Result<TenantId, Box<dyn Error>> {
    Ok(TenantId::parse("ten_0123456789abcdef0123456789ab")?)
}

fn metadata(tenant: TenantId, correlation: &str) -> Result<Metadata, Box<dyn Error>> {
    Ok(Metadata {
        tenant_id: tenant,
        user_id: Some("key_0123456789abcdef".to_owned()),
        timestamp: AT,
        correlation_id: CorrelationId::parse(correlation)?,
        causation_id: None,
    })
}

fn transaction(append: Append, command: Option<CommandRow>) -> Result<Transaction, Box<dyn Error>> {
    let metadata = metadata(append.stream.tenant.clone(), "corr_00000000000000000000000000")?;
    Ok(Transaction { appends: vec![append], command, fence: None, metadata })
}

/// A start command with ids of `length` characters, as the function writes it.
fn start(length: usize) -> Result<Transaction, Box<dyn Error>> {
    let id = |prefix: &str| format!("{prefix}_{}", "x".repeat(length - prefix.len() - 1));
    let side = |adapter: &str| json!({ "adapter": adapter, "connection": id("con") });
    let started: Value = json!({
        "job_id": id("job"), "job_version": 12, "date_range": { "start": "2026-03-01", "end": "2026-03-31" },
        "timezone": "America/Argentina/Buenos_Aires", "source": side("shopify"), "target": side("stripe"),
        "as_of": "2026-04-01T03:00:00.000Z",
    });
    let started = aggregate::from_parts("ReconciliationStarted", started)?;
    let tenant = TenantId::parse(id("ten"))?;
    let append = NewCommit::of::<Reconciliation>(&tenant, &id("recon"), 0, &[started], Uuid::from_u128(1))?;
    let result = json!({
        "reconciliation_id": id("recon"), "correlation_id": id("corr"), "status": "running", "attempt": 1, "version": 1,
    });
    let key = CommandKey { tenant: tenant.clone(), command: "StartReconciliation".into(), idempotency_key: id("idem") };
    let record = CommandRecord { request_hash: "0123456789abcdef".repeat(4), result, expires_at: AT };
    let metadata = metadata(tenant, &id("corr"))?;
    Ok(Transaction { appends: vec![append], command: Some(CommandRow { key, record }), fence: None, metadata })
}

/// The ledger of a run that pages through a large shop.
fn ledger() -> Result<Vec<NewEvent>, Box<dyn Error>> {
    let step = Step::FetchShopifyOrders;
    let begun = [
        SagaEvent::SagaStarted {
            attempt: 1,
            execution_arn: "arn:aws:states:eu-central-1:0:execution:saga:x-a1".into(),
        },
        SagaEvent::StepStarted { attempt: 1, step, at: AT },
    ];
    let pages = (3..=LEDGER_EVENTS).map(|pages| SagaEvent::StepProgressed {
        attempt: 1,
        step,
        pages,
        records: pages * 250,
        at: AT,
    });
    let events: Vec<SagaEvent> = begun.into_iter().chain(pages).collect();
    let tenant = tenant()?;
    Ok(NewCommit::of::<Saga>(&tenant, "r", 0, &events, Uuid::from_u128(1))?.events)
}

/// Matches as the engine finds them: gid, charge, order name, amount; sorted by the source id.
fn matches() -> Vec<NewEvent> {
    const ALNUM: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut gid = 6_012_345_678_901_u64;
    let one = |number: u64| -> Option<NewEvent> {
        gid += 32_768 + random(9_000_000) * 32;
        let letter = |place: u64| ALNUM.get(usize::try_from(place).unwrap_or_default()).copied().map(char::from);
        let charge: String = (0..24).filter_map(|_| letter(random(62))).collect();
        let found: Match = serde_json::from_value(json!({
            "kind": "pair", "source_ids": [format!("gid://shopify/OrderTransaction/{gid}")],
            "target_ids": [format!("ch_{charge}")], "order_names": [format!("#{}", 10_482 + number)],
            "amount_minor": 500 + random(40_000), "currency": "USD", "confidence_bp": 10_000, "rule": "strong_id@1",
            "matched_fields": ["strong_id", "amount", "currency"],
        }))
        .ok()?;
        let data = serde_json::to_value(found).ok()?;
        Some(NewEvent { event_type: "RecordMatched".into(), event_version: 1, data })
    };
    (1..=MATCHES).filter_map(one).collect()
}
