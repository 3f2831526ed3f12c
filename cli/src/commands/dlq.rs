//! `settler dlq`: what nobody could handle, and what becomes of it.

use super::Context;
use crate::{
    answers::{DeadLetter, RedrivenSet},
    args::{DlqCommand, LetterFilter, Redrive},
    exit::{CliError, Result},
    figures::{counted, instant, plain},
    output::{self, Format},
    tables::{Column, Screen, table, tone},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write;

const PATH: [&str; 2] = ["admin", "dead-letter-queue"];

fn path<'a>(more: &[&'a str]) -> Vec<&'a str> {
    PATH.iter().chain(more).copied().collect()
}

pub async fn run(context: &Context, command: DlqCommand) -> Result<()> {
    let client = &context.client;
    match command {
        DlqCommand::List { state, filter: LetterFilter { source, error_type }, paging } => {
            let query = [
                ("state", state.map(crate::args::LetterState::as_str)),
                ("source", source.as_deref()),
                ("error_type", error_type.as_deref()),
            ];
            context.list(&PATH, &query, &paging, "dead letters", |letters, _| list(context, letters)).await
        }
        DlqCommand::Show { id } => {
            context.show(&client.get(&path(&[&id]), &[]).await?.body, |letter| show(context.screen, letter))
        }
        DlqCommand::Resolve { id, notes } => {
            let body = json!({ "notes": notes });
            let answer = client.send(Method::POST, &path(&[&id, "resolve"]), &[], Some(&body)).await?;
            context.show(&answer.body, |letter| show(context.screen, letter))
        }
        DlqCommand::Redrive(Redrive { id: Some(id), .. }) => {
            let answer = client.send(Method::POST, &path(&[&id, "redrive"]), &[], None).await?;
            context.show(&answer.body, |letter| show(context.screen, letter))
        }
        DlqCommand::Redrive(set) => redrive(context, &set).await,
    }
}

async fn redrive(context: &Context, set: &Redrive) -> Result<()> {
    let named = set.every || set.filter.source.is_some() || set.filter.error_type.is_some() || set.before.is_some();
    if !named {
        return Err(CliError::Usage(
            "name a letter, or a set with --source, --error-type, --before or --all".to_owned(),
        ));
    }
    let before = set.before.clone().unwrap_or_else(now);
    let mut body = json!({
        "source": set.filter.source, "error_type": set.filter.error_type, "tenant_id": context.client.tenant(),
        "before": before, "rate_per_s": set.rate,
    });
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let found = post(context, &body, true).await?;
    let number = format!(
        "{}{}",
        counted(found.ids.len() as u64, "dead letter", "dead letters"),
        if found.more { " and more" } else { "" }
    );
    if set.dry_run || found.ids.is_empty() {
        return report(context, &found, &format!("{number}; nothing was sent"));
    }
    output::confirm(
        set.yes,
        &format!("Send {number} back?"),
        &format!("this would send {number} back: add --yes, or --dry-run to count only"),
        "nothing was sent",
    )?;
    let mut all = RedrivenSet::default();
    loop {
        let part = post(context, &body, false).await?;
        all.redriven += part.redriven;
        all.ids.extend(part.ids.clone());
        all.failed.extend(part.failed);
        // A round in which nothing could be sent would be followed by the same one.
        if !part.more || part.redriven == 0 {
            all.more = part.more;
            break;
        }
        if output::interactive() {
            output::note(&format!("{} sent so far", counted(all.redriven, "letter", "letters")));
        }
    }
    let sentence = format!("{} sent back", counted(all.redriven, "dead letter", "dead letters"));
    report(context, &all, &sentence)?;
    if all.failed.is_empty() {
        return Ok(());
    }
    Err(CliError::Differences(format!("{} could not be sent", counted(all.failed.len() as u64, "letter", "letters"))))
}

#[expect(clippy::disallowed_methods, reason = "a person at a terminal means this moment; nothing is derived from it")]
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

async fn post(context: &Context, body: &Value, dry_run: bool) -> Result<RedrivenSet> {
    let mut body = body.clone();
    body["dry_run"] = dry_run.into();
    context.client.send(Method::POST, &path(&["redrive"]), &[], Some(&body)).await?.read()
}

fn report(context: &Context, set: &RedrivenSet, sentence: &str) -> Result<()> {
    if context.format != Format::Table {
        let failed: Vec<Value> = set.failed.iter().map(|one| json!({"id": one.id, "detail": one.detail})).collect();
        let body = json!({"ids": set.ids, "redriven": set.redriven, "failed": failed, "more": set.more});
        return output::data(&body.to_string());
    }
    let mut text = format!("{sentence}\n");
    for failed in &set.failed {
        let _ = writeln!(text, "  {}  {}", plain(&failed.id), plain(&failed.detail));
    }
    output::data(&text)
}

fn list(context: &Context, letters: &[DeadLetter]) -> String {
    let columns = [
        ("Letter", Column::Text),
        ("State", Column::Status),
        ("Source", Column::Text),
        ("Tenant", Column::Text),
        ("Tries", Column::Figure),
        ("Last seen (UTC)", Column::Text),
        ("Error", Column::Sentence),
    ];
    let row = |letter: &DeadLetter| {
        vec![
            letter.id.clone(),
            letter.state.clone(),
            letter.source.clone(),
            letter.tenant_id.clone().unwrap_or_else(|| "–".to_owned()),
            letter.retry_count.to_string(),
            instant(&letter.last_seen),
            format!("{}: {}", letter.error_type, letter.error_message),
        ]
    };
    table(context.screen, &columns, letters.iter().map(row).collect())
}

fn show(screen: Screen, letter: &DeadLetter) -> String {
    let mut text = format!(
        "{} of {}: {}\n",
        screen.bold(&plain(&letter.id)),
        plain(&letter.source),
        screen.toned(&plain(&letter.state), tone(&letter.state))
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<12} {}", screen.wrap(&plain(value), 15, "               "));
    };
    line("error", &format!("{}: {}", letter.error_type, letter.error_message));
    line("tries", &format!("{}, back {}", letter.retry_count, counted(letter.returns, "time", "times")));
    line("seen", &format!("first {} UTC, last {} UTC", instant(&letter.first_seen), instant(&letter.last_seen)));
    for (name, value) in [
        ("tenant", &letter.tenant_id),
        ("run", &letter.saga_id),
        ("correlation", &letter.correlation_id),
        ("notes", &letter.resolution_notes),
        ("by", &letter.by),
        ("payload in", &letter.payload_ref),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    let payload = match &letter.payload {
        Value::String(payload) => payload.clone(),
        payload => serde_json::to_string_pretty(payload).unwrap_or_default(),
    };
    let indented: Vec<String> = payload.lines().map(|line| format!("    {}", plain(line))).collect();
    let _ = writeln!(text, "  payload\n{}", indented.join("\n"));
    if letter.state == "new" {
        let _ =
            writeln!(text, "next: settler dlq redrive {0}, or settler dlq resolve {0} --notes …", plain(&letter.id));
    }
    text
}
