//! Commands by which people decide about a completed run.

mod bench;
mod decide;

use crate::{
    command::{Caller, Command, Idempotency, Outcome, Ports},
    error::{CommandError, FieldError},
};
use bench::Bench;
use domain::{
    Clock, CorrelationId, Decline, IdSource, ReconciliationId, Status,
    decision::{Decision, Review, ReviewState},
    ids,
    matches::Match,
    ports::Blobs,
    reconciliation::{Reconciliation, ReconciliationEvent, Run},
    record::Side,
};
use event_store::{EventStore, Loaded};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What somebody wants to decide about matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Confirm { match_id: String },
    Reject { match_id: String },
    Make { source_ids: Vec<String>, target_ids: Vec<String> },
    Break { match_id: String },
}

/// What somebody thinks of an exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewException {
    pub record_id: String,
    pub state: ReviewState,
    pub assignee: Option<String>,
    pub note: String,
}

/// A match as it stands after a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecidedMatch {
    pub match_id: String,
    /// `confirmed`, `rejected`, `manual` or `broken`.
    pub status: String,
    pub source_ids: Vec<String>,
    pub target_ids: Vec<String>,
    pub version: u64,
    #[serde(skip)]
    pub replayed: bool,
}

/// An exception after it was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reviewed {
    pub record_id: String,
    pub side: Side,
    pub state: ReviewState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    pub note: String,
    pub version: u64,
    #[serde(skip)]
    pub replayed: bool,
}

#[derive(Clone)]
pub struct DecisionService {
    ports: Ports,
    blobs: Arc<dyn Blobs>,
}

impl std::fmt::Debug for DecisionService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecisionService")
    }
}

impl DecisionService {
    #[must_use]
    pub fn new(
        store: Arc<dyn EventStore>,
        blobs: Arc<dyn Blobs>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { ports: Ports { store, clock, ids }, blobs }
    }

    /// # Errors
    /// An unknown run or match (404); a run that is not completed, a record that is taken, a match that was decided
    /// otherwise (409); records that cannot be one match (422).
    pub async fn decide(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        choice: &Choice,
        reason: &str,
        idempotency: Option<&Idempotency>,
    ) -> Result<DecidedMatch, CommandError> {
        let bench = self.bench(caller, id).await?;
        let now = self.ports.clock.now();
        let name = match choice {
            Choice::Confirm { .. } => "ConfirmSuggestion",
            Choice::Reject { .. } => "RejectSuggestion",
            Choice::Make { .. } => "MakeMatch",
            Choice::Break { .. } => "BreakMatch",
        };
        let decide = |state: &Option<Run>| {
            let run = decidable(state)?;
            decide::decide(&bench, run, choice, reason, now).map(|event| event.into_iter().collect())
        };
        let answer = |loaded: &Loaded<Option<Run>>| bench.answer(choice, loaded);
        let correlation_id = self.correlation_id(caller, id).await?;
        let command = Command {
            name,
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency,
            expected: None,
            fresh: false,
        };
        match self.ports.carry_out::<Reconciliation, DecidedMatch>(command, decide, answer).await? {
            Outcome::Done { loaded, .. } => Ok(bench.answer(choice, &loaded)),
            Outcome::Replayed(first) => Ok(DecidedMatch { replayed: true, ..first }),
        }
    }

    /// # Errors
    /// An unknown run or record (404); a run that is not completed, a record that is not unmatched (409).
    pub async fn review(
        &self,
        caller: &Caller,
        id: &ReconciliationId,
        wanted: &ReviewException,
        idempotency: Option<&Idempotency>,
    ) -> Result<Reviewed, CommandError> {
        let bench = self.bench(caller, id).await?;
        let side = bench.side_of(&wanted.record_id);
        let side = side.ok_or_else(|| Decline::not_found("this run has no such record"))?;
        let review = |run: &Run| Review {
            attempt: run.attempt,
            record_id: wanted.record_id.clone(),
            side,
            state: wanted.state,
            assignee: wanted.assignee.clone(),
            note: wanted.note.clone(),
        };
        let decide = |state: &Option<Run>| {
            let run = decidable(state)?;
            let review = review(run);
            if run.decisions.review(side, &review.record_id) == Some(&review) {
                return Ok(Vec::new());
            }
            bench.must_be_exception(&run.decisions, side, &review.record_id)?;
            Ok(vec![ReconciliationEvent::ExceptionReviewed(review)])
        };
        let answer = |loaded: &Loaded<Option<Run>>| Reviewed {
            record_id: wanted.record_id.clone(),
            side,
            state: wanted.state,
            assignee: wanted.assignee.clone(),
            note: wanted.note.clone(),
            version: loaded.version,
            replayed: false,
        };
        let correlation_id = self.correlation_id(caller, id).await?;
        let command = Command {
            name: "ReviewException",
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency,
            expected: None,
            fresh: false,
        };
        match self.ports.carry_out::<Reconciliation, Reviewed>(command, decide, answer).await? {
            Outcome::Done { loaded, .. } => Ok(answer(&loaded)),
            Outcome::Replayed(first) => Ok(Reviewed { replayed: true, ..first }),
        }
    }

    /// What the run found and what it looked at. Neither changes any more, so it is read once per command.
    async fn bench(&self, caller: &Caller, id: &ReconciliationId) -> Result<Bench, CommandError> {
        let loaded =
            event_store::load::<Reconciliation>(self.ports.store.as_ref(), &caller.tenant, id.as_str()).await?;
        Bench::of(self.blobs.as_ref(), decidable(&loaded.state)?).await
    }

    /// Decisions belong to the run's own story.
    async fn correlation_id(&self, caller: &Caller, id: &ReconciliationId) -> Result<CorrelationId, CommandError> {
        let loaded =
            event_store::load::<Reconciliation>(self.ports.store.as_ref(), &caller.tenant, id.as_str()).await?;
        match loaded.origin {
            Some(origin) => Ok(origin.correlation_id),
            None => CorrelationId::parse(ids::typed("corr", self.ports.ids.next()))
                .map_err(|_| CommandError::Internal("generated id".into())),
        }
    }
}

/// The run, if it has a result that people may decide about.
fn decidable(state: &Option<Run>) -> Result<&Run, Decline> {
    let run = state.as_ref().ok_or_else(|| Decline::not_found("there is no such reconciliation"))?;
    if run.status == Status::Completed && run.published.is_some() {
        Ok(run)
    } else {
        Err(Decline::conflict(format!("the run is {}; only a completed one can be decided about", run.status.as_str())))
    }
}

fn wrong(pointer: String, code: &'static str, detail: impl Into<String>) -> CommandError {
    CommandError::Fields(vec![FieldError { pointer, code, detail: detail.into() }])
}

/// What every decision event holds.
fn decision(run: &Run, found: Match, reason: &str, at: domain::Timestamp) -> Decision {
    let summary = run.published.as_ref().map(|published| published.summary.clone()).unwrap_or_default();
    Decision {
        attempt: run.attempt,
        found,
        reason: reason.to_owned(),
        decided_at: at,
        left: Vec::new(),
        orders: Vec::new(),
        summary,
    }
}
