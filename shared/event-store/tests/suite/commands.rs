//! The command log: a repetition changes nothing and gets the first answer.

use crate::{
    backend::Backend,
    for_both,
    given::{NOW_MS, command, metadata, one, stream, transaction},
};
use domain::Timestamp;
use event_store::{AppendError, Transaction};
use uuid::Uuid;

for_both!(
    a_repeated_command_gets_the_first_answer,
    an_expired_row_gives_way,
    a_command_may_leave_no_event,
    equal_commands_at_once_have_one_winner
);

fn start(id: &str, key: &str, body: &str) -> Transaction {
    let mut transaction = one(id, 0, 1);
    transaction.command = Some(command(key, body));
    transaction
}

async fn a_repeated_command_gets_the_first_answer(backend: Backend) {
    let store = &backend.store;
    store.append(start("r1", "key", "body")).await.unwrap();
    for body in ["body", "another body"] {
        let Err(AppendError::Repeated(record)) = store.append(start("r2", "key", body)).await else {
            panic!("carried out twice")
        };
        assert_eq!(*record, command("key", "body").record, "the caller compares the hashes");
    }
    assert_eq!(store.head(&stream("r2")).await.unwrap(), None);
    let key = command("key", "").key;
    assert_eq!(store.command(&key, metadata().timestamp).await.unwrap(), Some(command("key", "body").record));
    assert_eq!(store.command(&key, Timestamp::from_millis(NOW_MS + 1001)).await.unwrap(), None);
    store.append(start("r2", "other key", "body")).await.unwrap();
}

async fn an_expired_row_gives_way(backend: Backend) {
    let store = &backend.store;
    store.append(start("r1", "key", "body")).await.unwrap();
    let mut later = start("r2", "key", "new body");
    later.metadata.timestamp = Timestamp::from_millis(NOW_MS + 1000);
    assert!(
        matches!(store.append(later.clone()).await, Err(AppendError::Repeated(_))),
        "its last millisecond still counts"
    );
    later.metadata.timestamp = Timestamp::from_millis(NOW_MS + 1001);
    if let Some(command) = &mut later.command {
        command.record.expires_at = Timestamp::from_millis(NOW_MS + 5000);
    }
    store.append(later.clone()).await.unwrap();
    let record = store.command(&command("key", "").key, Timestamp::from_millis(NOW_MS + 2000)).await.unwrap().unwrap();
    assert_eq!(record.request_hash, "new body");
}

async fn a_command_may_leave_no_event(backend: Backend) {
    let mut alone = transaction(Vec::new());
    alone.command = Some(command("key", "body"));
    assert!(backend.store.append(alone.clone()).await.unwrap().versions.is_empty());
    assert!(matches!(backend.store.append(alone).await, Err(AppendError::Repeated(_))));
}

async fn equal_commands_at_once_have_one_winner(backend: Backend) {
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = backend.store.clone();
            let mut start = start("r", "key", "body");
            start.appends[0].commit_id = Uuid::from_u128(number + 1);
            tokio::spawn(async move { store.append(start).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(done) => won += u32::from(!done.repeated),
            Err(AppendError::Repeated(record)) => assert_eq!(*record, command("key", "body").record),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((won, backend.store.load(&stream("r"), 0).await.unwrap().len()), (1, 1));
}
