//! The breaker's rules as properties, and its promises over both stores.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod backend;
mod circuits;
mod letters;
mod operators;
mod properties;

/// Runs a test over the store in memory and over DynamoDB.
#[macro_export]
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(&$crate::backend::Backend::memory()).await; })*
        }
        mod dynamo {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(&$crate::backend::Backend::dynamo().await).await; })*
        }
    };
}
