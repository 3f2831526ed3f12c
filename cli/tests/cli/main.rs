//! The real binary against a scripted API: every command's request, its output, its exit code.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod access;
mod connections_and_jobs;
mod decisions;
mod fake;
mod help;
mod offline;
mod operations;
mod read_models;
mod reconciliations;
mod samples;
mod setup;
mod trail;
mod upload;
mod waiting;
mod webhooks;
