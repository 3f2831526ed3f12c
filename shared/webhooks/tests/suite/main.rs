//! Deliveries over real HTTP and over both stores.

mod delivering;
mod given;
mod sending;
mod stores;
