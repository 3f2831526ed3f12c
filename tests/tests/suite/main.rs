//! One binary for all integration tests: linking is what costs time here.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod adapters;
mod fuzz;
mod matching;
mod sandbox;
mod stack;
