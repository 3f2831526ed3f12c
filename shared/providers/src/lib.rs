//! Reads money movements from the systems that know them: Shopify (orders, the source side) and Stripe (payments, the
//! target side), behind one trait.
//!
//! An adapter pages through a window with a cursor that fits into a state machine's input, normalises what it reads
//! into [`domain::record::Record`], and keeps the provider's own objects beside it. Retries on the provider's terms
//! happen in here; what is still failing afterwards comes out as a [`ProviderError`] that says what to do.
//!
//! **Invariants:** no credential, e-mail address or response body ever reaches an error message or a log line; an object
//! that cannot be read stops the page with its id and field named, it is never skipped; amounts are read from digits or
//! integers, never from a float.

mod calls;
mod credentials;
pub mod csv;
mod http;
mod paging;
mod provider;
mod read;
mod recent;
mod refs;
mod shopify;
mod stripe;
#[cfg(test)]
mod testing;

pub use calls::Calls;
pub use credentials::{FieldError, validate_credentials};
pub use http::http_client;
pub use provider::{Endpoints, Page, Provider, ProviderError, connect};
