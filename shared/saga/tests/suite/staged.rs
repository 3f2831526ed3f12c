//! Staged data that is gone or altered is noticed, and nothing is concluded from it.

use crate::world::{CALLS, Call, World};
use domain::{ErrorName, ports::Blobs};
use saga::StepError;

/// Every object that the calls so far have left in the bucket.
async fn keys_after(calls: &[Call]) -> Vec<String> {
    World::after(calls).await.blobs.keys()
}

fn is_lost(error: &StepError, key: &str) {
    assert_eq!(error.name, ErrorName::StagedDataLost, "{error}");
    assert!(error.message.contains(key), "{error}");
}

#[tokio::test]
async fn a_staged_file_that_is_gone_or_altered_stops_the_matching() {
    // The provider's own objects are for people; the engine does not read them.
    let mut stopped = 0;
    for key in keys_after(&CALLS[..3]).await {
        for altered in [false, true] {
            let world = World::after(&CALLS[..3]).await;
            assert!(world.blobs.keys().contains(&key), "the same run stages under the same keys");
            if altered {
                let mut body = world.blobs.get(&key).await.unwrap();
                body.push(0);
                world.blobs.put(&key, "application/zstd", body).await.unwrap();
            } else {
                assert!(world.blobs.lose(&key));
            }
            match world.call(Call::Match).await {
                Ok(()) => continue,
                Err(error) => is_lost(&error, &key),
            }
            stopped += 1;
            assert_eq!(world.match_events().await, [], "{key}");
            assert_eq!(world.ledger_lines().await.last().unwrap(), "StepFailed perform_matching");
        }
    }
    assert_eq!(stopped, 8, "a manifest and a file of each side, gone and altered");
}

#[tokio::test]
async fn a_result_that_is_gone_is_not_published() {
    let before = keys_after(&CALLS[..3]).await;
    let world = World::after(&CALLS[..4]).await;
    let result = world.blobs.keys().into_iter().find(|key| !before.contains(key)).unwrap();
    assert!(result.starts_with("results/acme/jan/"), "{result}");
    assert!(world.blobs.lose(&result));
    is_lost(&world.call(Call::Persist).await.unwrap_err(), &result);
    assert_eq!(world.run().await.published, None);
}

#[tokio::test]
async fn steps_out_of_order_find_nothing_to_work_on() {
    let world = World::after(&CALLS[..2]).await;
    let error = world.call(Call::Match).await.unwrap_err();
    assert_eq!((error.name, error.message.as_str()), (ErrorName::StagedDataLost, "payments were not fetched"));
    assert_eq!(world.call(Call::Persist).await.unwrap_err().name, ErrorName::StagedDataLost);
}
