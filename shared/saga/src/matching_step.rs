//! Step `perform_matching`: run the engine on the staged data and write its result, to the `matches` stream as events
//! and to the bucket for the next step. The same input gives the same commits, so a repeated step continues.

use crate::{
    error::StepError,
    fetch::rules_of,
    input::StepInput,
    ledger::Ledger,
    memory::Remembered,
    outcome::{StepOutcome, outcome},
    staged,
    staging::{put_json, results_prefix},
};
use domain::{
    Aggregate, ErrorName, Event, aggregate,
    matches::{MATCHES, Match, MatchesEvent},
    ports::Blobs,
    saga::{Saga, Step, forward_fence},
};
use event_store::{Fence, NewEvent, StreamKey, append_run};
use matching::{Memory, Outcome, reconcile};
use serde_json::json;
use std::sync::Arc;

#[derive(Clone)]
pub struct MatchRecords {
    pub ledger: Ledger,
    pub blobs: Arc<dyn Blobs>,
}

impl std::fmt::Debug for MatchRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MatchRecords")
    }
}

const STEP: Step = Step::PerformMatching;

impl MatchRecords {
    /// # Errors
    /// A [`StepError`], also written to the ledger.
    pub async fn run(&self, input: &StepInput) -> Result<StepOutcome, StepError> {
        let fence = forward_fence(input.attempt);
        let result = self.ledger.step(input, STEP, &fence, (), self.perform(input)).await;
        outcome(&self.ledger, input, STEP, result).await
    }

    async fn perform(&self, input: &StepInput) -> Result<(), StepError> {
        let run = self.ledger.run(input).await?;
        let mut records = staged::input(self.blobs.as_ref(), &run, Memory::default()).await?;
        let rules = rules_of(&self.ledger, input, &run).await?;
        let (store, blobs) = (self.ledger.store.as_ref(), self.blobs.as_ref());
        let looked_at = (&records, rules.window_pad_days);
        let mut remembered = Remembered::of(store, blobs, input, &run, looked_at).await?;
        records.memory = std::mem::take(&mut remembered.memory);
        let mut outcome = reconcile(&records, &rules)?;
        drop(records);
        outcome.exceptions.iter_mut().for_each(|exception| remembered.review(exception));
        let prefix = results_prefix(&input.tenant_id, &input.reconciliation_id);
        let (key, digest) = put_json(self.blobs.as_ref(), &prefix, &outcome).await?;
        self.ledger.may_go_on(input).await?;
        self.append(input, &outcome).await?;
        self.ledger.succeed(input, STEP, json!({ "key": key, "digest": digest }), |_| Ok(Vec::new())).await
    }

    async fn append(&self, input: &StepInput, outcome: &Outcome) -> Result<(), StepError> {
        let matched = outcome.matches.iter().cloned().map(MatchesEvent::RecordMatched);
        let suggested = outcome.suggestions.iter().cloned().map(MatchesEvent::MatchSuggested);
        let unmatched = outcome.exceptions.iter().cloned().map(MatchesEvent::RecordUnmatched);
        let events =
            matched.chain(suggested).chain(unmatched).map(|event| new_event(&event)).collect::<Result<Vec<_>, _>>()?;
        let run_digest = format!(
            "{}:{}:{}",
            outcome.summary.engine_version, outcome.summary.rule_set_version, outcome.summary.input_digest
        );
        let withdraw =
            new_event(&MatchesEvent::MatchesWithdrawn { reason: "the engine, its rules or its input changed".into() })?;
        let stream = matches_stream(input);
        let fence = Fence {
            stream: StreamKey::new(&input.tenant_id, Saga::TYPE, input.reconciliation_id.as_str()),
            value: forward_fence(input.attempt),
        };
        let metadata = self.ledger.metadata(input, self.ledger.now());
        append_run(self.ledger.store.as_ref(), &stream, events, &run_digest, withdraw, &metadata, Some(fence)).await?;
        Ok(())
    }
}

/// Stream of one attempt's matches.
pub(crate) fn matches_stream(input: &StepInput) -> StreamKey {
    StreamKey::new(&input.tenant_id, MATCHES, format!("{}-a{}", input.reconciliation_id, input.attempt))
}

pub(crate) fn new_event(event: &MatchesEvent) -> Result<NewEvent, StepError> {
    let data = aggregate::data_of(event).map_err(|cause| StepError::new(ErrorName::Internal, cause.to_string()))?;
    Ok(NewEvent { event_type: event.event_type().to_owned(), event_version: event.event_version(), data })
}

/// Ids of a match, both sides, as the report writes them.
pub(crate) fn joined(found: &Match) -> (String, String) {
    (found.source_ids.join(" "), found.target_ids.join(" "))
}
