//! Writing and reading one stream.

use crate::{
    backend::Backend,
    for_both,
    given::{NOW_MS, append, command, event, large, metadata, one, stream, transaction},
};
use domain::Timestamp;
use event_store::{AppendError, NewEvent, StoreError, event_id};
use serde_json::json;
use std::collections::HashSet;
use uuid::Uuid;

for_both!(
    reads_back_what_was_written,
    the_second_writer_of_a_version_loses,
    writers_side_by_side_leave_no_gap_and_lose_nothing,
    several_streams_are_written_together_or_not_at_all,
    the_same_commit_again_is_success,
    loads_beyond_one_page,
    pages_start_where_they_are_told,
    a_hole_is_a_loud_error,
    a_damaged_body_is_a_loud_error,
    what_cannot_be_written_is_refused,
    mixed_events_keep_their_order,
);

async fn reads_back_what_was_written(backend: Backend) {
    let store = &backend.store;
    let done = store.append(one("r", 0, 2)).await.unwrap();
    assert_eq!((done.versions, done.repeated), (vec![2], false));
    assert_eq!(store.append(one("r", 2, 1)).await.unwrap().versions, [3]);

    let commits = store.load(&stream("r"), 0).await.unwrap();
    assert_eq!(commits.iter().map(|commit| (commit.from, commit.to)).collect::<Vec<_>>(), [(1, 2), (3, 3)]);
    assert!(commits.iter().all(|commit| commit.metadata == metadata()));
    let events: Vec<_> = commits.iter().flat_map(|commit| &commit.events).collect();
    for (sequence, envelope) in (1..).zip(events) {
        assert_eq!(envelope.sequence, sequence);
        assert_eq!((envelope.event_type.as_str(), envelope.event_version), ("Counted", 1));
        assert_eq!(envelope.data, event(sequence).data);
        assert_eq!((envelope.aggregate_type.as_str(), envelope.aggregate_id.as_str()), ("reconciliation", "r"));
        assert_eq!(envelope.created_at, Timestamp::from_millis(NOW_MS));
    }
    let second = &commits[0].events[1];
    assert_eq!(second.id, event_id(commits[0].id, 1));

    let head = store.head(&stream("r")).await.unwrap().unwrap();
    assert_eq!((head.version, head.commit_id, head.hash), (3, commits[1].id, commits[1].hash.clone()));
    assert_eq!(store.head(&stream("other")).await.unwrap(), None);
    assert_eq!(store.load(&stream("other"), 0).await.unwrap(), []);

    let mut bare = metadata();
    (bare.user_id, bare.causation_id) = (None, None);
    let mut transaction = one("bare", 0, 1);
    transaction.metadata = bare.clone();
    store.append(transaction).await.unwrap();
    assert_eq!(store.load(&stream("bare"), 0).await.unwrap()[0].metadata, bare);
}

async fn the_second_writer_of_a_version_loses(backend: Backend) {
    backend.store.append(one("r", 0, 1)).await.unwrap();
    for expected in [0, 5] {
        let mut late = one("r", expected, 1);
        late.appends[0].commit_id = Uuid::from_u128(7);
        let refused = backend.store.append(late).await;
        assert!(
            matches!(refused, Err(AppendError::VersionConflict { expected: named, .. }) if named == expected),
            "{refused:?}"
        );
    }
    assert_eq!(backend.store.load(&stream("r"), 0).await.unwrap().len(), 1);
}

