//! The way back of dead letters: onto the queue of their consumer, or into the function that failed.
//!
//! Lambda's record of a failed stream batch holds no records, only when they arrived. What a stream says is a doorbell,
//! so the bells of that time are rung again out of the event store's feed; that works after the stream has forgotten.

use crate::{SdkConfig, consumer};
use async_trait::async_trait;
use aws_sdk_lambda::{error::DisplayErrorContext, primitives::Blob};
use domain::{Timestamp, ports::PortError, time::Window};
use event_store::{CommitRef, EventStore};
use resilience::{
    Attributes,
    dead_letter::{Resend, Unsent},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Commits per read of the feed.
const FEED_PAGE: u32 = 100;
/// Doorbells per invocation, as many as a batch of the stream has.
const BELLS: usize = 100;
/// Around the times in Lambda's record, which are those of arrival in the stream and cut to seconds.
const SLACK_MS: i64 = 5_000;

/// Where the letters of a source go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// URL of a queue.
    Queue(String),
    /// ARN of a function, which is invoked and waited for.
    Function(String),
}

pub struct AwsResend {
    sqs: aws_sdk_sqs::Client,
    lambda: aws_sdk_lambda::Client,
    store: Arc<dyn EventStore>,
    targets: BTreeMap<String, Target>,
}

impl std::fmt::Debug for AwsResend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsResend").field("targets", &self.targets).finish_non_exhaustive()
    }
}

impl AwsResend {
    /// With targets by source, `{"<source>": {"queue": <url>} | {"function": <arn>}}`.
    ///
    /// # Errors
    /// The targets cannot be read.
    pub fn new(aws: &SdkConfig, store: Arc<dyn EventStore>, targets: &str) -> Result<Self, serde_json::Error> {
        let targets = serde_json::from_str(targets)?;
        Ok(Self { sqs: aws_sdk_sqs::Client::new(aws), lambda: aws_sdk_lambda::Client::new(aws), store, targets })
    }

    async fn invoke(&self, function: &str, payload: Vec<u8>) -> Result<(), Unsent> {
        let call = self.lambda.invoke().function_name(function).payload(Blob::new(payload)).send().await;
        let answer = call.map_err(|error| {
            Unsent::Port(PortError::Transient(format!("{function}: {}", DisplayErrorContext(&error))))
        })?;
        let body: Value =
            answer.payload.as_ref().and_then(|body| serde_json::from_slice(body.as_ref()).ok()).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        if answer.function_error.is_some() {
            return Err(Unsent::FailedAgain {
                error_type: text("errorType").unwrap_or_else(|| "Unhandled".to_owned()),
                error_message: text("errorMessage")
                    .unwrap_or_else(|| "the function failed; its log says why".to_owned()),
            });
        }
        let left = body.get("batchItemFailures").and_then(Value::as_array).map_or(0, Vec::len);
        if left > 0 {
            return Err(Unsent::FailedAgain {
                error_type: domain::ErrorName::Transient.as_str().to_owned(),
                error_message: format!("{left} records failed again; the function's log says why"),
            });
        }
        Ok(())
    }

    async fn ring_again(&self, function: &str, window: Window) -> Result<(), Unsent> {
        let mut after = None;
        let mut bells = Vec::new();
        loop {
            let page = self.store.feed(window, FEED_PAGE, after).await;
            let (commits, next) = page.map_err(|error| Unsent::Port(PortError::Transient(error.to_string())))?;
            for commit in &commits {
                bells.push(self.bell(commit).await?);
            }
            after = next;
            if after.is_none() || bells.len() >= BELLS {
                if !bells.is_empty() {
                    let event = json!({ "Records": std::mem::take(&mut bells) });
                    self.invoke(function, event.to_string().into_bytes()).await?;
                }
                if after.is_none() {
                    return Ok(());
                }
            }
        }
    }

    /// A commit as the stream of heads told of it.
    async fn bell(&self, commit: &CommitRef) -> Result<Value, Unsent> {
        let read = self.store.page(&commit.stream, commit.from.saturating_sub(1), 1).await;
        let read = read.map_err(|error| Unsent::Port(PortError::Transient(error.to_string())))?;
        let correlation_id = read.first().map(|commit| commit.metadata.correlation_id.to_string()).unwrap_or_default();
        Ok(bell(commit, &correlation_id))
    }
}

fn bell(commit: &CommitRef, correlation_id: &str) -> Value {
    let kinds: Vec<Value> = commit.kinds.iter().map(|kind| json!({ "S": kind })).collect();
    json!({
        "eventID": format!("redrive-{}-{}", commit.stream.partition(), commit.to),
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "",
        "dynamodb": {
            "ApproximateCreationDateTime": commit.at.millis() / 1_000,
            "Keys": { "s": { "S": commit.stream.partition() } },
            "NewImage": {
                "s": { "S": commit.stream.partition() },
                "t": { "S": commit.stream.aggregate_type },
                "v": { "N": commit.to.to_string() },
                "prev_v": { "N": commit.from.saturating_sub(1).to_string() },
                "ts": { "N": commit.at.millis().to_string() },
                "k": { "L": kinds },
                "cor": { "S": correlation_id },
            },
            "SequenceNumber": commit.to.to_string(),
            "StreamViewType": "NEW_IMAGE",
        },
    })
}

/// When the records of a failed stream batch arrived; none for any other payload.
fn batch_window(payload: &Value) -> Option<Window> {
    let time = |name: &str| {
        let text = payload.get("DDBStreamBatchInfo")?.get(name)?.as_str()?;
        Some(Timestamp::parse(text).ok()?.millis())
    };
    let (first, last) = (time("approximateArrivalOfFirstRecord")?, time("approximateArrivalOfLastRecord")?);
    Some(Window { from: Timestamp::from_millis(first - SLACK_MS), to: Timestamp::from_millis(last + SLACK_MS) })
}

#[async_trait]
impl Resend for AwsResend {
    fn knows(&self, source: &str) -> bool {
        self.targets.contains_key(source)
    }

    async fn resend(&self, source: &str, payload: &str, attributes: &Attributes) -> Result<(), Unsent> {
        match self.targets.get(source) {
            None => Err(Unsent::Port(PortError::Missing(source.to_owned()))),
            Some(Target::Queue(url)) => consumer::send(&self.sqs, url, payload, attributes).await.map_err(Unsent::Port),
            Some(Target::Function(function)) => {
                let parsed: Value = serde_json::from_str(payload).unwrap_or_default();
                match batch_window(&parsed) {
                    Some(window) => self.ring_again(function, window).await,
                    None => self.invoke(function, payload.as_bytes().to_vec()).await,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_batch_is_the_time_in_which_its_records_arrived() {
        let info = json!({"DDBStreamBatchInfo": {
            "approximateArrivalOfFirstRecord": "2026-11-02T05:58:00Z",
            "approximateArrivalOfLastRecord": "2026-11-02T05:58:07Z",
        }});
        let window = batch_window(&info).unwrap();
        assert_eq!(window.from.to_string(), "2026-11-02T05:57:55.000Z");
        assert_eq!(window.to.to_string(), "2026-11-02T05:58:12.000Z");
        assert_eq!(batch_window(&json!({"scheduler": {}})), None);
    }

    #[test]
    fn targets_are_queues_or_functions() {
        let targets: BTreeMap<String, Target> =
            serde_json::from_str(r#"{"a": {"queue": "http://q"}, "b": {"function": "arn:f"}}"#).unwrap();
        assert_eq!(targets["a"], Target::Queue("http://q".into()));
        assert_eq!(targets["b"], Target::Function("arn:f".into()));
    }
}
