//! The consumers' frame over a real queue with a real redrive policy.

use super::{
    client::{Stack, unique},
    queues::sqs,
};
use aws_lambda_events::event::sqs::SqsEvent;
use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use domain::ErrorName;
use lambda_runtime::{Context, LambdaEvent};
use resilience::{Attributes, Postmark, dead_letter::Cause};
use runtime::{
    Consumer, Delivery, MessageError, SystemClock,
    consumer::{SqsQueue, send},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
struct Order {
    fail: Option<String>,
}

/// A queue with its dead-letter queue, after two receipts.
struct Queues {
    sqs: Client,
    work: String,
    dead: String,
    consumer: Consumer,
}

impl Queues {
    async fn create(stack: &Stack) -> Self {
        let sqs = sqs(stack);
        let create = async |name: String, policy: Option<String>| {
            let mut call = sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, "0");
            if let Some(policy) = policy {
                call = call.attributes(QueueAttributeName::RedrivePolicy, policy);
            }
            call.send().await.unwrap().queue_url().unwrap().to_owned()
        };
        let dead = create(unique("dead"), None).await;
        let attributes = sqs.get_queue_attributes().queue_url(&dead).attribute_names(QueueAttributeName::QueueArn);
        let arn = attributes.send().await.unwrap().attributes().unwrap()[&QueueAttributeName::QueueArn].clone();
        let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 2 }).to_string();
        let work = create(unique("work"), Some(policy)).await;
        let config = runtime::SdkConfig::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(sqs.config().region().cloned())
            .endpoint_url(stack.text("aws_endpoint_url"))
            .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(
                aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "suite"),
            ))
            .build();
        let queue = SqsQueue::new(&config, work.clone(), dead.clone());
        let mut consumer = Consumer::new(Arc::new(queue), Arc::new(SystemClock));
        consumer.max_receives = 2;
        Self { sqs, work, dead, consumer }
    }

    async fn receive(&self, url: &str) -> Vec<Message> {
        let call = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
        let call = call.message_attribute_names("All").message_system_attribute_names(MessageSystemAttributeName::All);
        call.send().await.unwrap().messages.unwrap_or_default()
    }

    /// Receives as Lambda does, hands over, and deletes what was not given back; false when there was nothing.
    async fn turn(&self) -> bool {
        let messages = self.receive(&self.work).await;
        if messages.is_empty() {
            return false;
        }
        let records: Vec<Value> = messages.iter().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
        let handle = async |order: Order, _: &Delivery| match order.fail.as_deref() {
            None => Ok(()),
            Some("panic") => panic!("asked to"),
            Some("transient") => Err(MessageError::new(ErrorName::Transient, "busy").after(0)),
            Some(_) => Err(MessageError::new(ErrorName::Conflict, "it cannot be")),
        };
        let answer = self.consumer.consume(LambdaEvent::new(event, Context::default()), handle).await.unwrap();
        let back: Vec<String> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        for message in messages {
            if !back.contains(&message.message_id().unwrap().to_owned()) {
                let receipt = message.receipt_handle().unwrap();
                let deleted = self.sqs.delete_message().queue_url(&self.work).receipt_handle(receipt).send().await;
                // The consumer may have deleted it by itself. The service takes that for success, the emulator does not.
                if let Err(error) = deleted {
                    let error = error.into_service_error();
                    assert!(error.is_receipt_handle_is_invalid(), "{error:?}");
                }
            }
        }
        true
    }

    async fn send(&self, body: &Value, attributes: &Attributes) {
        send(&self.sqs, &self.work, &body.to_string(), attributes).await.unwrap();
    }
}

fn record(message: &Message) -> Value {
    let system = message.attributes().unwrap().iter().map(|(name, value)| (name.as_str().to_owned(), json!(value)));
    let own = message.message_attributes().into_iter().flatten();
    let own =
        own.map(|(name, value)| (name.clone(), json!({"stringValue": value.string_value(), "dataType": "String"})));
    json!({
        "messageId": message.message_id(), "receiptHandle": message.receipt_handle(), "body": message.body(),
        "attributes": serde_json::Map::from_iter(system), "messageAttributes": serde_json::Map::from_iter(own),
    })
}

fn attributes(message: &Message) -> Attributes {
    let own = message.message_attributes().into_iter().flatten();
    own.filter_map(|(name, value)| Some((name.clone(), value.string_value()?.to_owned()))).collect()
}

#[tokio::test]
async fn every_fate_of_a_message_on_a_real_queue() {
    let queues = Queues::create(&Stack::up()).await;
    let first_seen = domain::Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let known = Postmark { dead_letter_id: "first-message".into(), attempts: 7, first_seen };
    queues.send(&json!({}), &Attributes::new()).await;
    queues.send(&json!({"fail": "for good"}), &known.attributes()).await;
    queues.send(&json!({"fail": "transient"}), &Attributes::new()).await;
    queues.send(&json!({"fail": "panic"}), &Attributes::new()).await;
    // What comes back is there again at once; the redrive policy acts on the receipt after the last one.
    while queues.turn().await {}
    let mut dead = Vec::new();
    while dead.len() < 3 {
        let received = queues.receive(&queues.dead).await;
        assert!(!received.is_empty(), "three dead letters, not {}", dead.len());
        for message in received {
            let receipt = message.receipt_handle().unwrap();
            queues.sqs.delete_message().queue_url(&queues.dead).receipt_handle(receipt).send().await.unwrap();
            dead.push((message.body().unwrap().to_owned(), attributes(&message)));
        }
    }
    dead.sort_by(|a, b| a.0.cmp(&b.0));
    let cause = |place: usize| Cause::read(&dead[place].1).map(|cause| cause.error_type);
    assert_eq!(dead.len(), 3);
    assert_eq!((dead[0].0.as_str(), cause(0)), ("{\"fail\":\"for good\"}", Some("Settler.Conflict".into())));
    assert_eq!(Postmark::read(&dead[0].1), Some(Postmark { attempts: 8, ..known }), "it keeps its id and its count");
    assert_eq!((dead[1].0.as_str(), cause(1)), ("{\"fail\":\"panic\"}", None), "the redrive policy says nothing");
    assert_eq!((dead[2].0.as_str(), cause(2)), ("{\"fail\":\"transient\"}", Some("Settler.Transient".into())));
    assert_eq!(Postmark::read(&dead[2].1).unwrap().attempts, 2, "given up at its last receipt");
}
