//! From a row to the deliverer: a thin message that names the delivery. What is sent is in the row alone.

use crate::{
    delivery::Delivery,
    store::{Deliveries, DeliveryKey},
};
use async_trait::async_trait;
use domain::{EndpointId, TenantId, ports::PortError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub tenant_id: TenantId,
    pub endpoint_id: EndpointId,
    pub delivery_id: Uuid,
    /// The delivery's round; a message of an earlier one does nothing.
    pub round: u32,
}

impl Message {
    #[must_use]
    pub fn of(delivery: &Delivery) -> Self {
        Self {
            tenant_id: delivery.tenant_id.clone(),
            endpoint_id: delivery.endpoint_id.clone(),
            delivery_id: delivery.delivery_id,
            round: delivery.round,
        }
    }

    #[must_use]
    pub fn key(&self) -> DeliveryKey {
        DeliveryKey {
            tenant: self.tenant_id.clone(),
            endpoint: self.endpoint_id.clone(),
            delivery_id: self.delivery_id,
        }
    }
}

/// The queue of the deliverer.
#[async_trait]
pub trait Queue: Send + Sync {
    async fn send(&self, message: &Message) -> Result<(), PortError>;
}

/// Where deliveries are handed in.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Writes the delivery down and queues it; doing so again changes nothing for the receiver.
    async fn enqueue(&self, delivery: &Delivery) -> Result<(), PortError>;
}

/// The row first, then the message: a message never names a delivery that is not there.
#[derive(Clone)]
pub struct QueuedOutbox {
    pub deliveries: Arc<dyn Deliveries>,
    pub queue: Arc<dyn Queue>,
}

impl std::fmt::Debug for QueuedOutbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QueuedOutbox")
    }
}

#[async_trait]
impl Outbox for QueuedOutbox {
    async fn enqueue(&self, delivery: &Delivery) -> Result<(), PortError> {
        // One that was there may have been written by a try that ended before its message was sent.
        self.deliveries.create(delivery).await?;
        self.queue.send(&Message::of(delivery)).await
    }
}
