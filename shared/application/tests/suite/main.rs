//! The commands as functions call them, over the event store in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod carrying_out;
mod connections;
mod given;
mod jobs;
mod starting;
