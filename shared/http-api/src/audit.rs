//! The trail of operators: each call with a platform key that names a tenant is an event in that tenant's stream of
//! the day. One small commit per call.

use crate::problem::Problem;
pub use domain::audit::AUDIT;
use domain::{Clock, CorrelationId, Event, IdSource, Metadata, TenantId, aggregate::data_of, audit::AuditEvent, ids};
use event_store::{Append, AppendError, EventStore, NewEvent, StreamKey, Transaction};
use std::sync::Arc;
use uuid::Uuid;

/// Operators that meet on one tenant and day.
const MAX_TRIES: u32 = 8;

#[derive(Clone)]
pub struct Audit {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Audit")
    }
}

impl Audit {
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { store, clock, ids }
    }

    /// Appends AdminAccessed{route, key_id}.
    ///
    /// # Errors
    /// The trail cannot be written: then the call must not go on.
    pub async fn accessed(&self, tenant: &TenantId, route: &str, key_id: &str) -> Result<(), Problem> {
        let now = self.clock.now();
        let stream = StreamKey::new(tenant, AUDIT, now.day());
        let correlation_id = CorrelationId::parse(ids::typed("corr", self.ids.next()))
            .map_err(|error| Problem::internal(error.to_string()))?;
        let metadata = Metadata {
            tenant_id: tenant.clone(),
            user_id: Some(key_id.to_owned()),
            timestamp: now,
            correlation_id,
            causation_id: None,
        };
        let accessed = AuditEvent::AdminAccessed { route: route.to_owned(), key_id: key_id.to_owned() };
        let event = NewEvent {
            event_type: accessed.event_type().to_owned(),
            event_version: accessed.event_version(),
            data: data_of(&accessed).map_err(|error| Problem::internal(error.to_string()))?,
        };
        let commit_id = Uuid::from_u128(self.ids.next());
        let mut lost_at = None;
        for _ in 0..MAX_TRIES {
            let expected = self.store.head(&stream).await?.map_or(0, |head| head.version);
            let append =
                Append { stream: stream.clone(), expected, events: vec![event.clone()], commit_id, set_fence: None };
            let transaction =
                Transaction { appends: vec![append], command: None, fence: None, metadata: metadata.clone() };
            match self.store.append(transaction).await {
                Ok(_) => return Ok(()),
                // The head stands where it stood: it is behind its commits, as after a restore. Without this, those who
                // come to rebuild heads could not even leave their trace.
                Err(AppendError::VersionConflict { .. }) if lost_at == Some(expected) => {
                    self.store.rebuild_head(&stream).await?;
                }
                Err(AppendError::VersionConflict { .. }) => lost_at = Some(expected),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Problem::busy("the audit stream kept moving"))
    }
}
