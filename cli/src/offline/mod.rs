//! `settler match`: two files in, what belongs together out. No service, the same engine.
//!
//! **Invariants:** the output depends on the rows and the rules alone, not on the order of the rows, the clock or the
//! machine; every row of both files is in the result or named as one that cannot be read.

mod attention;
pub mod files;
mod input;
mod learn;
pub mod rules;
mod summary;
mod write;

use crate::{
    answers::Summary,
    args::Match,
    exit::{CliError, Result},
    figures::{count, duration},
    output::{self, Format},
    tables::Screen,
};
use indicatif::{ProgressBar, ProgressStyle};
use providers::csv::Reading;
use serde::Deserialize;
use serde_json::value::to_raw_value;
use std::{
    mem::ManuallyDrop,
    time::{Duration, Instant},
};

const SPIN: Duration = Duration::from_millis(100);

/// # Errors
/// Usage when a file, the mapping or the rules cannot be read; with `--fail-on-differences` when something is open.
pub fn run(what: &Match, format: Format, screen: Screen) -> Result<()> {
    let begun = Instant::now();
    let rules = rules::of(&what.rules)?;
    let (source, target) = files::read_both(&what.files, what.strict)?;
    let rejected = [rejected_rows(what, &source, true), rejected_rows(what, &target, false)];
    let bad = [source.errors.len(), target.errors.len()];
    let (bad_source, bad_target) = (source.errors, target.errors);
    // The process ends with it: to give millions of records back piece by piece would only keep people waiting.
    let input = ManuallyDrop::new(input::of(&what.days, source.records, target.records)?);
    let records = input.source.len() + input.target.len();
    let progress = spinner(&format!("matching {} records", count(records as u64)));
    let reconciled = matching::decide(&input, &rules).map_err(|error| CliError::Unexpected(error.to_string()))?;
    let reconciled = ManuallyDrop::new(reconciled);
    progress.set_message("writing the result");
    let rows_left_out = [(&what.files.source, &bad_source), (&what.files.target, &bad_target)];
    let written = write::all(&what.output_dir, &reconciled, rows_left_out)?;
    let body = summary::json(reconciled.summary(), bad);
    write::summary(&what.output_dir, &body)?;
    progress.finish_and_clear();
    for note in rejected.into_iter().flatten() {
        output::note(&note);
    }
    let told = Summary::deserialize(&body).map_err(|error| CliError::Unexpected(error.to_string()))?;
    match format {
        Format::Table => output::data(&format!(
            "{}{}{}",
            summary::render(screen, &told),
            attention::page(screen, reconciled.exceptions()),
            ending(&written, what, records, begun.elapsed()),
        ))?,
        format => {
            let raw = to_raw_value(&body).map_err(|error| CliError::Unexpected(error.to_string()))?;
            output::item(format, &raw)?;
        }
    }
    match told.differences() {
        Some(open) if what.fail_on_differences => Err(CliError::Differences(format!("not everything adds up: {open}"))),
        _ if what.fail_on_differences && bad != [0, 0] => {
            Err(CliError::Differences("not everything adds up: rows could not be read".to_owned()))
        }
        _ => Ok(()),
    }
}

pub fn spinner(message: &str) -> ProgressBar {
    if !output::interactive() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(message.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(SPIN);
    bar
}

/// Bad rows that are shown; the file lists all.
const SHOWN_ERRORS: usize = 5;

fn rejected_rows(what: &Match, reading: &Reading, source: bool) -> Option<String> {
    let file = if source { &what.files.source } else { &what.files.target };
    if reading.errors.is_empty() {
        return None;
    }
    let mut text = format!(
        "warning: {} of {} cannot be read and {} out; all are listed in {}",
        crate::figures::counted(reading.errors.len() as u64, "row", "rows"),
        file.display(),
        if reading.errors.len() == 1 { "is left" } else { "are left" },
        what.output_dir.join(write::REJECTED).display(),
    );
    for error in reading.errors.iter().take(SHOWN_ERRORS) {
        text.push_str(&format!("\n  {}: {error}", file.display()));
    }
    if reading.errors.len() > SHOWN_ERRORS {
        text.push_str("\n  …");
    }
    Some(text)
}

fn ending(written: &[&str], what: &Match, records: usize, took: Duration) -> String {
    let memory = peak_kib().map(|kib| format!(", {} MiB at most", count(kib / 1_024))).unwrap_or_default();
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    format!(
        "\n{} in {}{memory}\nWritten to {}: {}\n",
        crate::figures::counted(records as u64, "record", "records"),
        duration(millis),
        what.output_dir.display(),
        written.join(", "),
    )
}

/// The most memory that this process has used, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
