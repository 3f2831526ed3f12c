//! Deliveries over real HTTP and over both stores.

#![expect(clippy::unwrap_used, reason = "a test without what it begins with must stop")]

mod delivering;
mod given;
mod sending;
mod stores;
