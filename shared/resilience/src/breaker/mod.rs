//! Circuit breakers around external APIs, shared by all functions through one table.
//!
//! One circuit per tenant and provider, because providers throttle per shop and account, and one per provider for when
//! it is down for everyone. [`decide`] is the whole of the rules and touches nothing; a [`Guard`] carries them out for
//! one invocation.
//!
//! **Invariants:** a circuit changes only under its epoch, so of many that see the same state one changes it; at most
//! one prober holds the lease; a store that does not answer never stops a call.

mod circuit;
pub mod decide;
mod dynamo;
mod guard;
mod key;
mod memory;
mod operate;
mod policy;
mod store;
mod window;

pub use circuit::{Circuit, Lease, Mode, Phase, Reason, Transition};
pub use dynamo::DynamoCircuits;
pub use guard::{Breakers, Guard, Guarded, Outcome, Refused, Unguarded};
pub use key::CircuitKey;
pub use memory::{MemoryCircuits, Silent};
pub use operate::{Force, ForceError};
pub use policy::{InvalidPolicy, Policy};
pub use store::{Announce, Announcement, CircuitStore};
pub use window::{Bucket, Counts, Window};
