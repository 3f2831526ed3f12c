//! `settler upload`: a file from here into the service.

use super::Context;
use crate::{
    answers::{Connection, Upload as Address},
    args::Upload,
    exit::{CliError, Result},
    figures::{count, counted},
    offline::files,
    output::{self, Format},
    tables::facts,
};
use domain::record::Side;
use providers::csv::{Mapping, read_records};
use reqwest::Method;
use serde_json::{json, value::to_raw_value};

/// Bad rows that are shown.
const SHOWN_ERRORS: usize = 10;

/// # Errors
/// Usage when the file cannot be read as it is mapped; declined when rows of it cannot; the API's problem.
pub async fn run(context: &Context, what: &Upload) -> Result<()> {
    let mapping = files::mapping(&what.map, what.mapping.as_deref(), "--map")?;
    let body = std::fs::read(&what.file)
        .map_err(|error| CliError::Usage(format!("cannot read {}: {error}", what.file.display())))?;
    let rows = check(what, &mapping, &body)?;
    let address: Address =
        context.client.send(Method::POST, &["v1", "uploads"], &[], Some(&json!({}))).await?.read()?;
    let bytes = body.len() as u64;
    if address.max_bytes > 0 && bytes > address.max_bytes {
        return Err(CliError::Usage(format!(
            "{} has {} bytes and at most {} can be read; split it by time",
            what.file.display(),
            count(bytes),
            count(address.max_bytes)
        )));
    }
    context.client.put_file(&address.url, body).await?;
    output::note(&format!("{} uploaded as {}", what.file.display(), address.upload_id));
    if let Some(id) = &what.connection {
        let credentials = json!({ "upload_id": address.upload_id, "mapping": mapping.to_json() });
        let body = json!({ "adapter": "csv", "credentials": credentials });
        let answer = context.client.send(Method::PUT, &["v1", "connections", id], &[], Some(&body)).await?;
        let _: Connection = answer.read()?;
        output::note(&format!("connection {id} reads it"));
    }
    show(context, what, &address.upload_id, rows, bytes)
}

/// As a run will read it. The number of rows.
fn check(what: &Upload, mapping: &Mapping, body: &[u8]) -> Result<u64> {
    let reading =
        read_records(body, Side::Source, mapping, false).map_err(|errors| files::told(&what.file, &errors))?;
    files::describe(&what.file, &reading);
    let bad = &reading.errors;
    if bad.is_empty() {
        return Ok(reading.records.len() as u64);
    }
    let named: Vec<String> =
        bad.iter().take(SHOWN_ERRORS).map(|error| format!("\n  {}: {error}", what.file.display())).collect();
    Err(CliError::RunFailed(format!(
        "{} of {} cannot be read, and a run would fail; nothing was sent:{}{}",
        counted(bad.len() as u64, "row", "rows"),
        what.file.display(),
        named.concat(),
        if bad.len() > SHOWN_ERRORS { "\n  …" } else { "" },
    )))
}

fn show(context: &Context, what: &Upload, id: &str, rows: u64, bytes: u64) -> Result<()> {
    if context.format != Format::Table {
        let body = json!({ "upload_id": id, "connection_id": what.connection, "rows": rows, "bytes": bytes });
        let raw = to_raw_value(&body).map_err(|error| CliError::Unexpected(error.to_string()))?;
        return output::item(context.format, &raw);
    }
    let mut lines = vec![("upload", id.to_owned()), ("rows", count(rows)), ("bytes", count(bytes))];
    if let Some(connection) = &what.connection {
        lines.push(("connection", connection.clone()));
    }
    output::data(&facts(&lines))
}
