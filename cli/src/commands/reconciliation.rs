//! `settler reconciliation`: start a run, list runs, show one, download its report. What it found is in [`results`].

use super::{Context, decisions, dry_run, results, steer, summary, wait};
use crate::{
    answers::{self, Started, Summary},
    args::{ListRuns, ReconciliationCommand, Report, Start},
    exit::{CliError, Result},
    figures::{count, instant, percentage},
    output,
    tables::{Column, facts, table},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, io::Write, path::PathBuf};

pub async fn run(context: &Context, command: ReconciliationCommand) -> Result<()> {
    match command {
        ReconciliationCommand::Start(start) => self::start(context, start).await,
        ReconciliationCommand::List(list) => self::list(context, &list).await,
        ReconciliationCommand::Show { id, fail_on_differences, cost } => {
            let query = [("cost", cost.then_some("true"))];
            let answer = context.client.get(&["v1", "reconciliations", &id], &query).await?;
            context.show(&answer.body, |run| summary::render(context.screen, run))?;
            check(fail_on_differences, &answer.read()?)
        }
        ReconciliationCommand::Matches(of) => results::matches(context, &of, "matches").await,
        ReconciliationCommand::Suggestions(of) => results::matches(context, &of, "suggestions").await,
        ReconciliationCommand::Unmatched(of) => results::unmatched(context, &of).await,
        ReconciliationCommand::Excluded(of) => results::excluded(context, &of).await,
        ReconciliationCommand::Orders(orders) => results::orders(context, &orders).await,
        ReconciliationCommand::Match(wanted) => decisions::make(context, &wanted).await,
        ReconciliationCommand::Break(decision) => decisions::take_apart(context, &decision).await,
        ReconciliationCommand::Review(wanted) => decisions::review(context, &wanted).await,
        ReconciliationCommand::Retry { id, from_step, waiting } => {
            let fields = [("from_step", from_step.as_deref())];
            steer::send_and_wait(context, &["v1", "reconciliations", &id, "retry"], &fields, &waiting).await
        }
        ReconciliationCommand::Cancel(of) => {
            steer::send(context, &["v1", "reconciliations", &of.id, "cancel"], &[("reason", of.reason.as_deref())])
                .await
        }
        ReconciliationCommand::Pause(of) => {
            steer::send(context, &["v1", "reconciliations", &of.id, "pause"], &[("reason", of.reason.as_deref())]).await
        }
        ReconciliationCommand::Resume { id, waiting } => {
            steer::send_and_wait(context, &["v1", "reconciliations", &id, "resume"], &[], &waiting).await
        }
        ReconciliationCommand::DryRun(wanted) => dry_run::run(context, &wanted).await,
        ReconciliationCommand::Report(report) => self::report(context, &report).await,
    }
}

async fn start(context: &Context, start: Start) -> Result<()> {
    let mut body = json!({"job_id": start.job, "date_range": {"start": start.from, "end": start.to}});
    for (field, value) in [("reconciliation_id", &start.id), ("correlation_id", &start.correlation_id)] {
        if let Some(value) = value {
            body[field] = Value::from(value.as_str());
        }
    }
    let key = [("Idempotency-Key", start.idempotency_key.as_deref())];
    let answer = context.client.send(Method::POST, &["v1", "reconciliations"], &key, Some(&body)).await?;
    let started: Started = answer.read()?;
    if answer.replayed {
        output::note("this idempotency key was used before: here is its first answer, nothing new was started");
    }
    let id = started.reconciliation_id.as_str();
    if !start.waiting.wait {
        output::note(&format!("started; follow it with: settler reconciliation show {id}"));
        return context.show(&answer.body, table_of_started);
    }
    output::note(&format!(
        "run {id} of job {} from {} to {} (correlation id {})",
        start.job, start.from, start.to, started.correlation_id
    ));
    let run = wait::to_the_end(context, id, start.waiting.timeout).await?;
    check(start.fail_on_differences, &run)
}

fn table_of_started(started: &Started) -> String {
    facts(&[
        ("reconciliation", started.reconciliation_id.clone()),
        ("correlation id", started.correlation_id.clone()),
        ("status", started.status.clone()),
        ("attempt", started.attempt.map_or_else(|| "–".to_owned(), |attempt| attempt.to_string())),
    ])
}

/// # Errors
/// Differences, when they matter and there are some; also a run that has no result to have differences in.
fn check(matters: bool, run: &Summary) -> Result<()> {
    if !matters {
        return Ok(());
    }
    if run.status != "completed" {
        return Err(CliError::Differences(format!("the run is {}, so nothing says that all adds up", run.status)));
    }
    run.differences().map_or(Ok(()), |open| Err(CliError::Differences(format!("differences: {open}"))))
}

async fn list(context: &Context, list: &ListRuns) -> Result<()> {
    let query = [
        ("status", list.status.as_deref()),
        ("job_id", list.job.as_deref()),
        ("from", list.from.as_deref()),
        ("to", list.to.as_deref()),
    ];
    context
        .list(&["v1", "reconciliations"], &query, &list.paging, "reconciliations", |runs, _| self::runs(context, runs))
        .await
}

fn runs(context: &Context, runs: &[Summary]) -> String {
    let columns = [
        ("Reconciliation", Column::Text),
        ("Job", Column::Text),
        ("Range", Column::Text),
        ("Status", Column::Status),
        ("Accuracy %", Column::Figure),
        ("Matched", Column::Figure),
        ("Suggested", Column::Figure),
        ("Unmatched", Column::Figure),
        ("Started (UTC)", Column::Text),
    ];
    let row = |run: &Summary| {
        vec![
            run.reconciliation_id.clone(),
            run.job_id.clone(),
            format!("{} to {}", run.date_range.start, run.date_range.end),
            run.status.clone(),
            percentage(&run.accuracy_percentage),
            count(run.matched_count + run.matched_target_count),
            count(run.suggested_source_count + run.suggested_target_count),
            count(run.unmatched_source_count + run.unmatched_target_count),
            instant(&run.started_at),
        ]
    };
    table(context.screen, &columns, runs.iter().map(row).collect())
}

async fn report(context: &Context, report: &Report) -> Result<()> {
    let path = ["v1", "reconciliations", report.id.as_str(), "report"];
    let answer = context.client.get(&path, &[("format", Some(report.format.as_str()))]).await?;
    let address: answers::Report = answer.read()?;
    if address.includes_decisions == Some(false) {
        output::note(
            "the run is too large for a report with decisions: this is the engine's result before anybody decided",
        );
    }
    let Some(file) = &report.output else {
        return context.client.download(&address.url, output::bytes).await;
    };
    // Written beside and renamed at the end, so that a broken download never looks like a report.
    let part = {
        let mut name = file.clone().into_os_string();
        name.push(".part");
        PathBuf::from(name)
    };
    let cannot = |error: std::io::Error| CliError::Usage(format!("cannot write {}: {error}", file.display()));
    let mut target = fs::File::create(&part).map_err(cannot)?;
    let mut size: u64 = 0;
    let written = context.client.download(&address.url, |bytes| {
        size += bytes.len() as u64;
        target.write_all(bytes).map_err(cannot)
    });
    if let Err(error) = written.await {
        // The download's error is what the person has to know.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    fs::rename(&part, file).map_err(cannot)?;
    output::note(&format!("wrote {} ({} bytes)", file.display(), count(size)));
    Ok(())
}
