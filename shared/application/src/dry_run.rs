//! Other rules over the staged data of a past run: what would be different. Nothing of the run is read anew from a
//! provider, and nothing is written.

use crate::{
    admin::AdminService,
    command::Caller,
    error::{CommandError, FieldError},
};
use domain::{
    AttemptNumber, Decline, ErrorName, ReconciliationId, job::Job, reconciliation::Reconciliation, summary::RunSummary,
};
use matching::{Comparison, RuleError, difference, reconcile};
use saga::StepError;
use serde_json::Value;

/// Records that one dry run takes. The answer has to be there before the gateway's 30 s are over; the engine takes some
/// 8 s for as many. Larger runs can be exported and tried with `settler match`.
pub const MAX_RECORDS: u64 = 400_000;

#[derive(Debug)]
pub struct DryRun {
    pub attempt: AttemptNumber,
    /// What the published result comes to, and what the other rules would.
    pub before: RunSummary,
    pub after: RunSummary,
    pub comparison: Comparison,
}

impl AdminService {
    /// The engine with other rules over what the run's published attempt looked at, beside its published result.
    ///
    /// # Errors
    /// An unknown run (404); one without a result, with staged data that is gone, or too large (409); rules that are not
    /// valid (422).
    pub async fn dry_run(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        matching_rules: &Value,
    ) -> Result<DryRun, CommandError> {
        let store = self.store.as_ref();
        let run = event_store::load::<Reconciliation>(store, &caller.tenant, id.as_str()).await?.state;
        let run = run.ok_or_else(|| Decline::not_found("there is no such reconciliation"))?;
        let Some(published) = &run.published else {
            let status = run.status.as_str();
            return Err(Decline::conflict(format!("the run is {status} and has no result to compare with")).into());
        };
        let fetched = [&run.orders, &run.payments].into_iter().flatten().map(|side| side.count).sum::<u64>();
        if fetched > MAX_RECORDS {
            return Err(Decline::conflict(format!(
                "the run has {fetched} records; a dry run takes at most {MAX_RECORDS}: try the rules with settler match"
            ))
            .into());
        }
        let job = event_store::load::<Job>(store, &caller.tenant, run.request.job_id.as_str()).await?;
        let definition = job.state.at(run.request.job_version).ok_or_else(|| Decline::not_found("its job is gone"))?;
        let rules = saga::rules_for(definition, Some(matching_rules)).map_err(wrong_rules)?;
        let blobs = self.blobs.as_ref();
        let before = saga::staged::result(blobs, &published.reference).await.map_err(staged)?;
        let input = saga::staged::input(blobs, &run, before.memory.clone()).await.map_err(staged)?;
        let after = reconcile(&input, &rules).map_err(|error| CommandError::Internal(error.to_string()))?;
        Ok(DryRun {
            attempt: published.attempt,
            before: before.summary.clone(),
            after: after.summary.clone(),
            comparison: difference(before, after),
        })
    }
}

fn staged(error: StepError) -> CommandError {
    match error.name {
        ErrorName::StagedDataLost => {
            Decline::conflict("the staged records of this run are gone; run it again".to_owned()).into()
        }
        ErrorName::Transient => CommandError::Transient(error.message),
        _ => CommandError::Internal(error.to_string()),
    }
}

fn wrong_rules(errors: Vec<RuleError>) -> CommandError {
    let field = |error: RuleError| FieldError {
        pointer: format!("/matching_rules{}", error.pointer),
        code: "invalid_rule",
        detail: error.message,
    };
    CommandError::Fields(errors.into_iter().map(field).collect())
}
