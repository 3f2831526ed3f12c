//! A working queue as its consumer sees it: what a consumer does about a message beside handling it.

use async_trait::async_trait;
use domain::ports::PortError;
use std::collections::BTreeMap;

/// What a message carries beside its body, as text.
pub type Attributes = BTreeMap<String, String>;

/// Longest invisibility that a queue allows, counted from the receipt.
pub const MAX_DELAY_S: u32 = 43_200;

#[async_trait]
pub trait WorkQueue: Send + Sync {
    /// Sends a message to the dead-letter queue of this queue. The message itself is still to be deleted.
    async fn bury(&self, body: &str, attributes: &Attributes) -> Result<(), PortError>;

    /// Keeps a received message invisible for `seconds` from now, at most [`MAX_DELAY_S`] after its receipt.
    async fn delay(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError>;

    /// Takes a handled message out.
    async fn delete(&self, receipt_handle: &str) -> Result<(), PortError>;
}
