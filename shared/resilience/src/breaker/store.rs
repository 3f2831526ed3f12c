//! Where circuits are kept, and who is told of their changes.

use super::{
    circuit::{Circuit, Transition},
    key::CircuitKey,
    window::Counts,
};
use async_trait::async_trait;
use domain::{TenantId, ports::PortError};

#[async_trait]
pub trait CircuitStore: Send + Sync {
    /// As they are now, in the order of the keys; one that nobody has used is new.
    async fn read(&self, keys: &[CircuitKey]) -> Result<Vec<Circuit>, PortError>;

    /// Adds to the bucket of a slot, in one write, and returns the circuit with it.
    async fn add(&self, key: &CircuitKey, slot: i64, counts: Counts) -> Result<Circuit, PortError>;

    /// Writes what was decided, if the circuit is still at the epoch before; false when it is not. The window stays
    /// what it has become meanwhile, unless the circuit closes.
    async fn write(&self, next: &Circuit) -> Result<bool, PortError>;

    /// Notes at the provider's own circuit whether a tenant's is in trouble, and returns it.
    async fn trouble(&self, provider: &CircuitKey, tenant: &TenantId, open: bool) -> Result<Circuit, PortError>;

    /// Notes that the bus knows transitions up to `epoch`.
    async fn announced(&self, key: &CircuitKey, epoch: u64) -> Result<(), PortError>;

    /// Every circuit there is, at most `limit`, after `after`; and where to go on.
    async fn list(&self, limit: u32, after: Option<String>) -> Result<(Vec<Circuit>, Option<String>), PortError>;
}

/// One transition, as the bus is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub key: CircuitKey,
    pub transition: Transition,
}

impl Announcement {
    /// Type of the event on the bus.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self.transition.to.as_str() {
            "open" => "CircuitOpened",
            "half_open" => "CircuitHalfOpened",
            _ => "CircuitClosed",
        }
    }
}

#[async_trait]
pub trait Announce: Send + Sync {
    /// Tells the bus. May happen twice for one transition; `epoch` tells them apart.
    async fn announce(&self, announcements: &[Announcement]) -> Result<(), PortError>;
}
