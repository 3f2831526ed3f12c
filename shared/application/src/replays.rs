//! Command ReplayDelivery: send a webhook once more, whatever became of it.

use crate::{
    command::{Caller, Command, Idempotency, Ports},
    error::CommandError,
};
use domain::{Clock, CorrelationId, Decline, EndpointId, IdSource, Metadata, ids};
use event_store::{AppendError, EventStore, Transaction};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;
use webhooks::{Deliveries, Delivery, DeliveryKey, Message, Queue, Stored};

/// Others that change the delivery at the same time.
const MAX_TRIES: u32 = 4;
const NAME: &str = "ReplayDelivery";

#[derive(Clone)]
pub struct ReplayService {
    ports: Ports,
    deliveries: Arc<dyn Deliveries>,
    queue: Arc<dyn Queue>,
}

impl std::fmt::Debug for ReplayService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReplayService")
    }
}

/// A delivery in its new round.
#[derive(Debug, Clone)]
pub struct Replayed {
    pub delivery: Delivery,
    /// An earlier command of the same Idempotency-Key began this round.
    pub repeated: bool,
}

/// What the first command of a key saw: its repetitions begin the round after this one, once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Seen {
    round: u32,
}

impl ReplayService {
    #[must_use]
    pub fn new(
        store: Arc<dyn EventStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        deliveries: Arc<dyn Deliveries>,
        queue: Arc<dyn Queue>,
    ) -> Self {
        Self { ports: Ports { store, clock, ids }, deliveries, queue }
    }

    /// Begins a new round of tries under the same `webhook-id`.
    ///
    /// # Errors
    /// An unknown delivery (404); a try is under way (409); a key used with another request (422).
    pub async fn replay(
        &self,
        caller: &Caller,
        endpoint: &EndpointId,
        delivery_id: Uuid,
        idempotency: Option<&Idempotency>,
    ) -> Result<Replayed, CommandError> {
        let key = DeliveryKey { tenant: caller.tenant.clone(), endpoint: endpoint.clone(), delivery_id };
        let (seen, repeated) = self.seen(caller, &key, idempotency).await?;
        for _ in 0..MAX_TRIES {
            let Stored { delivery, revision } = self.get(&key).await?;
            // A repetition, of which only the message may be missing.
            if delivery.round > seen.round {
                self.queue.send(&Message::of(&delivery)).await?;
                return Ok(Replayed { delivery, repeated });
            }
            let under_way = || Decline::conflict("a try is under way; look at the delivery again in a minute");
            let delivery = delivery.replayed(self.ports.clock.now()).ok_or_else(under_way)?;
            if self.deliveries.replace(&delivery, revision).await? {
                self.queue.send(&Message::of(&delivery)).await?;
                return Ok(Replayed { delivery, repeated });
            }
        }
        Err(Decline::conflict("others keep changing this delivery; repeat the command").into())
    }

    /// The round that this command, or the first one of its key, came upon.
    async fn seen(
        &self,
        caller: &Caller,
        key: &DeliveryKey,
        idempotency: Option<&Idempotency>,
    ) -> Result<(Seen, bool), CommandError> {
        let now = self.ports.clock.now();
        let correlation_id = CorrelationId::parse(ids::typed("corr", self.ports.ids.next()))
            .map_err(|_| CommandError::Internal("generated id".into()))?;
        let command = Command {
            name: NAME,
            caller,
            aggregate_id: "",
            correlation_id: &correlation_id,
            idempotency,
            expected: None,
            fresh: false,
        };
        if let Some(seen) = self.ports.replay(&command, now).await? {
            return Ok((seen, true));
        }
        let seen = Seen { round: self.get(key).await?.delivery.round };
        let Some(row) = self.ports.row(&command, &seen, now)? else { return Ok((seen, false)) };
        let metadata = Metadata {
            tenant_id: caller.tenant.clone(),
            user_id: Some(caller.key_id.clone()),
            timestamp: now,
            correlation_id: correlation_id.clone(),
            causation_id: None,
        };
        let transaction = Transaction { appends: Vec::new(), command: Some(row), fence: None, metadata };
        match self.ports.store.append(transaction).await {
            Ok(_) => Ok((seen, false)),
            Err(AppendError::Repeated(_)) => {
                let first = self.ports.replay(&command, now).await?;
                Ok((first.ok_or_else(|| CommandError::Transient("a command row came and went".into()))?, true))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn get(&self, key: &DeliveryKey) -> Result<Stored, CommandError> {
        let stored = self.deliveries.get(key).await?;
        Ok(stored.ok_or_else(|| Decline::not_found("this endpoint has no such delivery"))?)
    }
}
