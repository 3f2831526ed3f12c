//! A working queue that remembers what was done about its messages.

use async_trait::async_trait;
use domain::ports::PortError;
use resilience::{Attributes, WorkQueue};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Body and attributes of what was sent to the dead-letter queue.
    pub buried: Vec<(String, Attributes)>,
    /// Receipts and for how many seconds they were made invisible.
    pub delayed: Vec<(String, u32)>,
    /// Receipts of messages that were taken out before the batch ended.
    pub deleted: Vec<String>,
}

#[derive(Debug, Default)]
pub struct MemoryQueue {
    done: Mutex<Done>,
    down: bool,
}

impl MemoryQueue {
    /// One that never answers.
    #[must_use]
    pub fn that_is_down() -> Self {
        Self { down: true, ..Self::default() }
    }

    #[must_use]
    pub fn done(&self) -> Done {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self) -> Result<(), PortError> {
        if self.down { Err(PortError::Transient("the queue does not answer".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl WorkQueue for MemoryQueue {
    async fn bury(&self, body: &str, attributes: &Attributes) -> Result<(), PortError> {
        self.answer()?;
        self.locked().buried.push((body.to_owned(), attributes.clone()));
        Ok(())
    }

    async fn delay(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        self.answer()?;
        self.locked().delayed.push((receipt_handle.to_owned(), seconds));
        Ok(())
    }

    async fn delete(&self, receipt_handle: &str) -> Result<(), PortError> {
        self.answer()?;
        self.locked().deleted.push(receipt_handle.to_owned());
        Ok(())
    }
}
