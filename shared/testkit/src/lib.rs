//! What tests of other crates stand on: a clock and ids that can be foreseen, a bucket, a secret store and a queue in memory,
//! the sample events, and an event store that fails on cue.

mod faults;
mod ports;
mod queue;
mod samples;
mod stores;

pub use faults::{Fault, FaultyStore, survives};
pub use ports::{CountedEntropy, FixedClock, MemoryKeys, SequentialIds};
pub use queue::{Done, MemoryQueue};
pub use samples::sample_events;
pub use stores::{MemoryBlobs, MemoryConsumption, MemoryExecutions, MemorySecrets};
