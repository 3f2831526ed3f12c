//! The golden corpus: every event that was ever written, as it was written, must load today and say the same.
//!
//! `infra/events/<aggregate>/` holds, for each type and version, its JSON Schema and golden events; and for folds that
//! are kept in snapshots, what the golden events fold into. When a test here says that a file is missing or has
//! changed, run it again with `SETTLER_WRITE_EVENTS=1` and commit what it wrote; see infra/events/README.md.

mod check;
mod folds;
mod sample;

use check::{Golden, corpus, golden_files, problems};
use domain::{Metadata, catalogue::FAMILIES};
use event_store::{EventStore, MemoryStore, NewEvent, StreamKey, Upcasters, pack};
use serde_json::{Value, json};

const WRITE: &str = "SETTLER_WRITE_EVENTS";

fn writing() -> bool {
    std::env::var_os(WRITE).is_some_and(|value| value == "1")
}

/// Every type and version that can be written has its schema and its golden file, every golden event reads as it did,
/// and a fold that is kept in snapshots has changed only with its number.
#[test]
fn the_committed_files_are_the_codes() {
    let mut found = problems(&corpus(), &Upcasters::current(), writing());
    found.extend(folds::problems(&corpus(), &Upcasters::current(), writing()));
    assert!(
        found.is_empty(),
        "{}\nIf the change is meant: {WRITE}=1 cargo nextest run -p event-store corpus::the_committed, and commit what it writes.",
        found.join("\n")
    );
}

/// Through the store, as streams written by every release so far.
#[tokio::test]
async fn every_golden_event_loads_and_says_the_same() {
    let upcasters = Upcasters::current();
    for family in FAMILIES {
        let golden: Vec<Golden> = golden_files(&corpus(), family.aggregate_type).into_values().flatten().collect();
        let stored: Vec<NewEvent> = golden.iter().map(Golden::stored_event).collect();
        let today = stored.iter().map(|event| upcasters.apply(event.clone()).unwrap()).collect();
        let store = MemoryStore::new();
        let stream = StreamKey::new(&crate::given::tenant(), family.aggregate_type, "golden");
        let metadata: Metadata = crate::given::metadata();
        let mut append = crate::given::append("golden", 0, 1);
        append.stream = stream.clone();
        append.events = today;
        let mut transaction = crate::given::transaction(vec![append]);
        transaction.metadata = metadata;
        store.append(transaction).await.unwrap();
        let (encoding, body) = pack::encode(&stored);
        assert!(store.overwrite(&stream, 1, encoding, body));
        let commits = store.load(&stream, 0).await.unwrap();
        let loaded: Vec<Value> = commits[0]
            .events
            .iter()
            .map(|event| family.read(&event.event_type, event.data.clone()).unwrap().data)
            .collect();
        assert_eq!(loaded, golden.into_iter().map(|golden| golden.today).collect::<Vec<_>>());
    }
}

/// The checks above are worth what they find.
#[test]
fn what_is_missing_or_has_changed_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let upcasters = Upcasters::current();
    let missing = problems(empty.path(), &upcasters, false);
    let named = |name: &str| missing.iter().any(|problem| problem.contains(name));
    assert!(named("job/JobCreated@1.json") && named("matches/RecordMatched@1.schema.json"), "{missing:?}");
    assert!(folds::problems(empty.path(), &upcasters, false).iter().any(|problem| problem.contains("saga/state@")));

    let written = problems(empty.path(), &upcasters, true);
    assert!(written.is_empty(), "{written:?}");
    assert_eq!(folds::problems(empty.path(), &upcasters, true), Vec::<String>::new());
    assert_eq!(problems(empty.path(), &upcasters, false), Vec::<String>::new(), "what was written is complete");
    assert_eq!(folds::problems(empty.path(), &upcasters, false), Vec::<String>::new());

    let state = std::fs::read_dir(empty.path().join("saga")).unwrap().map(|file| file.unwrap().path());
    let state = state.into_iter().find(|path| path.to_string_lossy().contains("state@")).unwrap();
    let other = std::fs::read_to_string(&state).unwrap().replacen("running", "walking", 1);
    std::fs::write(&state, other).unwrap();
    let changed = folds::problems(empty.path(), &upcasters, true);
    assert!(changed.iter().any(|problem| problem.contains("raise the number")), "{changed:?}");

    let second = Upcasters::current().step("JobDeleted", 1, Ok).unwrap();
    let newer = problems(empty.path(), &second, false);
    assert!(
        newer.iter().any(|problem| problem.contains("JobDeleted@2.json")),
        "a new version needs its own: {newer:?}"
    );

    let file = empty.path().join("job/JobCreated@1.json");
    let altered = std::fs::read_to_string(&file).unwrap().replacen("\"name\"", "\"title\"", 1);
    std::fs::write(&file, altered).unwrap();
    let altered = problems(empty.path(), &upcasters, false);
    assert!(
        altered.iter().any(|problem| problem.contains("JobCreated@1.json") && problem.contains("name")),
        "{altered:?}"
    );

    let gone = json!([{ "stored": {}, "today": {} }]).to_string();
    std::fs::write(empty.path().join("job/JobRenamed@1.json"), gone).unwrap();
    let gone = problems(empty.path(), &upcasters, false);
    assert!(
        gone.iter().any(|problem| problem.contains("JobRenamed")),
        "a type that was written cannot vanish: {gone:?}"
    );
}
