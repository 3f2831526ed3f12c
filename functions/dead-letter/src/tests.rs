//! Every sample: what is known of it, and that it is kept.

use crate::{Sources, handle};
use aws_lambda_events::event::sqs::SqsEvent;
use domain::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use resilience::dead_letter::{Entry, LetterFilter, LetterStore, MemoryLetters};
use serde_json::{Value, json};
use testkit::{FixedClock, sample_events};

fn sources() -> Sources {
    let arn = |name: &str| format!("arn:aws:sqs:eu-central-1:123456789012:{name}");
    let source =
        |name: &str, max: u32, target: Option<String>| json!({"source": name, "max_retries": max, "target": target});
    let start = "arn:aws:lambda:eu-central-1:123456789012:function:cmd-start-reconciliation".to_owned();
    let table = json!({
        arn("saga-dead-letters"): source("saga-control", 5, Some(arn("saga"))),
        arn("rule-dead-letters"): source("bus", 5, None),
        arn("scheduler-dead-letters"): source("cmd-start-reconciliation", 3, Some(start)),
        arn("proj-summary-dead-letters"): source("proj-summary", 21, None),
    });
    Sources::parse(&table.to_string()).unwrap()
}

/// What is kept of a sample, and how many messages were given back.
async fn kept(letters: &MemoryLetters, event: &Value) -> (Vec<Entry>, usize) {
    let event: SqsEvent = serde_json::from_value(event.clone()).unwrap();
    let clock = FixedClock::default();
    let response = handle(letters, &sources(), &clock, LambdaEvent::new(event, Context::default())).await.unwrap();
    let (page, _) = letters.list(&LetterFilter::default(), 10, None).await.unwrap();
    let mut entries = Vec::new();
    for entry in page {
        entries.push(letters.get(&entry.letter.id).await.unwrap().unwrap());
    }
    (entries, response.batch_item_failures.len())
}

async fn only(name: &str) -> Entry {
    let event = sample_events("dead-letter").remove(name).unwrap();
    let (mut entries, given_back) = kept(&MemoryLetters::default(), &event).await;
    assert_eq!((entries.len(), given_back), (1, 0), "{name}");
    entries.remove(0)
}

#[tokio::test]
async fn every_sample_is_kept_with_what_it_says() {
    for (name, source, error_type, retry_count) in [
        ("given-up-by-its-consumer", "saga-control", "Settler.NotFound", 1),
        ("moved-by-the-redrive-policy", "saga-control", "Settler.ConsumerCrashed", 5),
        ("redriven-and-moved-again", "saga-control", "Settler.ConsumerCrashed", 10),
        ("unreadable", "saga-control", "Settler.InvalidInput", 1),
        ("not-delivered-by-a-rule", "saga-control", "NO_PERMISSIONS", 1),
        ("not-delivered-by-a-schedule", "cmd-start-reconciliation", "THROTTLING", 185),
        ("failed-invocation", "cmd-start-reconciliation", "Settler.Transient", 3),
        ("failed-stream-batch", "proj-summary", "RetryAttemptsExhausted", 21),
        ("without-anything", "unknown", "Settler.ConsumerCrashed", 5),
    ] {
        let letter = only(name).await.letter;
        assert_eq!(
            (letter.source.as_str(), letter.error_type.as_str(), letter.retry_count),
            (source, error_type, retry_count),
            "{name}"
        );
    }
    assert_eq!(sample_events("dead-letter").len(), 9, "each is named above");
}

#[tokio::test]
async fn whom_it_is_about_is_read_from_the_payload() {
    for name in ["given-up-by-its-consumer", "moved-by-the-redrive-policy", "not-delivered-by-a-rule"] {
        let letter = only(name).await.letter;
        assert_eq!(letter.tenant_id.unwrap().as_str(), "acme", "{name}");
        assert_eq!(letter.correlation_id.as_deref(), Some("corr_01jd5q4x7mfz8v3k2n9t6c0h1f"));
        assert_eq!(letter.saga_id.as_deref(), Some("recon_01jd5q4x7mfz8v3k2n9t6c0h1e"));
        assert_eq!(letter.event_id.as_deref(), Some("17793124-05d4-b198-2fde-7ededc63b103"));
    }
    assert_eq!(only("failed-invocation").await.letter.tenant_id.unwrap().as_str(), "acme");
    for name in ["unreadable", "failed-stream-batch", "without-anything"] {
        assert_eq!(only(name).await.letter.tenant_id, None, "{name}");
    }
}

#[tokio::test]
async fn what_is_sent_again_is_what_was_sent_first() {
    assert_eq!(only("unreadable").await.letter.payload, "{not json");
    let invocation: Value = serde_json::from_str(&only("failed-invocation").await.letter.payload).unwrap();
    assert_eq!(invocation["scheduler"]["job_id"], "monthly");
    let batch: Value = serde_json::from_str(&only("failed-stream-batch").await.letter.payload).unwrap();
    assert!(batch["DDBStreamBatchInfo"]["shardId"].is_string());
}

#[tokio::test]
async fn a_letter_keeps_its_first_id_and_comes_back_under_it() {
    let letters = MemoryLetters::default();
    let samples = sample_events("dead-letter");
    for _ in 0..2 {
        kept(&letters, &samples["given-up-by-its-consumer"]).await;
    }
    let (entries, _) = kept(&letters, &samples["redriven-and-moved-again"]).await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry.letter.id, "19dd0b57-b21e-4ac1-bd88-01bbb068cb78");
    assert_eq!(
        (entry.returns, entry.letter.retry_count),
        (1, 10),
        "delivered twice is once; crashed again is once more"
    );
    assert_eq!(entry.letter.first_seen, Timestamp::parse("2025-11-01T06:00:00Z").unwrap());
}

#[tokio::test]
async fn an_id_that_is_none_is_replaced_and_never_becomes_a_key() {
    let mut event = sample_events("dead-letter").remove("unreadable").unwrap();
    event["Records"][0]["messageId"] = json!("../../x");
    event["Records"][0]["messageAttributes"]["dead_letter_id"]["stringValue"] = json!("a/b");
    let (entries, _) = kept(&MemoryLetters::default(), &event).await;
    assert_eq!(entries[0].letter.id.len(), 32);
    assert!(entries[0].letter.id.bytes().all(|byte| byte.is_ascii_hexdigit()));
}
