//! The store and the queue in memory, for tests of whoever uses them.

use crate::{
    delivery::Delivery,
    queue::{Message, Queue},
    store::{Deliveries, DeliveryKey, Page, Position, Stored},
};
use async_trait::async_trait;
use domain::{EndpointId, JobId, TenantId, ports::PortError};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

fn locked<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one insertion, so a panic elsewhere leaves nothing half done.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
pub struct MemoryDeliveries {
    rows: Mutex<BTreeMap<DeliveryKey, Stored>>,
    endpoints: Mutex<BTreeMap<(TenantId, EndpointId), JobId>>,
}

impl MemoryDeliveries {
    #[must_use]
    pub fn all(&self) -> Vec<Delivery> {
        locked(&self.rows).values().map(|stored| stored.delivery.clone()).collect()
    }
}

#[async_trait]
impl Deliveries for MemoryDeliveries {
    async fn register(&self, tenant: &TenantId, endpoint: &EndpointId, job: &JobId) -> Result<(), PortError> {
        locked(&self.endpoints).insert((tenant.clone(), endpoint.clone()), job.clone());
        Ok(())
    }

    async fn job_of(&self, tenant: &TenantId, endpoint: &EndpointId) -> Result<Option<JobId>, PortError> {
        Ok(locked(&self.endpoints).get(&(tenant.clone(), endpoint.clone())).cloned())
    }

    async fn create(&self, delivery: &Delivery) -> Result<bool, PortError> {
        let mut rows = locked(&self.rows);
        let key = DeliveryKey::of(delivery);
        if rows.contains_key(&key) {
            return Ok(false);
        }
        rows.insert(key, Stored { delivery: delivery.clone(), revision: 1 });
        Ok(true)
    }

    async fn get(&self, key: &DeliveryKey) -> Result<Option<Stored>, PortError> {
        Ok(locked(&self.rows).get(key).cloned())
    }

    async fn replace(&self, delivery: &Delivery, revision: u64) -> Result<bool, PortError> {
        let mut rows = locked(&self.rows);
        let Some(stored) = rows.get_mut(&DeliveryKey::of(delivery)).filter(|stored| stored.revision == revision) else {
            return Ok(false);
        };
        *stored = Stored { delivery: delivery.clone(), revision: revision + 1 };
        Ok(true)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        endpoint: &EndpointId,
        limit: u32,
        after: Option<Position>,
    ) -> Result<Page, PortError> {
        let order = |delivery: &Delivery| (delivery.created_at.to_string(), delivery.delivery_id);
        let after = after.map(|after| (after.created_at, after.delivery_id));
        let rows = locked(&self.rows);
        let own = rows.values().map(|stored| &stored.delivery);
        let mut own: Vec<Delivery> = own
            .filter(|delivery| delivery.tenant_id == *tenant && delivery.endpoint_id == *endpoint)
            .filter(|delivery| after.as_ref().is_none_or(|after| order(delivery) < *after))
            .cloned()
            .collect();
        own.sort_by_key(|delivery| std::cmp::Reverse(order(delivery)));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = own.len() > limit;
        own.truncate(limit);
        let next = own
            .last()
            .filter(|_| more)
            .map(|last| Position { created_at: last.created_at.to_string(), delivery_id: last.delivery_id });
        Ok(Page { deliveries: own, next })
    }
}

/// Messages that were sent, oldest first.
#[derive(Debug, Default)]
pub struct SentMessages(Mutex<Vec<Message>>);

impl SentMessages {
    #[must_use]
    pub fn sent(&self) -> Vec<Message> {
        locked(&self.0).clone()
    }
}

#[async_trait]
impl Queue for SentMessages {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        locked(&self.0).push(message.clone());
        Ok(())
    }
}
