//! End-to-end tests on the running stack, by its written contract: HTTP, the command line, and what the sandbox knows.
//!
//! They need `make up` (`make test` sees to it) and never skip: without a stack they fail and say so.

mod access;
mod bad_input;
mod breakers;
mod client;
mod command_line;
mod consumer;
mod csv_jobs;
mod dead_letters;
mod dry_runs;
mod failures;
pub mod judge;
mod ledger;
mod processes;
mod queues;
mod read_models;
mod recovery;
mod replay;
mod results;
mod routes;
mod starts;
mod steering;
mod webhooks;
