//! Ports to the outside that more than one crate needs. Implementations for AWS are in `runtime`, twins in memory in
//! `testkit`.

use async_trait::async_trait;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum PortError {
    #[error("`{0}` does not exist")]
    Missing(String),
    /// Trying again may help.
    #[error("{0}")]
    Transient(String),
    #[error("{0}")]
    Refused(String),
}

/// The data bucket. Keys are chosen by the caller; writing the same key again with the same content is fine.
#[async_trait]
pub trait Blobs: Send + Sync {
    async fn put(&self, key: &str, content_type: &str, body: Vec<u8>) -> Result<(), PortError>;
    async fn get(&self, key: &str) -> Result<Vec<u8>, PortError>;
    /// A URL that lets its holder read this one object for `valid_s` seconds and saves it under `file_name`.
    async fn sign(&self, key: &str, file_name: &str, valid_s: u32) -> Result<String, PortError>;
    /// At most the first `most_bytes` of an object that is not empty.
    async fn head(&self, key: &str, most_bytes: u32) -> Result<Vec<u8>, PortError>;
    /// A URL that lets its holder write this one object for `valid_s` seconds.
    async fn sign_put(&self, key: &str, valid_s: u32) -> Result<String, PortError>;
}

/// Credentials, by name. A value never leaves through an error or a log.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Writes a new version and returns its id.
    async fn put(&self, name: &str, value: &str) -> Result<String, PortError>;
    async fn get(&self, name: &str) -> Result<String, PortError>;
    /// Takes the secret away with all its versions; one that is not there is fine.
    async fn delete(&self, name: &str) -> Result<(), PortError>;
}

/// Why a schedule was not written down.
#[derive(Debug, Error)]
pub enum ScheduleError {
    /// The scheduler does not take it as it is: the caller's to mend.
    #[error("the scheduler does not take it: {0}")]
    Invalid(String),
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What starts a job's runs by itself: one entry per job, named by tenant and job.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// Creates the job's entry or changes it.
    ///
    /// # Errors
    /// [`ScheduleError::Invalid`] when the scheduler does not take the expression.
    async fn put(
        &self,
        tenant: &crate::TenantId,
        job: &crate::JobId,
        schedule: &crate::schedule::Schedule,
    ) -> Result<(), ScheduleError>;
    /// Takes the entry away; one that is not there is fine.
    async fn delete(&self, tenant: &crate::TenantId, job: &crate::JobId) -> Result<(), PortError>;
}

/// A key as the table knows it in which the authorizer looks it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    pub key_id: String,
    /// Hex SHA-256 of the key.
    pub key_hash: String,
    pub grant: crate::api_key::Grant,
    pub created_at: crate::Timestamp,
    pub revoked: bool,
}

/// The table of API keys. It holds no key, only hashes.
#[async_trait]
pub trait KeyTable: Send + Sync {
    async fn put(&self, entry: &KeyEntry) -> Result<(), PortError>;
    /// From now on the key opens nothing. Again is fine.
    async fn revoke(&self, key_hash: &str) -> Result<(), PortError>;
    async fn find(&self, key_id: &str) -> Result<Option<KeyEntry>, PortError>;
    /// A page in no order, and where the next one begins.
    async fn list(&self, limit: u32, after: Option<String>) -> Result<(Vec<KeyEntry>, Option<String>), PortError>;
}

/// What invocations consumed, by the run that they worked for.
#[async_trait]
pub trait ConsumptionLog: Send + Sync {
    /// Keeps what one invocation consumed. Kept again, it is replaced.
    async fn keep(
        &self,
        tenant: &crate::TenantId,
        run: &crate::ReconciliationId,
        consumption: &crate::consumption::Consumption,
    ) -> Result<(), PortError>;
    /// All that is kept of a run, in the order of function and invocation.
    async fn of_run(
        &self,
        tenant: &crate::TenantId,
        run: &crate::ReconciliationId,
    ) -> Result<Vec<crate::consumption::Consumption>, PortError>;
}

/// What the workflow engine remembers of its executions.
#[async_trait]
pub trait Executions: Send + Sync {
    /// How many states an execution has entered; none when the engine has forgotten it.
    async fn transitions(&self, execution_arn: &str) -> Result<Option<u64>, PortError>;
}

/// Bytes that nobody can foresee, for secrets. Ids come from [`crate::IdSource`].
pub trait Entropy: Send + Sync {
    /// # Errors
    /// When the system has none to give.
    fn bytes(&self) -> Result<[u8; 32], PortError>;
}

/// Where an uploaded file lies. The tenant is part of the key, so that nobody can name another's upload.
#[must_use]
pub fn upload_key(tenant: &crate::TenantId, upload: &crate::UploadId) -> String {
    format!("uploads/{tenant}/{upload}")
}

/// Name of a connection's secret below the deployment's prefix.
#[must_use]
pub fn connection_secret(tenant: &crate::TenantId, connection: &crate::ConnectionId) -> String {
    format!("{tenant}/{connection}")
}
