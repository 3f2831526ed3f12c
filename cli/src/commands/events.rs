//! `settler events`: the audit trail.

mod audit;

use super::Context;
use crate::{
    answers::Event,
    args::{EventsCommand, EventsList},
    exit::{CliError, Result},
    figures::{instant, plain},
    output::{self, Format},
    tables::{Column, table},
};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;

/// Members of an event's data that a table row has room for.
const SHOWN_MEMBERS: usize = 6;
/// Members of a list that are named; of a longer one only their number is.
const SHOWN_ITEMS: usize = 4;
/// Longest value shown of one: an id or a digest is never longer, so none is cut.
const SHOWN_CHARS: usize = 64;

pub async fn run(context: &Context, command: EventsCommand) -> Result<()> {
    match command {
        EventsCommand::List(list) => self::list(context, &list).await,
        EventsCommand::Verify(what) => audit::verify(context, &what).await,
        EventsCommand::RebuildHeads { what, yes } => audit::rebuild_heads(context, &what, yes).await,
    }
}

async fn list(context: &Context, list: &EventsList) -> Result<()> {
    let (kind, id) =
        (list.aggregate_type.as_deref().unwrap_or_default(), list.aggregate_id.as_deref().unwrap_or_default());
    match &list.correlation {
        Some(correlation) => {
            let columns = [
                ("Time (UTC)", Column::Text),
                ("Aggregate", Column::Text),
                ("#", Column::Figure),
                ("Event", Column::Text),
                ("By", Column::Text),
                ("Data", Column::Sentence),
            ];
            let row = |event: &Event| {
                vec![
                    time(event),
                    format!("{} {}", event.aggregate_type, event.aggregate_id),
                    event.sequence.to_string(),
                    event.event_type.clone(),
                    by(event),
                    data(&event.data),
                ]
            };
            let rows = |events: &[Event], _| table(context.screen, &columns, events.iter().map(row).collect());
            context
                .list(
                    &["admin", "events", "correlation", correlation],
                    &[],
                    &list.paging,
                    "events with this correlation id",
                    rows,
                )
                .await
        }
        None => {
            let columns = [
                ("#", Column::Figure),
                ("Time (UTC)", Column::Text),
                ("Event", Column::Text),
                ("By", Column::Text),
                ("Data", Column::Sentence),
            ];
            let row = |event: &Event| {
                vec![event.sequence.to_string(), time(event), event.event_type.clone(), by(event), data(&event.data)]
            };
            let rows = |events: &[Event], _| table(context.screen, &columns, events.iter().map(row).collect());
            let path = ["admin", "events", kind, id];
            context.list(&path, &[("as_of", list.as_of.as_deref())], &list.paging, "events", rows).await?;
            match &list.as_of {
                Some(as_of) => state_at(context, &path, as_of).await,
                None => Ok(()),
            }
        }
    }
}

/// What the events up to then fold into. A further document after the list, in every format.
async fn state_at(context: &Context, path: &[&str], as_of: &str) -> Result<()> {
    let answer = context.client.get(path, &[("as_of", Some(as_of)), ("limit", Some("1"))]).await?;
    let then: BTreeMap<String, Box<RawValue>> = answer.read()?;
    let Some(state) = then.get("state") else {
        output::note("streams of this type are never folded, so there is no state to show");
        return Ok(());
    };
    let version = then.get("version").map_or("null", |version| version.get());
    match context.format {
        Format::Table => {
            output::note(&format!("the state at {as_of}, after event {version}:"));
            output::item(Format::Json, state)
        }
        format => {
            let document = format!(r#"{{"as_of":{},"version":{version},"state":{}}}"#, Value::from(as_of), state.get());
            let document = RawValue::from_string(document)
                .map_err(|error| CliError::Unexpected(format!("the API's answer is no JSON: {error}")))?;
            output::item(format, &document)
        }
    }
}

fn time(event: &Event) -> String {
    instant(if event.metadata.timestamp.is_empty() { &event.created_at } else { &event.metadata.timestamp })
}

fn by(event: &Event) -> String {
    event.metadata.user_id.clone().unwrap_or_else(|| "–".to_owned())
}

/// The simple members of the data in short; `-o json` has all of it.
fn data(data: &Value) -> String {
    let Some(members) = data.as_object() else { return String::new() };
    let short = |text: &str| {
        let cut: String = text.chars().take(SHOWN_CHARS).collect();
        if cut.len() < text.len() { format!("{}…", plain(&cut)) } else { plain(&cut) }
    };
    let member = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name}={}", short(text)),
        Value::Array(items) => match items.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
            Some(words) if items.len() <= SHOWN_ITEMS => format!("{name}={}", short(&words.join(","))),
            _ => format!("{name}=({} items)", items.len()),
        },
        Value::Object(_) => format!("{name}={}", short(&value.to_string())),
        other => format!("{name}={other}"),
    };
    let mut shown: Vec<_> =
        members.iter().filter(|(_, value)| !value.is_null()).take(SHOWN_MEMBERS).map(member).collect();
    if members.len() > SHOWN_MEMBERS {
        shown.push("…".to_owned());
    }
    shown.join(" ")
}
