//! Telling customers' endpoints how runs ended, by the Standard Webhooks specification
//! (<https://www.standardwebhooks.com>): one delivery per endpoint and event, signed, retried for three days, logged.
//!
//! **Invariants:** a delivery's id is the same across all of its tries and follows from what it tells, so that telling
//! it again is the same delivery ([`delivery`]); a secret is in the secret store only ([`secret`]); every try resolves
//! the name anew and connects to an address that was checked, never to one that was not ([`address`], [`sender`]).

pub mod address;
pub mod deliver;
pub mod delivery;
mod dynamo;
mod memory;
pub mod queue;
pub mod retry;
pub mod secret;
pub mod sender;
pub mod signature;
pub mod store;

pub use address::AllowedOrigins;
pub use deliver::{Deliverer, Verdict};
pub use delivery::{Attempt, Delivery, DeliveryState, Failed};
pub use dynamo::DynamoDeliveries;
pub use memory::{MemoryDeliveries, SentMessages};
pub use queue::{Message, Outbox, Queue, QueuedOutbox};
pub use retry::RetryWaits;
pub use secret::{EndpointSecret, endpoint_secret};
pub use sender::{HttpSender, Outcome, Sender};
pub use store::{Deliveries, DeliveryKey, Page, Stored};
