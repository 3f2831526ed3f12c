//! Batches over a queue in memory: every fate of a message, and that none touches another's.

use super::{Backoff, Consumer, Delivery, MessageError};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::{Clock, ErrorName};
use lambda_runtime::{Context, LambdaEvent};
use resilience::{Attributes, Postmark};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use testkit::{FixedClock, MemoryQueue};

/// What a message of these tests asks of its handler.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Succeed,
    Refuse,
    ComeBack,
    ComeBackAfter(u32),
    Panic,
    Hang,
}

async fn obey(order: Order) -> Result<(), MessageError> {
    match order {
        Order::Succeed => Ok(()),
        Order::Refuse => Err(MessageError::new(ErrorName::NotFound, "no such run")),
        Order::ComeBack => Err(MessageError::new(ErrorName::Transient, "busy")),
        Order::ComeBackAfter(seconds) => Err(MessageError::new(ErrorName::Transient, "busy").after(seconds)),
        Order::Panic => panic!("asked to"),
        Order::Hang => std::future::pending().await,
    }
}

fn message(id: &str, body: &Value, receives: u32) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
        "body": body.as_str().map_or_else(|| body.to_string(), str::to_owned),
        "attributes": {"ApproximateReceiveCount": receives.to_string(), "SentTimestamp": "1772366000000"},
        "messageAttributes": {},
    })
}

fn ordered(id: &str, order: &str, receives: u32) -> Value {
    message(id, &Value::String(format!("\"{order}\"")), receives)
}

struct World {
    queue: Arc<MemoryQueue>,
    clock: Arc<FixedClock>,
    /// Ids in the order in which they were handled.
    handled: Mutex<Vec<String>>,
}

impl World {
    fn new(queue: MemoryQueue) -> Self {
        Self { queue: Arc::new(queue), clock: Arc::default(), handled: Mutex::default() }
    }

    async fn consume(&self, messages: Vec<Value>, left_ms: Option<i64>) -> Vec<String> {
        let consumer = Consumer::new(self.queue.clone(), self.clock.clone());
        let event: SqsEvent = serde_json::from_value(json!({ "Records": messages })).unwrap();
        let mut context = Context::default();
        context.deadline = left_ms.map_or(0, |left_ms| u64::try_from(self.clock.now().millis() + left_ms).unwrap());
        let note = async |order: Order, delivery: &Delivery| {
            self.handled.lock().unwrap().push(delivery.message_id.clone());
            obey(order).await
        };
        let SqsBatchResponse { batch_item_failures, .. } =
            consumer.consume(LambdaEvent::new(event, context), note).await.unwrap();
        batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }
}

fn text<'a>(attributes: &'a Attributes, name: &str) -> &'a str {
    attributes.get(name).map(String::as_str).unwrap_or_default()
}

