//! What tests of other crates stand on: a clock and ids that can be foreseen, a bucket and a secret store in memory, the
//! sample events, and an event store that fails on cue.

mod faults;
mod ports;
mod samples;
mod stores;

pub use faults::{Fault, FaultyStore, survives};
pub use ports::{FixedClock, SequentialIds};
pub use samples::sample_events;
pub use stores::{MemoryBlobs, MemorySecrets};
