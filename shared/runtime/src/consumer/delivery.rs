//! One receipt of a message: how often it was here, and whether it was a dead letter before.

use super::MessageError;
use aws_lambda_events::event::sqs::SqsMessage;
use domain::Timestamp;
use resilience::{Attributes, Postmark, dead_letter::Cause};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub message_id: String,
    /// Id that the message has or would have as a dead letter.
    pub dead_letter_id: String,
    /// Receipts of this message, from 1.
    pub receives: u32,
    /// Tries including this one, over all redrives.
    pub attempts: u32,
    pub first_seen: Timestamp,
    /// Whether it was sent back after it had been a dead letter.
    pub redriven: bool,
}

/// Receipts including this one.
pub(super) fn receives(message: &SqsMessage) -> u32 {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

pub(super) fn text_attributes(message: &SqsMessage) -> Attributes {
    let texts = message.message_attributes.iter();
    texts.filter_map(|(name, value)| Some((name.clone(), value.string_value.clone()?))).collect()
}

impl Delivery {
    pub(super) fn of(message: &SqsMessage, now: Timestamp) -> Self {
        let message_id = message.message_id.clone().unwrap_or_default();
        let receives = receives(message);
        let sent = message.attributes.get("SentTimestamp").and_then(|sent| sent.parse().ok());
        match Postmark::read(&text_attributes(message)) {
            Some(postmark) => Self {
                message_id,
                dead_letter_id: postmark.dead_letter_id,
                receives,
                attempts: postmark.attempts.saturating_add(receives),
                first_seen: postmark.first_seen,
                redriven: true,
            },
            None => Self {
                dead_letter_id: message_id.clone(),
                message_id,
                receives,
                attempts: receives,
                first_seen: sent.map_or(now, Timestamp::from_millis),
                redriven: false,
            },
        }
    }

    /// What the message carries into the dead-letter queue.
    pub(super) fn attributes(&self, error: &MessageError) -> Attributes {
        let postmark = Postmark {
            dead_letter_id: self.dead_letter_id.clone(),
            attempts: self.attempts,
            first_seen: self.first_seen,
        };
        let mut attributes = postmark.attributes();
        let cause = Cause { error_type: error.name.as_str().to_owned(), error_message: error.message.clone() };
        cause.add_to(&mut attributes);
        attributes
    }
}
