//! `POST /admin/dry-run`: other rules over what a past run looked at. Writes nothing but the tenant's audit trail.

use crate::{handler::Handler, owner};
use application::Caller;
use domain::{Aggregate, reconciliation::Reconciliation};
use http_api::{Problem, Request, Response, dry_run};

pub async fn run(handler: &Handler, request: &Request, key_id: &str) -> Result<Response, Problem> {
    let (id, rules) = dry_run::asked(request)?;
    let tenant = owner::of(handler, request, key_id, Reconciliation::TYPE, id.as_str()).await?;
    let caller = Caller { tenant, key_id: key_id.to_owned() };
    let found = handler.admin.dry_run(&caller, &id, &rules).await?;
    Ok(Response::json(200, &dry_run::shown(&id, &found)?))
}
