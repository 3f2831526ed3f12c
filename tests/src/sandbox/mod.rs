//! The provider sandbox: a shop and a card processor that speak the real shapes, over data whose truth is known.
//!
//! It stands for the world outside, so it shares nothing with the code under test: no types, no tables, no constants.
//! [`generate`] makes up what happened, [`shopify`] and [`stripe`] show it the way each provider would, [`truth`] says who belongs
//! to whom, and [`control`] lets tests make datasets and cause trouble.

pub mod control;
pub mod dataset;
pub mod faults;
pub mod generate;
pub mod hooks;
pub mod money;
pub mod random;
pub mod requests;
pub mod server;
pub mod shopify;
pub mod state;
pub mod stripe;
pub mod times;
pub mod truth;
