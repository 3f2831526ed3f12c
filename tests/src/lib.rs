//! Test support that runs beside the service: the provider sandbox.
#![forbid(unsafe_code)]

pub mod sandbox;
