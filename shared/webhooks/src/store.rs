//! Where deliveries and endpoints are kept: for people to look at, and for the deliverer to go by.

use crate::delivery::Delivery;
use async_trait::async_trait;
use domain::{EndpointId, JobId, TenantId, ports::PortError};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    pub tenant: TenantId,
    pub endpoint: EndpointId,
    pub delivery_id: Uuid,
}

impl DeliveryKey {
    #[must_use]
    pub fn of(delivery: &Delivery) -> Self {
        Self {
            tenant: delivery.tenant_id.clone(),
            endpoint: delivery.endpoint_id.clone(),
            delivery_id: delivery.delivery_id,
        }
    }
}

/// A delivery as it was read, with what a change must find unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub delivery: Delivery,
    pub revision: u64,
}

/// Where a list goes on: the last row that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub created_at: String,
    pub delivery_id: Uuid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    pub next: Option<Position>,
}

#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Notes whose endpoint it is, before the job's event names it; doing so again changes nothing.
    async fn register(&self, tenant: &TenantId, endpoint: &EndpointId, job: &JobId) -> Result<(), PortError>;

    /// The job of an endpoint, also after the job dropped it.
    async fn job_of(&self, tenant: &TenantId, endpoint: &EndpointId) -> Result<Option<JobId>, PortError>;

    /// Writes a new delivery; false when it was there, whatever has become of it since.
    async fn create(&self, delivery: &Delivery) -> Result<bool, PortError>;

    /// Consistently.
    async fn get(&self, key: &DeliveryKey) -> Result<Option<Stored>, PortError>;

    /// False when somebody changed it since it was read at `revision`.
    async fn replace(&self, delivery: &Delivery, revision: u64) -> Result<bool, PortError>;

    async fn list(
        &self,
        tenant: &TenantId,
        endpoint: &EndpointId,
        limit: u32,
        after: Option<Position>,
    ) -> Result<Page, PortError>;
}
