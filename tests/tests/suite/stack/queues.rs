//! Queues of the running stack, as their producers see them.

use super::client::Stack;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};

pub fn sqs(stack: &Stack) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(stack.text("region").to_owned()))
        .endpoint_url(stack.text("aws_endpoint_url"))
        .credentials_provider(Credentials::new("test", "test", None, None, "suite"))
        .build();
    Client::from_conf(config)
}

/// The URL of the stack's queue with this logical id.
pub async fn queue(sqs: &Client, logical_id: &str) -> String {
    let all = sqs.list_queues().send().await.unwrap();
    let named = |url: &&String| url.rsplit('/').next().is_some_and(|name| name.contains(&format!("-{logical_id}-")));
    all.queue_urls()
        .iter()
        .find(named)
        .unwrap_or_else(|| panic!("no queue {logical_id} in {:?}", all.queue_urls()))
        .clone()
}
