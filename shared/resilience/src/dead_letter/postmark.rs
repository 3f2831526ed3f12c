//! What a message carries on its way into the dead-letter queue and back: who it was first, how often it was tried, and
//! why it was given up. A redrive policy carries none of it, so consumers write it themselves.

use crate::queue::Attributes;
use domain::Timestamp;

const ID: &str = "dead_letter_id";
const ATTEMPTS: &str = "attempts";
const FIRST_SEEN: &str = "first_seen";
const ERROR_TYPE: &str = "error_type";
const ERROR_MESSAGE: &str = "error_message";

/// Characters of an error's message that travel with a dead letter: it shares the queue's limit with the body.
pub const MAX_ERROR_MESSAGE: usize = 1_000;

/// Follows a message over redrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postmark {
    /// Id of the first message.
    pub dead_letter_id: String,
    /// Tries before this message was sent.
    pub attempts: u32,
    pub first_seen: Timestamp,
}

/// Why a message was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub error_type: String,
    pub error_message: String,
}

impl Postmark {
    /// None on a message that was never a dead letter, or whose attributes were altered.
    #[must_use]
    pub fn read(attributes: &Attributes) -> Option<Self> {
        Some(Self {
            dead_letter_id: attributes.get(ID)?.clone(),
            attempts: attributes.get(ATTEMPTS)?.parse().ok()?,
            first_seen: Timestamp::parse(attributes.get(FIRST_SEEN)?).ok()?,
        })
    }

    /// On a message that is sent back.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        let pairs = [
            (ID, self.dead_letter_id.clone()),
            (ATTEMPTS, self.attempts.to_string()),
            (FIRST_SEEN, self.first_seen.to_string()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

impl Cause {
    /// None where nobody said why: the consumer crashed.
    #[must_use]
    pub fn read(attributes: &Attributes) -> Option<Self> {
        Some(Self {
            error_type: attributes.get(ERROR_TYPE)?.clone(),
            error_message: attributes.get(ERROR_MESSAGE)?.clone(),
        })
    }

    /// Puts the reason beside a postmark's attributes.
    pub fn add_to(&self, attributes: &mut Attributes) {
        attributes.insert(ERROR_TYPE.to_owned(), self.error_type.clone());
        attributes.insert(ERROR_MESSAGE.to_owned(), writable(&self.error_message));
    }
}

/// A queue refuses empty values and most control characters.
fn writable(text: &str) -> String {
    let kept: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).take(MAX_ERROR_MESSAGE).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let postmark = Postmark {
            dead_letter_id: "m1".into(),
            attempts: 7,
            first_seen: Timestamp::from_millis(1_772_366_400_123),
        };
        let cause = Cause { error_type: "Settler.Internal".into(), error_message: "no".into() };
        let mut attributes = postmark.attributes();
        assert_eq!(Cause::read(&attributes), None);
        cause.add_to(&mut attributes);
        assert_eq!(Postmark::read(&attributes), Some(postmark));
        assert_eq!(Cause::read(&attributes), Some(cause));
        attributes.insert(ATTEMPTS.to_owned(), "many".to_owned());
        assert_eq!(Postmark::read(&attributes), None);
    }

    #[test]
    fn a_message_that_a_queue_would_refuse_is_cut_to_what_it_takes() {
        let written = |message: &str| {
            let mut attributes = Attributes::new();
            Cause { error_type: "t".into(), error_message: message.into() }.add_to(&mut attributes);
            attributes.remove(ERROR_MESSAGE).unwrap()
        };
        assert_eq!(written(""), "-");
        assert_eq!(written("a\u{0}b\u{7}\nc"), "ab\nc");
        assert_eq!(written(&"ä".repeat(2_000)).chars().count(), MAX_ERROR_MESSAGE);
    }
}
