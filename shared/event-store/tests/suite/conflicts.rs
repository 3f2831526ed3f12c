//! What DynamoDB says under load and emulators do not.

use crate::{
    backend::Dynamo,
    given::{command, one, stream},
    interference::Answer,
};
use event_store::{AppendError, EventStore, StoreError};
use uuid::Uuid;

#[tokio::test]
async fn conflicts_between_transactions_and_throttling_are_tried_again() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    let answers = [
        Answer::Cancelled("TransactionConflict"),
        Answer::Cancelled("ThrottlingError"),
        Answer::Cancelled("ProvisionedThroughputExceeded"),
        Answer::Error("ThrottlingException"),
        Answer::Error("RequestLimitExceeded"),
        Answer::Error("ProvisionedThroughputExceededException"),
        Answer::Error("TransactionInProgressException"),
    ];
    dynamo.interference.next(answers);
    let done = store.append(one("r", 0, 1)).await.unwrap();
    assert_eq!((done.versions, done.repeated), (vec![1], false));
    assert_eq!(
        dynamo.interference.transactions(),
        answers.len() + 1,
        "each answer was tried again once, by the store alone"
    );
}

#[tokio::test]
async fn an_append_gives_up_when_its_time_is_over() {
    let dynamo = Dynamo::start().await;
    dynamo.interference.next(std::iter::repeat_n(Answer::Cancelled("TransactionConflict"), 1000));
    let busy = dynamo.impatient().append(one("r", 0, 1)).await;
    assert!(
        matches!(&busy, Err(AppendError::Store(StoreError::Busy(why))) if why.contains("TransactionConflict")),
        "{busy:?}"
    );
    assert!(dynamo.interference.transactions() > 2);
    assert_eq!(dynamo.store().head(&stream("r")).await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_answer_is_found_out() {
    let dynamo = Dynamo::start().await;
    let mut start = one("r", 0, 1);
    start.command = Some(command("key", "body"));
    dynamo.interference.next([Answer::Lost]);
    let done = dynamo.store().append(start).await.unwrap();
    assert_eq!((done.versions, done.repeated), (vec![1], true));
    dynamo.interference.next([Answer::Lost]);
    let store = dynamo.store();
    assert!(store.append(one("r", 1, 1)).await.unwrap().repeated);
    store.append(one("r", 2, 1)).await.unwrap();
    assert_eq!(store.verify(&stream("r")).await.unwrap().version, 3);
}

#[tokio::test]
async fn what_does_not_pass_is_not_tried_again() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    for answer in [Answer::Error("AccessDeniedException"), Answer::Cancelled("ValidationError")] {
        dynamo.interference.next([answer]);
        let refused = store.append(one("r", 0, 1)).await;
        assert!(matches!(refused, Err(AppendError::Store(StoreError::Refused(_)))), "{refused:?}");
    }
    assert_eq!(dynamo.interference.transactions(), 2);
}

/// A conflict at one position says nothing about a failed condition at another.
#[tokio::test]
async fn a_version_conflict_is_told_from_a_transaction_conflict() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    store.append(one("r", 0, 1)).await.unwrap();
    let mut late = one("r", 0, 1);
    late.appends[0].commit_id = Uuid::from_u128(5);
    dynamo.interference.next([Answer::Cancelled("TransactionConflict")]);
    assert!(matches!(store.append(late).await, Err(AppendError::VersionConflict { .. })));
}

/// The fall-back for stores that do not show what stood in the way.
#[tokio::test]
async fn a_failed_condition_without_the_old_item_is_looked_up() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    store.append(one("r", 0, 1)).await.unwrap();
    dynamo
        .interference
        .next([Answer::Cancelled("ConditionalCheckFailed"), Answer::Cancelled("ConditionalCheckFailed")]);
    assert!(store.append(one("r", 0, 1)).await.unwrap().repeated);
    let mut late = one("r", 0, 1);
    late.appends[0].commit_id = Uuid::from_u128(5);
    assert!(matches!(store.append(late).await, Err(AppendError::VersionConflict { .. })));
}

/// Each position has a code of its own; what they say together is decided by the ones that failed for good.
#[tokio::test]
async fn reasons_are_read_by_position() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    store.append(one("r", 0, 1)).await.unwrap();
    let late = || {
        let mut late = one("r", 0, 1);
        late.appends[0].commit_id = Uuid::from_u128(5);
        late.command = Some(command("late", "body"));
        late
    };
    let tried_again: [&[&str]; 3] = [
        &["None", "TransactionConflict", "None"],
        &["None", "None", "ThrottlingError"],
        &["TransactionConflict", "ThrottlingError", "TransactionConflict"],
    ];
    for codes in tried_again {
        let before = dynamo.interference.transactions();
        dynamo.interference.next([Answer::Positions(codes)]);
        let outcome = store.append(late()).await;
        assert!(matches!(outcome, Err(AppendError::VersionConflict { .. })), "{codes:?}: {outcome:?}");
        assert_eq!(dynamo.interference.transactions() - before, 2, "{codes:?} passes by itself");
    }
    let decided: [&[&str]; 3] = [
        &["None", "ConditionalCheckFailed", "TransactionConflict"],
        &["ConditionalCheckFailed", "TransactionConflict", "None"],
        &["ConditionalCheckFailed", "ConditionalCheckFailed", "ThrottlingError"],
    ];
    for codes in decided {
        let before = dynamo.interference.transactions();
        dynamo.interference.next([Answer::Positions(codes)]);
        let outcome = store.append(late()).await;
        assert!(matches!(outcome, Err(AppendError::VersionConflict { .. })), "{codes:?}: {outcome:?}");
        assert_eq!(dynamo.interference.transactions() - before, 1, "{codes:?} is an answer");
    }
    let refused: [&[&str]; 2] =
        [&["None", "ValidationError", "None"], &["TransactionConflict", "ItemCollectionSizeLimitExceeded", "None"]];
    for codes in refused {
        dynamo.interference.next([Answer::Positions(codes)]);
        let outcome = store.append(late()).await;
        assert!(matches!(outcome, Err(AppendError::Store(StoreError::Refused(_)))), "{codes:?}: {outcome:?}");
    }
}
