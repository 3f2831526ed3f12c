//! The provider sandbox, over real HTTP and over its generator.

mod client;
mod control;
mod shopify;
mod stripe;
mod truth;
