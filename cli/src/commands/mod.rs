//! One file per subject. A command makes its calls and hands the answer to the table or prints it as it came.

pub mod breaker;
pub mod connection;
pub mod decisions;
pub mod dlq;
pub mod doctor;
mod dry_run;
pub mod events;
pub mod job;
pub mod key;
mod migrate;
pub mod projections;
pub mod reconciliation;
pub mod results;
pub mod saga;
pub mod steer;
pub mod summary;
pub mod upload;
pub mod usage;
pub mod wait;
pub mod webhook;

use crate::{
    args::{Command, Paging},
    client::{self, Client, Query},
    exit::{CliError, Result},
    output::{self, Format},
    tables::Screen,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};
use std::{io::Read, path::Path};

/// What every command needs.
#[derive(Debug)]
pub struct Context {
    pub client: Client,
    pub format: Format,
    pub screen: Screen,
}

/// # Errors
/// Why the command did not do what was asked.
pub async fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Connection(command) => connection::run(context, command).await,
        Command::Job(command) => job::run(context, command).await,
        Command::Webhook(command) => webhook::run(context, command).await,
        Command::Reconciliation(command) => reconciliation::run(context, *command).await,
        Command::Suggestion(command) => decisions::suggestion(context, command).await,
        Command::Upload(what) => upload::run(context, &what).await,
        Command::Saga(command) => saga::run(context, command).await,
        Command::Events(command) => events::run(context, command).await,
        Command::Usage(days) => usage::daily(context, &days).await,
        Command::ErrorHotspots(filter) => usage::hotspots(context, &filter).await,
        Command::Projections(command) => projections::run(context, command).await,
        Command::Migrate { dry_run } => migrate::run(context, dry_run).await,
        Command::Dlq(command) => dlq::run(context, command).await,
        Command::Breaker(command) => breaker::run(context, command).await,
        Command::Key(command) => key::run(context, command).await,
        // They need no API, or not one that answers, and were answered before.
        Command::Doctor | Command::Match(_) | Command::Rules(_) | Command::Completions { .. } => Ok(()),
    }
}

impl Context {
    /// An item as JSON, or as the text that `table` makes of it.
    pub fn show<T: DeserializeOwned>(&self, raw: &RawValue, table: impl FnOnce(&T) -> String) -> Result<()> {
        match self.format {
            Format::Table => output::data(&table(&client::read(raw)?)),
            format => output::item(format, raw),
        }
    }

    /// A list: JSON lines as the pages come, else all at once.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: Query<'_>,
        paging: &Paging,
        what: &str,
        table: impl FnOnce(&[T], bool) -> String,
    ) -> Result<()> {
        let mut items: Vec<Box<RawValue>> = Vec::new();
        let lines = self.format == Format::Jsonl;
        let more = self
            .client
            .pages(path, query, paging.most(), |page| {
                if lines {
                    return page.iter().try_for_each(|item| output::item(Format::Jsonl, item));
                }
                items.extend(page);
                Ok(())
            })
            .await?;
        match self.format {
            Format::Table if items.is_empty() => output::note(&format!("no {what}")),
            Format::Table => {
                let rows: Vec<T> = items.iter().map(|item| client::read(item)).collect::<Result<_>>()?;
                output::data(&table(&rows, more))?;
            }
            Format::Json => output::array(&items)?,
            Format::Jsonl => {}
        }
        if more {
            output::note(&format!("there are more {what}: --all shows all, --limit N so many"));
        }
        Ok(())
    }
}

/// A JSON document from a file, or from stdin for `-`. Its content is not quoted in messages: it may hold secrets.
///
/// # Errors
/// Usage, naming the file.
pub fn read_json(path: &Path) -> Result<Value> {
    let stdin = path == Path::new("-");
    let name = if stdin { "stdin".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    let read = if stdin {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|content| text = content)
    };
    read.map_err(|error| CliError::Usage(format!("cannot read {name}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        CliError::Usage(format!("{name} is not JSON: line {}, column {}", error.line(), error.column()))
    })
}
