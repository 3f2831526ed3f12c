//! The saga's steps over stores in memory, faked provider accounts and the real engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod accounts;
mod deciding;
mod failing;
mod fence;
mod fetching;
mod notifying;
mod records;
mod remembering;
mod repeating;
mod reporting;
mod running;
mod scaffold;
mod second_saga;
mod staged;
mod starting;
mod steering;
mod world;
