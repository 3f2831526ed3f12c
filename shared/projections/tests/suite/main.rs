//! One suite for both stores, and what must hold of the engine whatever the doorbells do.
//!
//! DynamoDB runs in process (dynoxide, behind the real SDK). Set `DYNAMODB_ENDPOINT` to run against another one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod adversary;
mod backend;
mod damage;
mod decorated;
mod dying;
mod given;
mod histories;
mod parking;
mod pulls;
mod readers;
mod rebuilding;
mod results;
mod sweeping;
mod usage_and_hotspots;
mod views;

/// Each function as a test of the stores in memory and of the ones on DynamoDB.
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
