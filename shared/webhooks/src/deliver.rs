//! One message of the queue: look at its delivery, try it if it is due, say what is to become of the message.

use crate::{
    delivery::{Attempt, Delivery, Due, Failed},
    queue::Message,
    retry::RetryWaits,
    secret::{EndpointSecret, endpoint_secret},
    sender::{Outcome, Request, Sender},
    signature::sign,
    store::{Deliveries, Stored},
};
use domain::{
    Clock, CorrelationId, ErrorName, IdSource, Metadata, Timestamp, ids,
    job::{Job, JobState},
    ports::{PortError, Secrets},
    webhook::{self, Disabled},
};
use event_store::{AppendError, EventStore, Loaded, NewCommit, StoreError, Transaction, load};
use std::sync::Arc;
use thiserror::Error;
use uuid::Uuid;

/// Writers that meet on one job while its endpoint is disabled.
const MAX_TRIES: u32 = 4;
/// Acts in events that an endpoint's answer led to.
const ACTOR: &str = "deliver-webhook";

/// What is to become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// Keep it hidden for so many milliseconds.
    Later {
        wait_ms: i64,
    },
}

#[derive(Debug, Error)]
#[error("{name}: {message}")]
pub struct DeliverError {
    /// Transient when the same message may be tried again.
    pub name: ErrorName,
    pub message: String,
}

impl From<PortError> for DeliverError {
    fn from(error: PortError) -> Self {
        let name = match error {
            PortError::Transient(_) => ErrorName::Transient,
            PortError::Missing(_) | PortError::Refused(_) => ErrorName::Internal,
        };
        Self { name, message: error.to_string() }
    }
}

impl From<StoreError> for DeliverError {
    fn from(error: StoreError) -> Self {
        let name = match error {
            StoreError::Busy(_) => ErrorName::Transient,
            StoreError::Corrupt { .. } => ErrorName::CorruptStream,
            StoreError::Refused(_) => ErrorName::Internal,
        };
        Self { name, message: error.to_string() }
    }
}

/// Delivers. Its ports are all that the function may do.
#[derive(Clone)]
pub struct Deliverer {
    pub store: Arc<dyn EventStore>,
    pub deliveries: Arc<dyn Deliveries>,
    pub secrets: Arc<dyn Secrets>,
    pub sender: Arc<dyn Sender>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub waits: RetryWaits,
}

impl std::fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliverer").field("waits", &self.waits).finish_non_exhaustive()
    }
}

impl Deliverer {
    /// # Errors
    /// Our own stores; what the endpoint does is never an error.
    pub async fn handle(&self, message: &Message) -> Result<Verdict, DeliverError> {
        let stored = self.deliveries.get(&message.key()).await?.ok_or_else(|| DeliverError {
            name: ErrorName::NotFound,
            message: format!("there is no delivery {}", message.delivery_id),
        })?;
        let span = tracing::Span::current();
        span.record("saga_id", stored.delivery.reconciliation_id.as_str());
        if let Some(id) = stored.delivery.payload.pointer("/data/correlation_id").and_then(serde_json::Value::as_str) {
            span.record("correlation_id", id);
        }
        match stored.delivery.due(message.round, self.clock.now()) {
            Due::Never => return Ok(Verdict::Done),
            Due::Later(wait_ms) => return Ok(Verdict::Later { wait_ms }),
            Due::Now => {}
        }
        match self.keys(&stored.delivery).await? {
            Err(why) => self.save(stored.delivery.clone().given_up(why), stored.revision).await,
            Ok(keys) => self.attempt(stored, &keys).await,
        }
    }

    /// What to sign with, or why the endpoint gets nothing any more.
    async fn keys(&self, delivery: &Delivery) -> Result<Result<Vec<Vec<u8>>, Failed>, DeliverError> {
        let job = self.job(delivery).await?;
        let endpoint = job
            .state
            .current()
            .and_then(|(_, job)| job.webhooks.iter().find(|endpoint| endpoint.endpoint_id == delivery.endpoint_id));
        match endpoint {
            None => return Ok(Err(Failed::EndpointRemoved)),
            Some(endpoint) if endpoint.disabled.is_some() => return Ok(Err(Failed::EndpointDisabled)),
            Some(_) => {}
        }
        match self.secrets.get(&endpoint_secret(&delivery.tenant_id, &delivery.endpoint_id)).await {
            Ok(text) => {
                let secret = EndpointSecret::read(&text).ok_or_else(|| DeliverError {
                    name: ErrorName::CredentialsMissing,
                    message: format!("the secret of endpoint {} cannot be read", delivery.endpoint_id),
                })?;
                Ok(Ok(secret.keys(self.clock.now())))
            }
            Err(PortError::Missing(_)) => Ok(Err(Failed::EndpointRemoved)),
            Err(error) => Err(error.into()),
        }
    }

