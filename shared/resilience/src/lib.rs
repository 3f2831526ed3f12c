//! What keeps a failure from spreading: dead letters for messages that nobody could handle, and circuit breakers around
//! every external API.
//!
//! **Invariant:** nothing here loses a message. What cannot be handled is kept with its reason until a person has decided.

pub mod breaker;
pub mod dead_letter;
pub mod queue;

pub use dead_letter::{DeadLetter, DeadLetters, Postmark};
pub use queue::{Attributes, WorkQueue};
