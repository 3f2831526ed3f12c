//! What a run left in the bucket, for commands and reads that come after it.

use crate::{
    error::StepError,
    staging::{Staged, get_json, read_all},
};
use domain::ports::Blobs;
use matching::Outcome;

/// The engine's outcome, as ResultsPublished refers to it.
///
/// # Errors
/// Gone by its lifecycle, altered, or a bucket that does not answer.
pub async fn result(blobs: &dyn Blobs, reference: &str) -> Result<Outcome, StepError> {
    get_json(blobs, reference).await
}

/// Records and orders of one side, as OrdersFetched and PaymentsFetched refer to them.
///
/// # Errors
/// As [`result`].
pub async fn records(blobs: &dyn Blobs, reference: &str) -> Result<Staged, StepError> {
    read_all(blobs, reference).await
}
