//! The provider sandbox, over real HTTP and over its generator.

pub mod client;
mod control;
mod shopify;
mod stripe;
mod truth;
