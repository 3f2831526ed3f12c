//! `settler saga`: how a run went, told as a tree.

use super::{Context, steer};
use crate::{
    answers::{Failure, SagaState, StepRun},
    args::{RECONCILIATION, SagaCommand},
    exit::{CliError, Result},
    figures::{between, duration, instant, plain},
    steps,
    tables::{Column, Screen, table, tone},
};
use domain::saga::Step;
use std::fmt::Write;

pub async fn run(context: &Context, command: SagaCommand) -> Result<()> {
    match command {
        SagaCommand::Status { id, saga_type } => {
            let answer = context.client.get(&["admin", "sagas", &saga_type, &id], &[]).await?;
            context.show(&answer.body, |saga| tree(context.screen, &id, saga))
        }
        SagaCommand::Resume { id, waiting } => steer::send_and_wait(context, &of(&id, "resume"), &[], &waiting).await,
        SagaCommand::Retry { id, from_step, waiting } => {
            let fields = [("from_step", from_step.as_deref())];
            steer::send_and_wait(context, &of(&id, "retry"), &fields, &waiting).await
        }
        SagaCommand::Cancel(asked) => {
            steer::send(context, &of(&asked.id, "cancel"), &[("reason", asked.reason.as_deref())]).await
        }
        SagaCommand::Kill { of: asked, yes } => {
            if !yes {
                let id = plain(&asked.id);
                return Err(CliError::Usage(format!("killing undoes nothing of what {id} did: add --yes to kill it")));
            }
            steer::send(context, &of(&asked.id, "kill"), &[("reason", asked.reason.as_deref())]).await
        }
        SagaCommand::SkipUndo { id, step, reason } => {
            let fields = [("step", step.as_deref()), ("reason", Some(reason.as_str()))];
            steer::send(context, &of(&id, "skip-undo"), &fields).await
        }
        SagaCommand::List { status, paging } => {
            context
                .list(&["admin", "sagas"], &[("status", status.as_deref())], &paging, "sagas", |sagas, _| {
                    list(context, sagas)
                })
                .await
        }
    }
}

const fn of<'a>(id: &'a str, command: &'a str) -> [&'a str; 5] {
    ["admin", "sagas", RECONCILIATION, id, command]
}

fn tree(screen: Screen, id: &str, saga: &SagaState) -> String {
    let kind = if saga.saga_type.is_empty() { RECONCILIATION } else { &saga.saga_type };
    let status = screen.toned(&plain(&saga.status), tone(&saga.status));
    let mut text = format!(
        "{} {} of {}: {status}, {}\n",
        plain(kind),
        screen.bold(&plain(id)),
        plain(&saga.tenant_id),
        steps::attempts(saga.attempt, saga.retry_count)
    );
    if let Some(started) = &saga.started_at {
        let last = saga.updated_at.as_deref();
        let took = last
            .and_then(|last| between(started, last))
            .map(|millis| format!(", {} until the last news", duration(millis)))
            .unwrap_or_default();
        let _ = writeln!(text, "│ started {} UTC{took}", instant(started));
    }
    // Also when no step could note it, because its process died before it could say a word.
    let told = |failure: &Failure| {
        let mut failures = saga.steps.iter().flat_map(|run| run.failure.iter().chain(&run.undo_failure));
        failures.any(|told| (&told.name, &told.step) == (&failure.name, &failure.step))
    };
    if let Some(failure) = saga.error.as_ref().filter(|failure| !told(failure)) {
        let _ = writeln!(text, "│ {}", screen.wrap(&steps::failure(failure), 2, "│   "));
    }
    let mut branches: Vec<(String, Vec<String>)> = saga.steps.iter().map(|run| branch(screen, run)).collect();
    if saga.status == "running" && kind == RECONCILIATION {
        let begun = |step: &Step| saga.steps.iter().any(|run| run.step == step.as_str());
        let to_do = Step::ALL.iter().filter(|step| !begun(step));
        branches.extend(
            to_do.map(|step| (format!("{} {:<22}  to do", steps::sign(screen, "to do"), step.as_str()), Vec::new())),
        );
    }
    branches.push((format!("{} {}", screen.bold("next:"), screen.wrap(&next(id, saga), 9, "         ")), Vec::new()));
    let last = branches.len() - 1;
    for (index, (line, details)) in branches.iter().enumerate() {
        let _ = writeln!(text, "{} {line}", if index == last { "└─" } else { "├─" });
        for detail in details {
            let _ = writeln!(text, "│     {}", screen.wrap(detail, 6, "│     "));
        }
    }
    if let Some(arn) = saga.execution_arn.as_deref().filter(|arn| !arn.is_empty()) {
        let _ = writeln!(text, "\nexecution  {}", plain(arn));
    }
    let _ = writeln!(text, "events     settler events list saga {}", plain(id));
    text
}

