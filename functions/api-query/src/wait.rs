//! `?min_version=`: a client reads its own write. What is folded from its stream is never behind; a list waits until
//! its projection has read that far.

use crate::{handler::Handler, lists::id};
use domain::TenantId;
use event_store::StreamKey;
use http_api::{Problem, Request};
use projections::ReadError;
use std::fmt::Display;

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
    let Some(wanted) = min_version(request)? else { return Ok(()) };
    let id = id::<T>(request, about)?.ok_or_else(|| {
        Problem::parameter(&format!("query:{about}"), "is required with min_version: whose version it is")
    })?;
    let stream = StreamKey::new(tenant, aggregate, id.to_string());
    projections::own_write::wait_for(handler.models.as_ref(), projection, &stream, wanted).await.map_err(read_problem)
}
