//! The commands as functions call them, over the event store in memory.

mod carrying_out;
mod connections;
mod given;
mod jobs;
mod starting;
