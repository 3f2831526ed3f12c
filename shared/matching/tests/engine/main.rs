//! The engine through its only door, `reconcile`: small cases written by hand for every tier, and what must hold for any
//! input.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

mod decided;
mod digest;
mod exceptions;
mod groups;
mod hygiene;
mod learning;
mod ledger;
mod pairs;
mod payouts;
mod properties;
mod records;
mod roll_up;
mod tolerance;
mod worst;
