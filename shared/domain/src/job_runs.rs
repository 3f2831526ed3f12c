//! Aggregate `job_runs`: which runs of a job have completed, so that a later run knows what earlier ones and people have
//! decided about records that both look at. Its id is the job's.
//!
//! Decisions themselves stay in the runs' own streams; here is only where to look.

use crate::{
    aggregate::{Aggregate, Event, SnapshotFormat},
    ids::{AttemptNumber, ReconciliationId},
    time::DateRange,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// A run as later ones of its job have to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompletedRun {
    pub reconciliation_id: ReconciliationId,
    pub attempt: AttemptNumber,
    pub date_range: DateRange,
    pub timezone: String,
    /// Key of the matches that reach across the edge of its days; none when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossing: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum JobRunsEvent {
    RunCompleted(CompletedRun),
}

impl Event for JobRunsEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::RunCompleted(_) => "RunCompleted",
        }
    }
}

/// In the order in which they completed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompletedRuns {
    pub runs: Vec<CompletedRun>,
}

impl CompletedRun {
    #[must_use]
    pub fn days(&self) -> (&DateRange, &str) {
        (&self.date_range, &self.timezone)
    }
}

impl CompletedRuns {
    /// Runs whose days are those of no later run: a later run over the same days supersedes an earlier one.
    #[must_use]
    pub fn standing(&self) -> Vec<&CompletedRun> {
        let mut seen = HashSet::new();
        let mut standing: Vec<&CompletedRun> = self.runs.iter().rev().filter(|run| seen.insert(run.days())).collect();
        standing.reverse();
        standing
    }
}

#[derive(Debug)]
pub struct JobRuns;

impl Aggregate for JobRuns {
    const TYPE: &'static str = "job_runs";
    type Event = JobRunsEvent;
    type State = CompletedRuns;
    const SNAPSHOT: Option<SnapshotFormat<Self::State>> = Some(SnapshotFormat::json(1));

    fn evolve(mut state: CompletedRuns, event: &JobRunsEvent) -> CompletedRuns {
        match event {
            JobRunsEvent::RunCompleted(run) => state.runs.push(run.clone()),
        }
        state
    }
}

/// Notes a completed run; no event when it is noted.
#[must_use]
pub fn note(state: &CompletedRuns, run: &CompletedRun) -> Vec<JobRunsEvent> {
    if state.runs.contains(run) { Vec::new() } else { vec![JobRunsEvent::RunCompleted(run.clone())] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, start: &str, end: &str) -> CompletedRun {
        CompletedRun {
            reconciliation_id: ReconciliationId::parse(id).unwrap(),
            attempt: 1,
            date_range: DateRange { start: start.into(), end: end.into() },
            timezone: "UTC".into(),
            crossing: None,
        }
    }

    #[test]
    fn a_later_run_over_the_same_days_supersedes_an_earlier_one() {
        let january = run("january", "2026-01-01", "2026-01-31");
        let again = run("again", "2026-01-01", "2026-01-31");
        let february = run("february", "2026-02-01", "2026-02-28");
        let mut state = CompletedRuns::default();
        for run in [&january, &february, &again] {
            let events = note(&state, run);
            assert_eq!(events.len(), 1);
            state = events.iter().fold(state, JobRuns::evolve);
            assert!(note(&state, run).is_empty(), "noted once");
        }
        assert_eq!(state.standing(), [&february, &again]);
        assert_eq!(state.runs.len(), 3);
    }
}
