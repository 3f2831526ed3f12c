use super::*;
use async_trait::async_trait;
use lambda_runtime::Context;
use std::{fs, path::Path, sync::Mutex};

fn events(case: &str) -> Event {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/relay").join(case);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Takes everything but entries of one type, which it refuses so many times.
#[derive(Default)]
struct FakeBus {
    refuses: &'static str,
    times: usize,
    calls: Mutex<Vec<usize>>,
    taken: Mutex<Vec<Entry>>,
    refused: Mutex<usize>,
}

#[async_trait]
impl Bus for FakeBus {
    async fn put(&self, entries: &[Entry]) -> Vec<Result<(), String>> {
        self.calls.lock().unwrap().push(entries.len());
        let answer = |entry: &Entry| {
            let mut refused = self.refused.lock().unwrap();
            if entry.event_type == self.refuses && *refused < self.times {
                *refused += 1;
                return Err("ThrottlingException".to_owned());
            }
            self.taken.lock().unwrap().push(entry.clone());
            Ok(())
        };
        entries.iter().map(answer).collect()
    }
}

async fn relay(bus: FakeBus, event: Event) -> (Result<Vec<String>, ErrorName>, FakeBus) {
    let handler = Handler::new(bus);
    let answer = handler.handle(LambdaEvent::new(event, Context::default())).await.map_err(|error| error.name);
    let failures = answer
        .map(|answer| answer.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect());
    (failures, handler.bus)
}

#[test]
fn every_sample_event_deserialises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/relay");
    let files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(files.len() >= 5);
    for file in files {
        assert!(!events(&file).records.is_empty(), "{file}");
    }
}

#[tokio::test]
async fn one_bus_event_per_distinct_type_of_the_commit() {
    let (failures, bus) = relay(FakeBus::default(), events("two-kinds-in-one-commit.json")).await;
    assert_eq!(failures, Ok(Vec::new()));
    let taken = bus.taken.into_inner().unwrap();
    let types: Vec<_> = taken.iter().map(|entry| entry.event_type.as_str()).collect();
    assert_eq!(types, ["ResultsWithdrawn", "ReconciliationFailed"]);
    let detail = serde_json::to_value(&taken[0].detail).unwrap();
    let expected = serde_json::json!({
        "tenant_id": "acme", "aggregate_type": "reconciliation", "aggregate_id": "recon_1", "version": 6, "prev_version": 4,
        "event_types": ["ResultsWithdrawn", "ReconciliationFailed"], "correlation_id": "cor_1",
    });
    assert_eq!(detail, expected);
    assert_eq!(relay(FakeBus::default(), events("removed.json")).await.0, Ok(Vec::new()));
    assert_eq!(types_of_run(), ["RecordMatched", "RecordUnmatched"]);
}

fn types_of_run() -> Vec<String> {
    types(&["RecordMatched@1", "RecordUnmatched@1", "RecordMatched@1"].map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn refused_entries_are_sent_again_alone() {
    let bus = FakeBus { refuses: "SagaStarted", times: 2, ..FakeBus::default() };
    let (failures, bus) = relay(bus, events("batch.json")).await;
    assert_eq!(failures, Ok(Vec::new()));
    assert_eq!(bus.calls.into_inner().unwrap(), [5, 1, 1]);
    assert_eq!(bus.taken.into_inner().unwrap().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_stays_refused_is_reported_and_fails_the_batch_when_it_is_all() {
    let stubborn = || FakeBus { refuses: "SagaStarted", times: usize::MAX, ..FakeBus::default() };
    assert_eq!(relay(stubborn(), events("batch.json")).await.0, Ok(vec!["100000000000000000003".to_owned()]));
    let nothing = FakeBus { refuses: "ReconciliationStarted", times: usize::MAX, ..FakeBus::default() };
    assert_eq!(relay(nothing, events("started.json")).await.0, Err(ErrorName::Transient));
}

#[tokio::test]
async fn a_call_holds_ten_entries_at_most() {
    let mut event = events("batch.json");
    event.records = std::iter::repeat_n(event.records, 5).flatten().collect();
    let (failures, bus) = relay(FakeBus::default(), event).await;
    assert_eq!(failures, Ok(Vec::new()));
    assert_eq!(bus.calls.into_inner().unwrap(), [10, 10, 5]);
}
