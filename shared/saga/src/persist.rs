//! Step `persist_results`: write what people will read, keyed by attempt, then make it visible with one event.
//!
//! **Invariant:** ResultsPublished is the only switch. Everything before it can be written twice or left behind.

use crate::{
    error::StepError,
    input::StepInput,
    ledger::Ledger,
    outcome::{StepOutcome, outcome},
    report,
    staging::{get_json, put_json, results_prefix},
};
use domain::{
    ErrorName,
    matches::{Match, OrderState},
    ports::Blobs,
    reconciliation::{self, Published},
    saga::{Step, forward_fence},
};
use matching::Outcome;
use projections::results::{ResultList, ResultPages};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone)]
pub struct PersistResults {
    pub ledger: Ledger,
    pub blobs: Arc<dyn Blobs>,
    pub pages: Arc<dyn ResultPages>,
}

impl std::fmt::Debug for PersistResults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersistResults")
    }
}

const STEP: Step = Step::PersistResults;
/// Member of the step's line in the ledger: where the matches lie that reach across the edge of the run's days.
pub(crate) const CROSSING: &str = "crossing";

impl PersistResults {
    /// # Errors
    /// A [`StepError`], also written to the ledger.
    pub async fn run(&self, input: &StepInput) -> Result<StepOutcome, StepError> {
        let fence = forward_fence(input.attempt);
        let result = self.ledger.step(input, STEP, &fence, (), self.persist(input)).await;
        outcome(&self.ledger, input, STEP, result).await
    }

    async fn persist(&self, input: &StepInput) -> Result<(), StepError> {
        let (key, digest) = self.matched(input).await?;
        let outcome: Outcome = get_json(self.blobs.as_ref(), &key).await?;
        self.write(input, ResultList::Suggested, &outcome.suggestions).await?;
        self.write(input, ResultList::Unmatched, &outcome.exceptions).await?;
        self.write(input, ResultList::Excluded, &outcome.exclusions).await?;
        for state in OrderState::ALL {
            let orders: Vec<_> = outcome.orders.iter().filter(|order| order.state == state).collect();
            self.write(input, ResultList::Orders(state), &orders).await?;
        }
        let csv = report::csv(&outcome)?;
        self.blobs.put(&report::report_key(input, "csv"), "text/csv", csv).await?;
        let jsonl = report::jsonl(&outcome)?;
        self.blobs.put(&report::report_key(input, "jsonl"), "application/jsonl", jsonl).await?;
        let crossing: Vec<&Match> = outcome.matches.iter().filter(|found| found.cross_period).collect();
        let crossing = if crossing.is_empty() {
            Value::Null
        } else {
            // Content-addressed, so that a repeated step names the same file.
            let prefix = results_prefix(&input.tenant_id, &input.reconciliation_id);
            json!(put_json(self.blobs.as_ref(), &prefix, &crossing).await?.0)
        };
        let published = Published { attempt: input.attempt, summary: outcome.summary, reference: key, digest };
        self.ledger
            .succeed(input, STEP, json!({ "key": published.reference, CROSSING: crossing }), |state| {
                reconciliation::publish(state, &published)
            })
            .await
    }

    /// Where perform_matching left its result.
    async fn matched(&self, input: &StepInput) -> Result<(String, String), StepError> {
        let saga = self.ledger.saga(input).await?;
        let reference = saga.and_then(|saga| saga.step(Step::PerformMatching).map(|run| run.reference.clone()));
        let text = |name: &str| {
            reference.as_ref().and_then(|reference| reference.get(name)).and_then(Value::as_str).map(str::to_owned)
        };
        let missing = || StepError::new(ErrorName::StagedDataLost, "the ledger names no result of perform_matching");
        text("key").zip(text("digest")).ok_or_else(missing)
    }

    async fn write<T: Serialize>(&self, input: &StepInput, list: ResultList, rows: &[T]) -> Result<(), StepError> {
        let rows = rows.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>();
        let rows = rows.map_err(|cause| StepError::new(ErrorName::Internal, cause.to_string()))?;
        self.pages.write(&input.tenant_id, &input.reconciliation_id, input.attempt, list, &rows).await?;
        Ok(())
    }
}
