//! Waiting for a run to end, with its steps in view.

use super::{Context, summary};
use crate::{
    answers::{SagaState, Summary},
    args::RECONCILIATION,
    client::{Answer, Client},
    exit::{CliError, Code, Result},
    progress::Watch,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Short at first, because a small run takes seconds; long later, because a large one takes minutes.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Reads that may fail in a row; the run goes on without us, so one bad moment of the network is no reason to stop.
const TOLERATED_FAILURES: u32 = 5;

/// Follows the run, shows its last summary, and gives it back if it completed.
///
/// # Errors
/// As [`until_ended`]; and the run failed or was cancelled.
pub async fn to_the_end(context: &Context, id: &str, timeout_s: u64) -> Result<Summary> {
    let ended = until_ended(&context.client, id, timeout_s).await?;
    let run: Summary = ended.read()?;
    context.show(&ended.body, |run| summary::render(context.screen, run))?;
    if run.status == "completed" { Ok(run) } else { Err(CliError::RunFailed(summary::how_it_failed(&run))) }
}

/// The run's last summary, once it has ended.
///
/// # Errors
/// Timed out, interrupted, or the API's error when it stays.
async fn until_ended(client: &Client, id: &str, timeout_s: u64) -> Result<Answer> {
    let mut watch = Watch::new();
    let outcome = tokio::select! {
        outcome = poll(client, id, Duration::from_secs(timeout_s), &mut watch) => outcome,
        _ = tokio::signal::ctrl_c() => Err(CliError::Interrupted(format!("stopped waiting; run {id} goes on. {}", look_again(id)))),
    };
    watch.end();
    outcome
}

async fn poll(client: &Client, id: &str, timeout: Duration, watch: &mut Watch) -> Result<Answer> {
    let end = Instant::now() + timeout;
    let (mut pause, mut failures, mut history) = (FIRST_PAUSE, 0, true);
    loop {
        let saga = if history { steps(client, id, &mut history).await } else { None };
        match client.get(&["v1", "reconciliations", id], &[]).await {
            Ok(answer) => {
                failures = 0;
                let summary: Summary = answer.read()?;
                // The saga was read first: once the run has ended its steps may have moved since.
                let last = if summary.ended() && history { steps(client, id, &mut history).await } else { saga };
                // The saga's read model follows: right after a retry it may still tell of the attempt before.
                watch.see(&summary, last.as_ref().filter(|saga| saga.attempt >= summary.attempt));
                if summary.ended() {
                    return Ok(answer);
                }
            }
            // It was accepted; the read side may need a moment to know.
            Err(error) if error.code() == Code::NotFound => {}
            Err(error) if error.code() == Code::Unexpected && failures < TOLERATED_FAILURES => {
                failures += 1;
                if failures == 1 {
                    watch.note("the API did not answer just now; the run goes on, trying again");
                }
            }
            Err(error) => return Err(error),
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(CliError::TimedOut(format!(
                "run {id} has not ended within {} s; it goes on. {}",
                timeout.as_secs(),
                look_again(id)
            )));
        }
        sleep(pause.min(left)).await;
        pause = (pause + pause / 4).min(LONGEST_PAUSE);
    }
}

/// Step history, which only platform keys may read; the first refusal ends the asking.
async fn steps(client: &Client, id: &str, allowed: &mut bool) -> Option<SagaState> {
    match client.get(&["admin", "sagas", RECONCILIATION, id], &[]).await {
        Ok(answer) => answer.read().ok(),
        Err(error) => {
            *allowed = error.code() != Code::NotAllowed;
            None
        }
    }
}

fn look_again(id: &str) -> String {
    format!("Look again with: settler reconciliation show {id}")
}
