//! What of earlier attempts can be used again.

use crate::staging::{Manifest, get_json};
use domain::{
    ErrorName,
    ports::{Blobs, PortError},
    reconciliation::{Fetched, Run, StagedData},
};

/// Looks which staged data of the run is still there: the manifest, and of its files the first, which is the oldest and
/// so the first that a lifecycle ends. Should another one be gone, the step that reads it says so.
///
/// # Errors
/// When the bucket does not answer.
pub async fn staged_data(blobs: &dyn Blobs, run: &Run) -> Result<StagedData, PortError> {
    Ok(StagedData { orders: is_there(blobs, &run.orders).await?, payments: is_there(blobs, &run.payments).await? })
}

async fn is_there(blobs: &dyn Blobs, side: &Option<Fetched>) -> Result<bool, PortError> {
    let Some(fetched) = side else { return Ok(false) };
    let manifest: Manifest = match get_json(blobs, &fetched.reference).await {
        Ok(manifest) => manifest,
        Err(error) if error.name == ErrorName::StagedDataLost => return Ok(false),
        Err(error) => return Err(PortError::Transient(error.message)),
    };
    let Some(oldest) = manifest.files.first() else { return Ok(true) };
    match blobs.get(&oldest.records).await {
        Ok(_) => Ok(true),
        Err(PortError::Missing(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
