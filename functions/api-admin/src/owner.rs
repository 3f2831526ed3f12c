//! Whose id it is: operators see all tenants, and ids are unique within a tenant only.

use crate::handler::Handler;
use domain::{Aggregate, TenantId, reconciliation::Reconciliation, saga::Saga};
use http_api::{Cursor, Problem, Request, page::limit};
use projections::{ReadError, store::Fault};

pub fn read_problem(error: ReadError) -> Problem {
    match error {
        ReadError::InvalidCursor => Problem::parameter("query:cursor", "must be a next_cursor of this list, unaltered"),
        ReadError::Store(Fault::Busy(detail)) => Problem::busy(detail),
        ReadError::Store(fault) => Problem::internal(fault.to_string()),
    }
}

/// `?tenant_id=`.
///
/// # Errors
/// 400 when it is no id.
pub fn named(request: &Request) -> Result<Option<TenantId>, Problem> {
    request.parsed("tenant_id", "an id", |text| TenantId::parse(text).ok())
}

/// What a list that a tenant may narrow is asked for.
pub struct Listing {
    pub tenant: Option<TenantId>,
    pub limit: u32,
    pub cursor: Cursor,
    /// Where the page begins.
    pub after: Option<String>,
}

/// # Errors
/// 400 for a parameter that is none of its kind. A tenant that was named has the access in its trail afterwards.
pub async fn listing(handler: &Handler, request: &Request, key_id: &str) -> Result<Listing, Problem> {
    let (tenant, limit) = (named(request)?, limit(request)?);
    let cursor = Cursor::of(request, "", &["tenant_id"]);
    let after = cursor.read(request)?;
    if let Some(tenant) = &tenant {
        handler.audit.accessed(tenant, &request.route_key, key_id).await?;
    }
    Ok(Listing { tenant, limit, cursor, after })
}

/// The tenant that the request names, or the only one that has this id. The access is in its audit trail afterwards.
///
/// # Errors
/// 404 when nobody has the id, 409 `ambiguous_id` when several have, 400 when only a name can tell.
pub async fn of(
    handler: &Handler,
    request: &Request,
    key_id: &str,
    aggregate_type: &str,
    id: &str,
) -> Result<TenantId, Problem> {
    let tenant = match named(request)? {
        Some(tenant) => tenant,
        None => only_owner(handler, aggregate_type, id).await?,
    };
    handler.audit.accessed(&tenant, &request.route_key, key_id).await?;
    Ok(tenant)
}

async fn only_owner(handler: &Handler, aggregate_type: &str, id: &str) -> Result<TenantId, Problem> {
    let owners = match aggregate_type {
        Reconciliation::TYPE => handler.models.reconciliation_owners(id).await,
        Saga::TYPE => handler.models.saga_owners(id).await,
        _ => return Err(Problem::parameter("query:tenant_id", "is required: ids of this type cannot be looked up")),
    };
    match owners.map_err(read_problem)?.as_slice() {
        [] => Err(Problem::not_found("no tenant has this id; if it is very new, name the tenant with ?tenant_id=")),
        [only] => Ok(only.clone()),
        several => Err(Problem::ambiguous(&several.iter().map(ToString::to_string).collect::<Vec<_>>())),
    }
}
