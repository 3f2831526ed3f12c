//! `?cost=true`: what a run has cost so far, from what its invocations consumed and the states its executions entered.

use crate::{handler::Handler, wait::read_problem};
use domain::{Aggregate, ReconciliationId, TenantId, consumption::Cost, saga::Saga};
use event_store::StreamKey;
use http_api::Problem;
use std::collections::BTreeSet;

/// Jobs per read of the list.
const PAGE: u32 = 200;

/// # Errors
/// What is kept, the engine or the jobs cannot be read.
pub async fn of_run(
    handler: &Handler,
    tenant: &TenantId,
    run: &ReconciliationId,
    ended: bool,
) -> Result<Cost, Problem> {
    let consumed = handler.consumption.of_run(tenant, run).await?;
    let mut transitions = 0;
    let mut complete = ended;
    for execution in executions(handler, tenant, run).await? {
        match handler.executions.transitions(&execution).await? {
            Some(entered) => transitions += entered,
            None => complete = false,
        }
    }
    Ok(Cost::of(&consumed, transitions, secrets(handler, tenant).await?, complete))
}

/// Every execution that has been in charge of the run, in order.
async fn executions(handler: &Handler, tenant: &TenantId, run: &ReconciliationId) -> Result<Vec<String>, Problem> {
    let commits = handler.store.load(&StreamKey::new(tenant, Saga::TYPE, run.as_str()), 0).await?;
    let mut executions: Vec<String> = Vec::new();
    for event in commits.iter().flat_map(|commit| &commit.events) {
        let named = event.data.get("execution_arn").and_then(serde_json::Value::as_str);
        if let Some(arn) = named.filter(|arn| !executions.iter().any(|known| known == arn)) {
            executions.push(arn.to_owned());
        }
    }
    Ok(executions)
}

/// Connections and webhook endpoints of the tenant's jobs: each has a secret of its own.
async fn secrets(handler: &Handler, tenant: &TenantId) -> Result<u64, Problem> {
    let mut named = BTreeSet::new();
    let mut cursor = None;
    loop {
        let page = handler.models.list_jobs(tenant, PAGE, cursor.as_deref()).await.map_err(read_problem)?;
        for job in page.items {
            named.insert(("connection", job.source.connection.to_string()));
            named.insert(("connection", job.target.connection.to_string()));
            named.extend(job.webhooks.iter().map(|endpoint| ("webhook", endpoint.endpoint_id.to_string())));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(u64::try_from(named.len()).unwrap_or(u64::MAX));
        }
    }
}
