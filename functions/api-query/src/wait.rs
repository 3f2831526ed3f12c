//! `?min_version=`: a client reads its own write. What is folded from its stream is never behind; a list waits until
//! its projection has read that far.

use crate::handler::Handler;
use domain::TenantId;
use event_store::StreamKey;
use http_api::{Problem, Request, page::min_version_of};
use projections::ReadError;
use std::fmt::Display;

pub fn read_problem(error: ReadError) -> Problem {
    use projections::store::Fault;
    match error {
        ReadError::InvalidCursor => Problem::parameter("query:cursor", "must be a next_cursor of this list, unaltered"),
        ReadError::Store(Fault::Busy(detail)) => Problem::busy(detail),
        ReadError::Store(fault) => Problem::internal(fault.to_string()),
    }
}

/// Waits for the version that the request asks for, of the stream that its parameter `about` names.
///
/// # Errors
/// 400 when the request does not say whose version it means; the checkpoints cannot be read.
pub async fn own_write<T: TryFrom<String> + Display>(
    handler: &Handler,
    request: &Request,
    about: &str,
    (projection, aggregate): (&str, &str),
    tenant: &TenantId,
) -> Result<(), Problem> {
    let Some((wanted, id)) = min_version_of::<T>(request, about)? else { return Ok(()) };
    let stream = StreamKey::new(tenant, aggregate, id.to_string());
    projections::own_write::wait_for(handler.models.as_ref(), projection, &stream, wanted).await.map_err(read_problem)
}
