//! One suite for both stores, and what only DynamoDB can show: capacity, conflicts, throttling, lost answers.
//!
//! DynamoDB runs in process (dynoxide, behind the real SDK). Set `DYNAMODB_ENDPOINT` to run against another one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audits;
mod backend;
mod capacity;
mod chain;
mod commands;
mod conflicts;
mod corpus;
mod fences;
mod given;
mod heads;
mod interference;
mod lists;
mod runs;
mod snapshots;
mod streams;
mod tenants;
mod units;

/// Each function as a test of the store in memory and of the one on DynamoDB.
#[macro_export]
macro_rules! for_both {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::backend::Backend::memory()).await;
            })*
        }
        mod dynamo {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::backend::Backend::dynamo().await).await;
            })*
        }
    };
}
