//! The saga's steps over stores in memory, faked provider accounts and the real engine.

mod accounts;
mod failing;
mod fence;
mod fetching;
mod notifying;
mod records;
mod repeating;
mod reporting;
mod running;
mod staged;
mod starting;
mod world;