async fn writers_side_by_side_leave_no_gap_and_lose_nothing(backend: Backend) {
    // Every version is wanted by all writers, so tries are their product; each one is an HTTP request to DynamoDB.
    let (writers, commands): (u64, u64) = if backend.is_dynamo() { (8, 100) } else { (32, 1000) };
    let write = |writer: u64| {
        let store = backend.store.clone();
        async move {
            let mut won = Vec::new();
            for number in (writer..commands).step_by(usize::try_from(writers).unwrap()) {
                loop {
                    let version = store.head(&stream("r")).await.unwrap().map_or(0, |head| head.version);
                    let mut transaction = one("r", version, 1);
                    transaction.appends[0].events = vec![event(number)];
                    transaction.appends[0].commit_id = Uuid::from_u128(u128::from(number) + 1);
                    transaction.command = Some(command(&format!("c{number}"), "body"));
                    match store.append(transaction).await {
                        Ok(done) => {
                            won.push(done.versions[0]);
                            break;
                        }
                        Err(AppendError::VersionConflict { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            won
        }
    };
    let tasks: Vec<_> = (0..writers).map(|writer| tokio::spawn(write(writer))).collect();
    let mut won = Vec::new();
    for task in tasks {
        won.extend(task.await.unwrap());
    }
    won.sort_unstable();
    assert_eq!(won, (1..=commands).collect::<Vec<_>>(), "one winner for every version");
    let commits = backend.store.load(&stream("r"), 0).await.unwrap();
    let numbers: HashSet<u64> =
        commits.iter().map(|commit| commit.events[0].data["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..commands).collect(), "every command's event is there");
    assert_eq!(u64::try_from(commits.len()), Ok(commands), "once");
    assert_eq!(backend.store.verify(&stream("r")).await.unwrap().version, commands);
}

async fn several_streams_are_written_together_or_not_at_all(backend: Backend) {
    let store = &backend.store;
    let done = store.append(transaction(vec![append("a", 0, 1), append("b", 0, 3)])).await.unwrap();
    assert_eq!(done.versions, [1, 3]);
    store.append(one("b", 3, 1)).await.unwrap();

    let mut half = transaction(vec![append("a", 1, 1), append("b", 3, 1)]);
    half.appends[1].commit_id = Uuid::from_u128(9);
    half.command = Some(command("half", "body"));
    let refused = store.append(half.clone()).await;
    assert!(
        matches!(&refused, Err(AppendError::VersionConflict { stream, .. }) if stream.ends_with("#b")),
        "{refused:?}"
    );
    assert_eq!(store.head(&stream("a")).await.unwrap().unwrap().version, 1);
    let row = store.command(&half.command.unwrap().key, metadata().timestamp).await.unwrap();
    assert_eq!(row, None, "no command without its events");
}

async fn the_same_commit_again_is_success(backend: Backend) {
    let store = &backend.store;
    let mut both = transaction(vec![append("a", 0, 2), append("b", 0, 1)]);
    both.command = Some(command("key", "body"));
    store.append(both.clone()).await.unwrap();
    let again = store.append(both.clone()).await.unwrap();
    assert_eq!((again.versions, again.repeated), (vec![2, 1], true));

    store.append(one("a", 2, 1)).await.unwrap();
    let elsewhere = backend.elsewhere();
    let later = elsewhere.append(both.clone()).await.unwrap();
    assert!(later.repeated, "also after the stream has grown");
    assert!(elsewhere.append(one("a", 2, 1)).await.unwrap().repeated, "also at a later version");

    both.command = None;
    both.appends[0].events.push(event(99));
    assert!(
        matches!(store.append(both).await, Err(AppendError::VersionConflict { .. })),
        "the same id with other events is another commit"
    );
    assert_eq!(store.verify(&stream("a")).await.unwrap().version, 3);
}

async fn loads_beyond_one_page(backend: Backend) {
    let store = &backend.store;
    for number in 0..8 {
        let mut filled = one("r", number, 1);
        filled.appends[0].events = vec![large(200_000, number)];
        store.append(filled).await.unwrap();
    }
    let commits = backend.elsewhere().load(&stream("r"), 0).await.unwrap();
    assert_eq!(commits.len(), 8);
    for (number, commit) in (0..).zip(&commits) {
        assert_eq!(commit.events[0].data, large(200_000, number).data);
    }
    assert_eq!(store.page(&stream("r"), 1, 6).await.unwrap(), commits[1..7]);
    assert_eq!(store.verify(&stream("r")).await.unwrap().commits, 8);
}

async fn pages_start_where_they_are_told(backend: Backend) {
    let store = &backend.store;
    for expected in [0, 3, 6] {
        store.append(one("r", expected, 3)).await.unwrap();
    }
    let all = store.load(&stream("r"), 0).await.unwrap();
    let from = async |after, limit| store.page(&stream("r"), after, limit).await;
    assert_eq!(from(0, 2).await.unwrap(), all[..2]);
    assert_eq!(from(3, 2).await.unwrap(), all[1..]);
    assert_eq!(from(4, 1).await.unwrap(), all[1..2], "a position inside a commit gives that commit");
    assert_eq!(from(8, 5).await.unwrap(), all[2..]);
    assert_eq!(from(9, 5).await.unwrap(), []);
    assert_eq!(store.load(&stream("r"), 6).await.unwrap(), all[2..]);
}

async fn a_hole_is_a_loud_error(backend: Backend) {
    let store = &backend.store;
    for expected in [0, 2, 4] {
        store.append(one("r", expected, 2)).await.unwrap();
    }
    backend.lose(&stream("r"), 3).await;
    for after in [0, 2] {
        let Err(StoreError::Corrupt { stream: named, sequence, detail }) = store.load(&stream("r"), after).await else {
            panic!("a hole was not noticed")
        };
        assert_eq!((named, sequence), (stream("r").partition(), 3));
        assert!(detail.contains("missing") && detail.contains("restore"), "{detail}");
    }
    assert!(matches!(store.verify(&stream("r")).await, Err(StoreError::Corrupt { sequence: 3, .. })));
    backend.lose(&stream("r"), 5).await;
    assert!(
        matches!(store.verify(&stream("r")).await, Err(StoreError::Corrupt { sequence: 3, .. })),
        "the head knows of more"
    );
}

async fn a_damaged_body_is_a_loud_error(backend: Backend) {
    let store = &backend.store;
    store.append(one("r", 0, 2)).await.unwrap();
    let bodies: [(u8, &[u8], &str); 5] = [
        (1, b"{", "no JSON"),
        (1, b"{}", "no list of events"),
        (2, b"{}", "does not unpack"),
        (9, b"[]", "encoding 9 is unknown"),
        (1, br#"[["Counted",1,{}]]"#, "says 1 to 2 and holds 1"),
    ];
    for (encoding, body, reason) in bodies {
        backend.overwrite(&stream("r"), 1, encoding, body).await;
        let Err(StoreError::Corrupt { stream: named, sequence, detail }) = store.load(&stream("r"), 0).await else {
            panic!("{reason} was not noticed")
        };
        assert_eq!((named, sequence), (stream("r").partition(), 1));
        assert!(detail.contains(reason), "{detail}");
    }
    backend.overwrite(&stream("r"), 1, 1, br#"[["Counted",1,{}],["Counted",2,{}]]"#).await;
    let Err(StoreError::Corrupt { sequence: 2, detail, .. }) = store.load(&stream("r"), 0).await else {
        panic!("an unknown version was read")
    };
    assert!(detail.contains("Counted@2 is unknown"), "{detail}");
}

async fn what_cannot_be_written_is_refused(backend: Backend) {
    let store = &backend.store;
    let refusal = async |transaction| match store.append(transaction).await {
        Err(AppendError::TooLarge(why)) => why,
        other => panic!("{other:?}"),
    };
    let with = |events: Vec<NewEvent>| {
        let mut transaction = one("r", 0, 1);
        transaction.appends[0].events = events;
        transaction
    };
    assert!(refusal(with(vec![large(256 * 1024, 1)])).await.contains("at most 262144"));
    assert!(refusal(with(Vec::new())).await.contains("no event"));
    assert!(refusal(transaction(Vec::new())).await.contains("neither"));
    assert!(refusal(transaction(vec![append("a", 0, 1), append("a", 1, 1)])).await.contains("twice"));
    let many = (0..51).map(|number| append(&format!("r{number}"), 0, 1)).collect();
    assert!(refusal(transaction(many)).await.contains("102 items"));
    let newer = NewEvent { event_version: 2, ..event(1) };
    assert!(refusal(with(vec![newer])).await.contains("could not be read back"));
    assert!(
        refusal(with(vec![large(250_000, 1), large(250_000, 2), large(250_000, 3)])).await.contains("at most 409600")
    );
    let heavy = (0..16).map(|number| {
        let mut append = append(&format!("r{number}"), 0, 1);
        append.events = vec![large(200_000, 2 * number), large(200_000, 2 * number + 1)];
        append
    });
    assert!(refusal(transaction(heavy.collect())).await.contains("at most 4194304"));
    assert_eq!(store.head(&stream("r")).await.unwrap(), None, "nothing was written");
}

async fn mixed_events_keep_their_order(backend: Backend) {
    let kinds = ["Matched", "Unmatched"];
    let events: Vec<NewEvent> = (0..200)
        .map(|number| NewEvent {
            event_type: kinds[number % 7 % 2].into(),
            event_version: 1,
            data: json!({ "id": format!("ch_{number}"), "amount": number * 7, "part": { "fee": number % 3, "list": [number] } }),
        })
        .collect();
    let mut pack = one("r", 0, 1);
    pack.appends[0].events.clone_from(&events);
    backend.store.append(pack).await.unwrap();
    let commits = backend.store.load(&stream("r"), 0).await.unwrap();
    let read: Vec<_> = commits[0].events.iter().map(|envelope| (&envelope.event_type, &envelope.data)).collect();
    assert_eq!(read, events.iter().map(|event| (&event.event_type, &event.data)).collect::<Vec<_>>());
    let (found, _) = backend.store.by_correlation(&metadata().tenant_id, "cor_1", 10, None).await.unwrap();
    assert_eq!(found[0].kinds, ["Matched@1", "Unmatched@1"], "many short runs are named once each");
}
