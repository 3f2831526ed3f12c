//! `settler events verify` and `rebuild-heads`: part after part until all is looked at.

use super::Context;
use crate::{
    answers::{Damage, EventsAudited, RebuiltHead},
    args::Audited,
    client,
    exit::{CliError, Result},
    figures::{count, counted, plain},
    output::{self, Format},
    tables::{Column, table},
};
use indicatif::ProgressBar;
use serde_json::{Value, json, value::RawValue};

pub async fn verify(context: &Context, what: &Audited) -> Result<()> {
    let found = parts(context, "verify", what).await?;
    show(context, &found, |damaged: &[Damage]| {
        let columns = [("Aggregate", Column::Text), ("#", Column::Figure), ("What is wrong", Column::Sentence)];
        let row = |damage: &Damage| {
            let aggregate = format!("{} {} {}", damage.tenant_id, damage.aggregate_type, damage.aggregate_id);
            vec![plain(&aggregate), damage.sequence.to_string(), plain(&damage.detail)]
        };
        table(context.screen, &columns, damaged.iter().map(row).collect())
    })?;
    match found.damaged.len() {
        0 => {
            output::note(&format!(
                "intact: {} in {} of {}",
                counted(found.events, "event", "events"),
                counted(found.commits, "commit", "commits"),
                counted(found.streams, "stream", "streams")
            ));
            Ok(())
        }
        damaged => {
            let streams = counted(found.streams, "stream is", "streams are");
            Err(CliError::Differences(format!("{damaged} of {streams} damaged")))
        }
    }
}

pub async fn rebuild_heads(context: &Context, what: &Audited, yes: bool) -> Result<()> {
    output::confirm(
        yes,
        "Write heads anew where they are missing or differ from their commits?",
        "heads that differ from their commits are overwritten: add --yes",
        "nothing was written",
    )?;
    let found = parts(context, "rebuild-heads", what).await?;
    show(context, &found, |_: &[Damage]| {
        let columns = [("Aggregate", Column::Text), ("Was", Column::Figure), ("Now", Column::Figure)];
        let row = |head: &RebuiltHead| {
            let aggregate = format!("{} {} {}", head.tenant_id, head.aggregate_type, head.aggregate_id);
            let was = head.was.map_or_else(|| "–".to_owned(), |was| was.to_string());
            vec![plain(&aggregate), was, head.version.to_string()]
        };
        table(context.screen, &columns, found.rebuilt.iter().map(row).collect())
    })?;
    let rebuilt = counted(found.rebuilt.len() as u64, "head", "heads");
    output::note(&format!("{rebuilt} written, {} looked at", counted(found.streams, "stream", "streams")));
    match found.damaged.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(CliError::Differences(format!(
            "{} damaged, first {} {} at event {}: {}",
            counted(found.damaged.len() as u64, "stream is", "streams are"),
            plain(&first.aggregate_type),
            plain(&first.aggregate_id),
            first.sequence,
            plain(&first.detail)
        ))),
    }
}

/// All parts together. The answers are summed, so JSON shows one document however many calls it took.
async fn parts(context: &Context, action: &str, what: &Audited) -> Result<EventsAudited> {
    let mut body = json!({});
    if let (Some(aggregate_type), Some(id)) = (&what.aggregate_type, &what.aggregate_id) {
        body = json!({ "aggregate_type": aggregate_type, "aggregate_id": id });
    }
    let spinner = if output::interactive() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let mut sum = EventsAudited::default();
    let mut cursor: Option<String> = None;
    loop {
        let query = [("cursor", cursor.as_deref())];
        let part: EventsAudited = context.client.ask(&["admin", "events", action], &query, &body).await?.read()?;
        sum.streams += part.streams;
        sum.commits += part.commits;
        sum.events += part.events;
        sum.damaged.extend(part.damaged);
        sum.rebuilt.extend(part.rebuilt);
        spinner.set_message(format!("{} streams so far", count(sum.streams)));
        spinner.tick();
        match part.next_cursor {
            None => break,
            Some(next) if cursor.as_ref() == Some(&next) => {
                return Err(CliError::Unexpected("the audit does not get any further; please report it".to_owned()));
            }
            next => cursor = next,
        }
    }
    spinner.finish_and_clear();
    Ok(sum)
}

fn show(context: &Context, found: &EventsAudited, rows: impl FnOnce(&[Damage]) -> String) -> Result<()> {
    if context.format == Format::Table {
        let rows_there = !found.damaged.is_empty() || !found.rebuilt.is_empty();
        return if rows_there { output::data(&rows(&found.damaged)) } else { Ok(()) };
    }
    let damage = |damage: &Damage| -> Value {
        json!({
            "tenant_id": damage.tenant_id, "aggregate_type": damage.aggregate_type, "aggregate_id": damage.aggregate_id,
            "sequence": damage.sequence, "detail": damage.detail,
        })
    };
    let rebuilt = |head: &RebuiltHead| -> Value {
        json!({
            "tenant_id": head.tenant_id, "aggregate_type": head.aggregate_type, "aggregate_id": head.aggregate_id,
            "was": head.was, "version": head.version,
        })
    };
    let document = json!({
        "intact": found.damaged.is_empty(),
        "streams": found.streams,
        "commits": found.commits,
        "events": found.events,
        "damaged": found.damaged.iter().map(damage).collect::<Vec<_>>(),
        "rebuilt": found.rebuilt.iter().map(rebuilt).collect::<Vec<_>>(),
    });
    let raw: Box<RawValue> = client::raw(&document)?;
    output::item(context.format, &raw)
}
