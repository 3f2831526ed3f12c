//! What tests of other crates stand on: a clock and ids that can be foreseen, and an event store that fails on cue.

mod faults;
mod ports;

pub use faults::{Fault, FaultyStore, survives};
pub use ports::{FixedClock, SequentialIds};
