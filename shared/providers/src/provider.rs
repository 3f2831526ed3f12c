//! The port: what every adapter offers, and the errors a caller has to tell apart.

use crate::{
    calls::Calls,
    credentials::{Credentials, FieldError},
    shopify::Shopify,
    stripe::Stripe,
};
use async_trait::async_trait;
use domain::{
    Clock, ErrorName, TenantId,
    record::{Order, Record, Side},
    time::Window,
};
use serde_json::Value;
use std::sync::Arc;
use thiserror::Error;

/// Where the providers are: deployment parameters, never a tenant's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// May contain `{shop}`, which is replaced by the connection's shop name.
    pub shopify_base_url: String,
    pub stripe_base_url: String,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            shopify_base_url: "https://{shop}.myshopify.com".to_owned(),
            stripe_base_url: "https://api.stripe.com".to_owned(),
        }
    }
}

/// One step through a window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// `raw.index` of a record points into [`Page::raw`]; `raw.page` is left empty for the caller, who alone knows
    /// where the page is going to lie.
    pub records: Vec<Record>,
    pub orders: Vec<Order>,
    /// The provider's objects as they came, in the order in which they were read.
    pub raw: Vec<Value>,
    /// Where to go on, in this process or another one; under 4 KB. `None` when the window is read.
    pub next: Option<Value>,
}

/// Why a page could not be read. Messages are fit for people outside: no secrets, no personal data, no bodies.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// No answer, or 5xx, longer than the retries last.
    #[error("{message}")]
    Transient { message: String },
    /// The provider asks for a longer break than a call may wait.
    #[error("{message}")]
    Throttled { retry_after_s: u64, message: String },
    /// The circuit breaker holds calls back.
    #[error("{message}")]
    CircuitOpen { retry_after_s: u64, message: String },
    /// The credentials do not open what is asked for.
    #[error("{message}")]
    AccessDenied { message: String },
    /// The provider refuses the request itself.
    #[error("{message}")]
    Rejected { message: String },
    /// An answer that cannot be read; names the object and the field.
    #[error("{message}")]
    Malformed { message: String },
    /// The stored credentials have not the shape that the adapter needs.
    #[error("{message}")]
    Credentials { message: String },
}

impl ProviderError {
    #[must_use]
    pub fn failure_name(&self) -> ErrorName {
        match self {
            Self::Transient { .. } => ErrorName::ProviderUnavailable,
            Self::Throttled { .. } => ErrorName::ProviderThrottled,
            Self::CircuitOpen { .. } => ErrorName::CircuitOpen,
            Self::AccessDenied { .. } => ErrorName::ProviderAccessDenied,
            Self::Rejected { .. } => ErrorName::ProviderRejected,
            Self::Malformed { .. } => ErrorName::ProviderMalformed,
            Self::Credentials { .. } => ErrorName::CredentialsMissing,
        }
    }
}

/// A provider account, ready to be read.
#[async_trait]
pub trait Provider: Send + Sync {
    fn adapter(&self) -> &'static str;

    fn side(&self) -> Side;

    /// The next page of what moved in `window`, which is padded already. `cursor` is the last page's `next`, `None`
    /// at the beginning; a run passes the same window every time.
    ///
    /// # Errors
    /// [`ProviderError`]; the cursor stays good, so the same call may be made again.
    async fn fetch(&self, window: Window, cursor: Option<Value>) -> Result<Page, ProviderError>;
}

/// Checks the credentials and binds an adapter to them; sends nothing yet.
///
/// # Errors
/// [`ProviderError::Credentials`] with the names (never the values) of the fields that are wrong.
pub fn connect(
    adapter: &str,
    tenant: &TenantId,
    credentials: &Value,
    endpoints: &Endpoints,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    calls: Calls,
) -> Result<Box<dyn Provider>, ProviderError> {
    match Credentials::read(adapter, credentials).map_err(|errors| credentials_error(&errors))? {
        Credentials::Shopify { shop, access_token } => {
            let base = endpoints.shopify_base_url.replace("{shop}", &shop);
            Ok(Box::new(Shopify::new(tenant.clone(), &base, access_token, http, clock, calls)))
        }
        Credentials::Stripe { api_key } => {
            Ok(Box::new(Stripe::new(tenant.clone(), &endpoints.stripe_base_url, api_key, http, clock, calls)))
        }
    }
}

pub(crate) fn credentials_error(errors: &[FieldError]) -> ProviderError {
    let listed: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.pointer, error.detail)).collect();
    ProviderError::Credentials {
        message: format!("the connection's credentials are not usable: {}", listed.join("; ")),
    }
}
