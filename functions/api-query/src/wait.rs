//! `?min_version=`: a client reads its own write. What is folded from its stream is never behind; a list waits until
//! its projection has read that far.

use crate::handler::Handler;
use event_store::StreamKey;
use http_api::{Problem, Request};
use projections::ReadError;
use std::time::Duration;

/// The longest wait, and how often the checkpoint is looked at.
const WAIT_MS: u64 = 2_000;
const PAUSE_MS: u64 = 100;

/// # Errors
/// 400 for anything but a number.
pub fn min_version(request: &Request) -> Result<Option<u64>, Problem> {
    request.parsed("min_version", "a version, such as the one that a command answered", |text| text.parse().ok())
}

pub fn read_problem(error: ReadError) -> Problem {
    use projections::store::Fault;
    match error {
        ReadError::InvalidCursor => Problem::parameter("query:cursor", "must be a next_cursor of this list, unaltered"),
        ReadError::Store(Fault::Busy(detail)) => Problem::busy(detail),
        ReadError::Store(fault) => Problem::internal(fault.to_string()),
    }
}

/// Waits until the projection has read `stream` up to `wanted`, at most two seconds; then the list is shown as it is.
///
/// # Errors
/// The checkpoints cannot be read.
pub async fn until(handler: &Handler, projection: &str, stream: &StreamKey, wanted: u64) -> Result<(), Problem> {
    for _ in 0..WAIT_MS / PAUSE_MS {
        if handler.models.checkpoint_version(projection, stream).await.map_err(read_problem)? >= wanted {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
    }
    Ok(())
}
