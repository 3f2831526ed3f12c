//! A message that nobody could handle, and where it is kept until a person has decided.

mod dynamo;
mod entry;
mod memory;
mod postmark;
mod redrive;
mod store;

pub use dynamo::DynamoLetters;
pub use entry::{Entry, LetterError, LetterFilter, LetterState};
pub use memory::MemoryLetters;
pub use postmark::{Cause, MAX_ERROR_MESSAGE, Postmark};
pub use redrive::{Batch, Redrive, Report, Resend, Unsent};
pub use store::{LetterStore, Page, existing, resolve};

use async_trait::async_trait;
use domain::{TenantId, Timestamp, ports::PortError};
use sha2::{Digest, Sha256};

/// One dead letter as it is written. Written again under its id, it is the same letter that has come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Id of the first message, kept over redrives: `[A-Za-z0-9_-]{1,64}`.
    pub id: String,
    /// Which failing this is. Writing the same one twice changes nothing; another one brings the letter back.
    pub occurrence: String,
    /// Where it came from, such as `saga-control`, and where a redrive sends it.
    pub source: String,
    /// None when the payload does not say.
    pub tenant_id: Option<TenantId>,
    pub correlation_id: Option<String>,
    /// The reconciliation whose saga it belongs to.
    pub saga_id: Option<String>,
    pub event_id: Option<String>,
    /// A name of the error registry, or the code of the AWS service that could not deliver.
    pub error_type: String,
    /// For people; no secrets.
    pub error_message: String,
    /// What a redrive sends: the message's body.
    pub payload: String,
    /// Tries so far, over all redrives.
    pub retry_count: u32,
    /// Tries before a message becomes a dead letter, once.
    pub max_retries: u32,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// Takes dead letters. Whoever gives up on something writes it here; messages of queues come by themselves.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Keeps a letter. One that is there already under its id comes back as new, with the counts given here.
    async fn write(&self, letter: &DeadLetter) -> Result<(), PortError>;
}

/// The id of something that gave up without a message: the same source and key give the same letter.
#[must_use]
pub fn letter_id(source: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{source}#{key}"));
    base16ct::lower::encode_string(&digest[..16])
}
