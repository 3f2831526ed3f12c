//! What a run left in the bucket, for commands and reads that come after it.

use crate::{
    error::StepError,
    staging::{StagedSide, get_json, read_all},
};
use domain::{
    ErrorName,
    ports::Blobs,
    reconciliation::{Fetched, Run},
};
use matching::{Memory, Outcome, RunInput};

/// The engine's outcome, as ResultsPublished refers to it.
///
/// # Errors
/// Gone by its lifecycle, altered, or a bucket that does not answer.
pub async fn result(blobs: &dyn Blobs, reference: &str) -> Result<Outcome, StepError> {
    get_json(blobs, reference).await
}

/// What the engine was given: the run's staged records, its days, its time, and what it remembered.
///
/// # Errors
/// As [`result`]; a side that was never fetched counts as lost.
pub async fn input(blobs: &dyn Blobs, run: &Run, memory: Memory) -> Result<RunInput, StepError> {
    let staged = async |side: &Option<Fetched>, what: &str| {
        let missing = || StepError::new(ErrorName::StagedDataLost, format!("{what} were not fetched"));
        read_all(blobs, &side.as_ref().ok_or_else(missing)?.reference).await
    };
    let orders = staged(&run.orders, "orders").await?;
    let payments = staged(&run.payments, "payments").await?;
    Ok(RunInput {
        source: orders.records,
        target: payments.records,
        orders: orders.orders,
        window: run.request.date_range.window(&run.request.timezone)?,
        as_of: run.as_of,
        memory,
    })
}

/// Records and orders of one side, as OrdersFetched and PaymentsFetched refer to them.
///
/// # Errors
/// As [`result`].
pub async fn records(blobs: &dyn Blobs, reference: &str) -> Result<StagedSide, StepError> {
    read_all(blobs, reference).await
}
