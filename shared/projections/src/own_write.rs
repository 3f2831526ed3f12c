//! A client reads its own write: a list waits until its projection has read as far as the client has written.

use crate::read::{ReadError, ReadModels};
use event_store::StreamKey;
use std::time::Duration;

/// The longest wait, and how often the checkpoint is looked at.
const WAIT_MS: u64 = 2_000;
const PAUSE_MS: u64 = 100;

/// Waits until the projection has read `stream` up to `wanted`, at most two seconds; then the list is shown as it is.
///
/// # Errors
/// The checkpoints cannot be read.
pub async fn wait_for(
    models: &dyn ReadModels,
    projection: &str,
    stream: &StreamKey,
    wanted: u64,
) -> Result<(), ReadError> {
    for _ in 0..WAIT_MS / PAUSE_MS {
        if models.checkpoint_version(projection, stream).await? >= wanted {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
    }
    Ok(())
}
