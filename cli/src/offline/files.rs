//! Both files, read side by side.

use crate::{
    args::Files,
    commands::read_json,
    exit::{CliError, Result},
    figures::count,
    output,
};
use domain::record::Side;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use providers::csv::{FileErrors, Mapping, Reading, read_records};
use std::{fs::File, path::Path, thread};

/// # Errors
/// Usage, with everything that is wrong with both files.
pub fn read_both(what: &Files, strict: bool) -> Result<(Reading, Reading)> {
    let source = mapping(&what.source_map, what.source_mapping.as_deref(), "--source-map");
    let target = mapping(&what.target_map, what.target_mapping.as_deref(), "--target-map");
    let (source, target) = (source?, target?);
    let bars = output::interactive().then(MultiProgress::new);
    let read = |path: &Path, side, mapping: &Mapping| read(path, side, mapping, strict, bars.as_ref());
    let (source, target) = thread::scope(|scope| {
        let other = scope.spawn(|| read(&what.target, Side::Target, &target));
        let source = read(&what.source, Side::Source, &source);
        (source, other.join().unwrap_or_else(|_| Err(CliError::Unexpected("reading the target panicked".to_owned()))))
    });
    match (source, target) {
        (Ok(source), Ok(target)) => {
            describe(&what.source, &source);
            describe(&what.target, &target);
            Ok((source, target))
        }
        (Err(source), Err(target)) => Err(CliError::Usage(format!("{source}\n{target}"))),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// How a file was read, because a wrong guess here spoils everything after it.
pub fn describe(path: &Path, reading: &Reading) {
    let rows = (reading.records.len() + reading.errors.len()) as u64;
    output::note(&format!("{}: {}, {} rows", path.display(), reading.dialect, count(rows)));
}

/// Options say more than the file.
pub fn mapping(options: &[String], file: Option<&Path>, option: &str) -> Result<Mapping> {
    let mut mapping = match file {
        None => Mapping::default(),
        Some(path) => Mapping::from_json(&read_json(path)?).map_err(|errors| {
            let listed: Vec<String> =
                errors.iter().map(|error| format!("\n  {}: {}", error.pointer, error.detail)).collect();
            CliError::Usage(format!("the mapping in {} is not valid:{}", path.display(), listed.concat()))
        })?,
    };
    let mut wrong = Vec::new();
    for text in options {
        match text.split_once('=') {
            Some((key, value)) => {
                if let Err(detail) = mapping.set(key.trim(), value) {
                    wrong.push(format!("\n  {option} {text}: {detail}"));
                }
            }
            None => wrong.push(format!("\n  {option} {text}: must be KEY=VALUE, such as amount=Betrag")),
        }
    }
    if wrong.is_empty() {
        Ok(mapping)
    } else {
        Err(CliError::Usage(format!("what is mapped is not valid:{}", wrong.concat())))
    }
}

fn read(path: &Path, side: Side, mapping: &Mapping, strict: bool, bars: Option<&MultiProgress>) -> Result<Reading> {
    let unreadable = |error: &std::io::Error| CliError::Usage(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let length = file.metadata().map_err(|error| unreadable(&error))?.len();
    let bar = bars.map_or_else(ProgressBar::hidden, |bars| bars.add(bar(path, length)));
    let reading = read_records(bar.wrap_read(file), side, mapping, strict);
    bar.finish_and_clear();
    reading.map_err(|errors| told(path, &errors))
}

fn bar(path: &Path, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message(path.display().to_string());
    match ProgressStyle::with_template("reading {msg} {wide_bar} {percent} %") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// File, line, column and fix, one a line.
pub fn told(path: &Path, errors: &FileErrors) -> CliError {
    let listed: Vec<String> = errors.0.iter().map(|error| format!("{}: {error}", path.display())).collect();
    CliError::Usage(listed.join("\n"))
}
