//! The port to provider accounts, and its implementation over HTTP.

use domain::{Clock, TenantId, connection::Adapter};
use providers::{Endpoints, Provider, ProviderError};
use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// Opens provider accounts.
pub trait Accounts: Send + Sync {
    /// Binds an adapter to the credentials; sends nothing yet.
    ///
    /// # Errors
    /// [`ProviderError::Credentials`] when they have not the shape that the adapter needs.
    fn open(
        &self,
        adapter: Adapter,
        tenant: &TenantId,
        credentials: &Value,
    ) -> Result<Box<dyn Provider>, ProviderError>;
}

/// Accounts at the real providers, or at whatever stands at these endpoints.
#[derive(Clone)]
pub struct HttpAccounts {
    endpoints: Endpoints,
    /// Made at the first call: its certificates take milliseconds to read, and the runtime waits for no one's start.
    http: OnceLock<reqwest::Client>,
    clock: Arc<dyn Clock>,
}

impl HttpAccounts {
    #[must_use]
    pub fn new(endpoints: Endpoints, clock: Arc<dyn Clock>) -> Self {
        Self { endpoints, http: OnceLock::new(), clock }
    }
}

impl fmt::Debug for HttpAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAccounts").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl Accounts for HttpAccounts {
    fn open(
        &self,
        adapter: Adapter,
        tenant: &TenantId,
        credentials: &Value,
    ) -> Result<Box<dyn Provider>, ProviderError> {
        let (http, clock) = (self.http.get_or_init(providers::http_client).clone(), Arc::clone(&self.clock));
        providers::connect(adapter.as_str(), tenant, credentials, &self.endpoints, http, clock)
    }
}
