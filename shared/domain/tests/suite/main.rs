//! Aggregates from outside: given these events, when this command, then those events; and what must hold of every one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod api_key;
mod connection;
mod deciding;
mod job;
mod reconciliation;
mod saga;