fn branch(screen: Screen, run: &StepRun) -> (String, Vec<String>) {
    let story = steps::story(run);
    let words = match (run.status.as_str(), story.is_empty()) {
        ("waiting", _) => run.waiting.as_ref().map_or_else(|| "waiting".to_owned(), steps::wait),
        ("succeeded", false) => story,
        ("undo_failed", _) => "its undo keeps failing".to_owned(),
        (status, true) => plain(status),
        (status, false) => format!("{}, {story}", plain(status)),
    };
    let line = format!("{} {:<22}  {words}", steps::sign(screen, &run.status), plain(&run.step));
    let skipped = run.undo_skipped.as_ref().map(|reason| format!("not undone: {}", plain(reason)));
    (line, run.failure.iter().chain(&run.undo_failure).map(steps::failure).chain(skipped).collect())
}

fn next(id: &str, saga: &SagaState) -> String {
    let id = plain(id);
    match saga.status.as_str() {
        "completed" => format!("nothing; the result: settler reconciliation show {id}"),
        "failed" | "cancelled" => {
            let advice = saga.error.as_ref().map_or("start a new run when the cause is gone", steps::advice);
            format!("{}; {advice} (settler reconciliation retry {id})", undone(saga))
        }
        "stuck" => format!(
            "undoing kept failing and an operator has to decide: settler saga resume {id} tries it again, \
             settler saga skip-undo {id} --reason … goes on without it"
        ),
        "paused" => format!("settler reconciliation resume {id} lets it go on, cancel undoes it"),
        "compensating" => "it is being undone; look again in a moment".to_owned(),
        _ => match &saga.next_retry_at {
            Some(at) => format!("it tries again at {} UTC", instant(at)),
            None => "it goes on by itself; look again in a moment".to_owned(),
        },
    }
}

/// What became of what the attempt did.
fn undone(saga: &SagaState) -> String {
    let skipped = saga.steps.iter().filter(|run| run.undo_skipped.is_some()).map(|run| plain(&run.step));
    let skipped = skipped.collect::<Vec<_>>().join(", ");
    if skipped.is_empty() {
        "everything this attempt did was undone".to_owned()
    } else {
        format!("what this attempt did was undone, but for {skipped}, which an operator answers for")
    }
}

fn list(context: &Context, sagas: &[SagaState]) -> String {
    let columns = [
        ("Saga", Column::Text),
        ("Tenant", Column::Text),
        ("Status", Column::Status),
        ("Step", Column::Text),
        ("Attempt", Column::Figure),
        ("Started (UTC)", Column::Text),
        ("Last news (UTC)", Column::Text),
        ("Error", Column::Sentence),
    ];
    let time = |at: &Option<String>| at.as_deref().map_or_else(|| "–".to_owned(), instant);
    let row = |saga: &SagaState| {
        vec![
            saga.saga_id.clone(),
            saga.tenant_id.clone(),
            saga.status.clone(),
            saga.current_step.clone().unwrap_or_else(|| "–".to_owned()),
            saga.attempt.to_string(),
            time(&saga.started_at),
            time(&saga.updated_at),
            saga.error.as_ref().map(|failure| format!("{}: {}", failure.name, failure.message)).unwrap_or_default(),
        ]
    };
    table(context.screen, &columns, sagas.iter().map(row).collect())
}