#[tokio::test]
async fn what_fails_for_good_is_buried_with_its_reason_and_done_with() {
    let world = World::new(MemoryQueue::default());
    assert!(world.consume(vec![ordered("a", "succeed", 1), ordered("b", "refuse", 1)], None).await.is_empty());
    let done = world.queue.done();
    assert!(done.delayed.is_empty() && done.deleted.is_empty());
    let [(body, attributes)] = done.buried.as_slice() else { panic!("{done:?}") };
    assert_eq!(body, "\"refuse\"");
    let expected = [
        ("attempts", "1"),
        ("dead_letter_id", "b"),
        ("error_message", "no such run"),
        ("error_type", "Settler.NotFound"),
        ("first_seen", "2026-03-01T11:53:20.000Z"),
    ];
    assert_eq!(*attributes, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn what_may_pass_comes_back_after_its_backoff_until_its_last_receipt() {
    let world = World::new(MemoryQueue::default());
    for receives in 1..5 {
        assert_eq!(world.consume(vec![ordered("a", "come_back", receives)], None).await, ["a"]);
    }
    let delayed = world.queue.done().delayed;
    let backoff = Backoff::default();
    for ((receipt, seconds), most) in delayed.iter().zip([5, 20, 80, 320]) {
        assert_eq!(receipt, "receipt-a");
        assert!((most / 2..=most).contains(seconds), "{seconds} of {most}, {backoff:?}");
    }
    assert!(world.consume(vec![ordered("a", "come_back", 5)], None).await.is_empty());
    let done = world.queue.done();
    assert_eq!(done.delayed.len(), 4);
    let [(_, attributes)] = done.buried.as_slice() else { panic!("{done:?}") };
    assert_eq!((text(attributes, "error_type"), text(attributes, "attempts")), ("Settler.Transient", "5"));
}

#[tokio::test]
async fn a_handler_that_knows_when_is_believed() {
    let world = World::new(MemoryQueue::default());
    assert_eq!(world.consume(vec![message("a", &json!({"come_back_after": 7_200}), 1)], None).await, ["a"]);
    assert_eq!(world.queue.done().delayed, [("receipt-a".to_owned(), 7_200)]);
}

#[tokio::test]
async fn what_cannot_be_read_is_buried_as_it_is() {
    let world = World::new(MemoryQueue::default());
    for body in ["{not json", "", "{\"unknown\":1}"] {
        assert!(world.consume(vec![message("a", &json!(body), 1)], None).await.is_empty());
    }
    let buried = world.queue.done().buried;
    assert_eq!(buried.iter().map(|(body, _)| body.as_str()).collect::<Vec<_>>(), ["{not json", "", "{\"unknown\":1}"]);
    assert!(buried.iter().all(|(_, attributes)| text(attributes, "error_type") == "Settler.InvalidInput"));
    assert!(world.handled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_panic_is_left_to_the_redrive_policy_and_harms_nobody_else() {
    let world = World::new(MemoryQueue::default());
    let batch = vec![ordered("a", "panic", 5), ordered("b", "succeed", 1), ordered("c", "refuse", 1)];
    assert_eq!(world.consume(batch, None).await, ["a"]);
    let done = world.queue.done();
    assert_eq!((done.buried.len(), done.delayed.len()), (1, 0));
    assert_eq!(*world.handled.lock().unwrap(), ["b", "c", "a"], "what was here before comes last");
    assert_eq!(done.deleted, ["receipt-b", "receipt-c"], "and what was handled before it is out of its reach");
}

#[tokio::test]
async fn a_message_that_was_sent_back_keeps_its_id_and_its_count() {
    let world = World::new(MemoryQueue::default());
    let first_seen = domain::Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
    let postmark = Postmark { dead_letter_id: "first".into(), attempts: 5, first_seen };
    let mut again = ordered("second", "refuse", 1);
    for (name, value) in postmark.attributes() {
        again["messageAttributes"][name] = json!({"stringValue": value, "dataType": "String"});
    }
    assert!(world.consume(vec![again], None).await.is_empty());
    let [(_, attributes)] = world.queue.done().buried.try_into().unwrap();
    assert_eq!(Postmark::read(&attributes), Some(Postmark { attempts: 6, ..postmark }));
}

#[tokio::test]
async fn a_handler_that_hangs_is_ended_before_the_function_is() {
    let world = World::new(MemoryQueue::default());
    assert_eq!(world.consume(vec![ordered("a", "hang", 1)], Some(2_020)).await, ["a"]);
    assert!(world.consume(vec![ordered("b", "hang", 5)], Some(2_020)).await.is_empty());
    let done = world.queue.done();
    assert_eq!(done.delayed.len(), 1);
    assert_eq!(text(&done.buried[0].1, "error_type"), "Settler.StepTimedOut");
}

#[tokio::test]
async fn what_there_is_no_time_for_is_given_back_untouched() {
    let world = World::new(MemoryQueue::default());
    assert_eq!(world.consume(vec![ordered("a", "succeed", 1)], Some(1_000)).await, ["a"]);
    assert!(world.handled.lock().unwrap().is_empty());
    assert_eq!(world.queue.done().delayed, [("receipt-a".to_owned(), 0)]);
}

#[tokio::test]
async fn nothing_is_done_with_while_the_queue_does_not_answer() {
    let world = World::new(MemoryQueue::that_is_down());
    let batch = vec![ordered("a", "refuse", 1), ordered("b", "come_back", 1), ordered("c", "succeed", 1)];
    assert_eq!(world.consume(batch, None).await, ["a", "b"]);
}
