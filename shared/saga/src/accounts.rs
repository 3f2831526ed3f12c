//! The port to provider accounts, and its implementation over HTTP.

use async_trait::async_trait;
use domain::{Clock, TenantId, connection::Adapter};
use providers::{Calls, Endpoints, Provider, ProviderError};
use resilience::breaker::{Breakers, Guarded, Unguarded};
use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

/// The longest that one call to a provider may take, unless a deployment says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long all calls of one invocation may take: below its function's timeout of 55 s.
pub const WITHIN: Duration = Duration::from_secs(50);

/// Opens provider accounts.
#[async_trait]
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

    /// At the end of an invocation: the breakers of the accounts that it opened are told what they were not told yet.
    async fn finish(&self) {}
}

/// Accounts at the real providers, or at whatever stands at these endpoints.
pub struct HttpAccounts {
    endpoints: Endpoints,
    /// Made at the first call: its certificates take milliseconds to read, and the runtime waits for no one's start.
    http: OnceLock<reqwest::Client>,
    clock: Arc<dyn Clock>,
    /// None where nothing is shared with other invocations, as in tests.
    breakers: Option<Breakers>,
    call_timeout: Duration,
    /// How long after an account was opened its last answer is of use: the function's timeout, less what it needs to
    /// write down what it has.
    within: Duration,
    /// What stands before the accounts that were opened in this invocation.
    opened: Mutex<Vec<Arc<dyn Guarded>>>,
}

impl HttpAccounts {
    #[must_use]
    pub fn new(endpoints: Endpoints, clock: Arc<dyn Clock>) -> Self {
        Self {
            endpoints,
            http: OnceLock::new(),
            clock,
            breakers: None,
            call_timeout: CALL_TIMEOUT,
            within: WITHIN,
            opened: Mutex::default(),
        }
    }

    /// Behind the breakers that all invocations share.
    #[must_use]
    pub fn guarded(self, breakers: Breakers) -> Self {
        Self { breakers: Some(breakers), ..self }
    }

    /// How long one call and all calls of one invocation may take; the first is the shorter one.
    #[must_use]
    pub fn timed(self, call_timeout: Duration, within: Duration) -> Self {
        Self { call_timeout: call_timeout.min(within), within, ..self }
    }
}

impl fmt::Debug for HttpAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAccounts").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

#[async_trait]
impl Accounts for HttpAccounts {
    fn open(
        &self,
        adapter: Adapter,
        tenant: &TenantId,
        credentials: &Value,
    ) -> Result<Box<dyn Provider>, ProviderError> {
        let (http, clock) = (self.http.get_or_init(providers::http_client).clone(), Arc::clone(&self.clock));
        let guard: Arc<dyn Guarded> = match &self.breakers {
            Some(breakers) => Arc::new(breakers.guard(adapter.as_str(), tenant)),
            None => Arc::new(Unguarded),
        };
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&guard));
        let calls = Calls::new(guard, self.call_timeout, self.within);
        providers::connect(adapter.as_str(), tenant, credentials, &self.endpoints, http, clock, calls)
    }

    async fn finish(&self) {
        let opened = std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner));
        for guard in opened {
            guard.finish().await;
        }
    }
}