    async fn attempt(&self, stored: Stored, keys: &[Vec<u8>]) -> Result<Verdict, DeliverError> {
        let began = self.clock.now();
        let Stored { delivery, revision } = stored;
        let delivery = delivery.begun(began);
        if !self.deliveries.replace(&delivery, revision).await? {
            // Another message of the same delivery was faster; it knows more when it is done.
            return Ok(Verdict::Later { wait_ms: crate::delivery::BUSY_MS });
        }
        let body = delivery.payload.to_string();
        let webhook_id = delivery.delivery_id.to_string();
        let timestamp_s = began.millis().div_euclid(1_000);
        let signature = sign(keys, &webhook_id, timestamp_s, body.as_bytes());
        let request = Request { url: delivery.url.clone(), webhook_id, timestamp_s, signature, body };
        let outcome = self.sender.send(&request, began).await;
        let now = self.clock.now();
        let (status, problem) = match &outcome {
            Outcome::Accepted { status } => (Some(*status), None),
            Outcome::Gone => (Some(410), Some("answered 410: the endpoint is gone and was disabled".to_owned())),
            Outcome::NotAccepted { status, problem, .. } => (*status, Some(problem.clone())),
        };
        tracing::info!(
            tenant_id = %delivery.tenant_id,
            endpoint_id = %delivery.endpoint_id,
            delivery_id = %delivery.delivery_id,
            reconciliation_id = %delivery.reconciliation_id,
            tries = delivery.tries + 1,
            status,
            problem,
            "webhook tried"
        );
        if outcome == Outcome::Gone {
            self.disable(&delivery, now).await?;
        }
        let duration_ms = u64::try_from(now.millis() - began.millis()).unwrap_or(0);
        let attempt = Attempt { at: began, duration_ms, status, problem };
        self.save(delivery.tried(&outcome, attempt, &self.waits, self.ids.next(), now), revision + 1).await
    }

    async fn save(&self, delivery: Delivery, revision: u64) -> Result<Verdict, DeliverError> {
        if !self.deliveries.replace(&delivery, revision).await? {
            return Err(DeliverError {
                name: ErrorName::Transient,
                message: format!("delivery {} was changed at the same time", delivery.delivery_id),
            });
        }
        Ok(match delivery.due(delivery.round, self.clock.now()) {
            Due::Never => Verdict::Done,
            Due::Now => Verdict::Later { wait_ms: 0 },
            Due::Later(wait_ms) => Verdict::Later { wait_ms },
        })
    }

    async fn job(&self, delivery: &Delivery) -> Result<Loaded<JobState>, DeliverError> {
        Ok(load::<Job>(self.store.as_ref(), &delivery.tenant_id, delivery.job_id.as_str()).await?)
    }

    /// Writes down that the endpoint wants nothing more. Once; not at all if it was removed meanwhile.
    async fn disable(&self, delivery: &Delivery, now: Timestamp) -> Result<(), DeliverError> {
        let disabled = Disabled { at: now, reason: "the endpoint answered 410 Gone".to_owned() };
        let internal = |message: String| DeliverError { name: ErrorName::Internal, message };
        let correlation_id =
            CorrelationId::parse(ids::typed("corr", self.ids.next())).map_err(|error| internal(error.to_string()))?;
        let metadata = Metadata {
            tenant_id: delivery.tenant_id.clone(),
            user_id: Some(ACTOR.to_owned()),
            timestamp: now,
            correlation_id,
            causation_id: None,
        };
        for _ in 0..MAX_TRIES {
            let job = self.job(delivery).await?;
            let events = webhook::disable(&job.state, &delivery.endpoint_id, &disabled);
            if events.is_empty() {
                return Ok(());
            }
            let (tenant, id) = (&delivery.tenant_id, delivery.job_id.as_str());
            let commit_id = Uuid::from_u128(self.ids.next());
            let append = NewCommit::of::<Job>(tenant, id, job.version, &events, commit_id)?;
            let transaction =
                Transaction { appends: vec![append], command: None, fence: None, metadata: metadata.clone() };
            match self.store.append(transaction).await {
                Ok(_) => return Ok(()),
                Err(AppendError::VersionConflict { .. }) => {}
                Err(AppendError::Store(error)) => return Err(error.into()),
                Err(error) => return Err(internal(error.to_string())),
            }
        }
        Err(DeliverError { name: ErrorName::Transient, message: "others keep changing the job".to_owned() })
    }
}
