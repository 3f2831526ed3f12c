//! Commands on connections. Credentials go to the secret store and never come back out.

use crate::{
    command::{Caller, Command, Outcome, Ports},
    error::{CommandError, FieldError},
};
use domain::{
    Clock, ConnectionId, CorrelationId, IdSource,
    connection::{self, Adapter, Configured, Connection},
    ids,
    ports::{Blobs, PortError, Secrets, connection_secret, upload_key},
};
use event_store::{EventStore, Loaded};
use providers::csv::Upload;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Enough of a file to see its header and how it writes amounts and dates.
const HEAD_BYTES: u32 = 256 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionAnswer {
    pub connection_id: ConnectionId,
    pub adapter: Adapter,
    pub version: u64,
    /// The connection did not exist before.
    #[serde(skip)]
    pub created: bool,
}

#[derive(Clone)]
pub struct ConnectionService {
    ports: Ports,
    secrets: Arc<dyn Secrets>,
    /// Where uploaded files lie; without it csv connections cannot be made.
    uploads: Option<Arc<dyn Blobs>>,
}

impl std::fmt::Debug for ConnectionService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectionService")
    }
}

fn fields(errors: Vec<providers::FieldError>) -> CommandError {
    let under = |error: providers::FieldError| FieldError {
        pointer: format!("/credentials{}", error.pointer),
        code: error.code,
        detail: error.detail,
    };
    CommandError::Fields(errors.into_iter().map(under).collect())
}

impl ConnectionService {
    #[must_use]
    pub fn new(
        store: Arc<dyn EventStore>,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { ports: Ports { store, clock, ids }, secrets, uploads: None }
    }

    #[must_use]
    pub fn with_uploads(self, uploads: Arc<dyn Blobs>) -> Self {
        Self { uploads: Some(uploads), ..self }
    }

    /// Creates the connection or gives it new credentials. The secret is written first: an event never points at a
    /// secret that is not there.
    ///
    /// # Errors
    /// Credentials of the wrong shape, every wrong field at once.
    pub async fn put(
        &self,
        caller: &Caller,
        id: ConnectionId,
        adapter: Adapter,
        credentials: Value,
    ) -> Result<ConnectionAnswer, CommandError> {
        providers::validate_credentials(adapter.as_str(), &credentials).map_err(fields)?;
        if adapter == Adapter::Csv {
            self.check_upload(caller, &credentials).await?;
        }
        let secret_version =
            self.secrets.put(&connection_secret(&caller.tenant, &id), &credentials.to_string()).await?;
        let wanted = Configured { adapter, secret_version };
        let correlation_id = CorrelationId::parse(ids::typed("corr", self.ports.ids.next()))
            .map_err(|_| CommandError::Internal("generated id".into()))?;
        let command = Command {
            name: "PutConnection",
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency: None,
            expected: None,
            fresh: false,
        };
        let answer = |loaded: &Loaded<Option<Configured>>| ConnectionAnswer {
            connection_id: id.clone(),
            adapter,
            version: loaded.version,
            created: loaded.version == 1,
        };
        match self
            .ports
            .carry_out::<Connection, ConnectionAnswer>(
                command,
                |state| Ok(connection::configure(state, &wanted)),
                answer,
            )
            .await?
        {
            Outcome::Done { loaded, .. } => Ok(answer(&loaded)),
            Outcome::Replayed(first) => Ok(first),
        }
    }

    /// Holds the mapping against the file itself, so that a wrong column is found now and not in the run.
    async fn check_upload(&self, caller: &Caller, credentials: &Value) -> Result<(), CommandError> {
        let upload = Upload::read(credentials).map_err(fields)?;
        let key = upload_key(&caller.tenant, &upload.id);
        let uploads = self.uploads.as_ref().ok_or_else(|| CommandError::Internal("no bucket for uploads".into()))?;
        let head = match uploads.head(&key, HEAD_BYTES).await {
            Ok(head) => head,
            // Without the right to list, the store calls what is not there refused.
            Err(PortError::Missing(_) | PortError::Refused(_)) => {
                let detail = "nothing was put there yet; PUT the file to the address that POST /v1/uploads gave";
                return Err(CommandError::Fields(vec![FieldError {
                    pointer: "/credentials/upload_id".to_owned(),
                    code: "not_found",
                    detail: detail.to_owned(),
                }]));
            }
            Err(error) => return Err(error.into()),
        };
        upload.check(&head).map_err(fields)
    }
}
