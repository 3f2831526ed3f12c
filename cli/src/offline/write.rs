//! The files of a result. What a file says depends on the records alone, so equal input gives equal bytes.

use crate::exit::{CliError, Result};
use domain::{
    matches::{Exception, ExceptionClass, Exclusion, MatchKind, match_id},
    record::Side,
};
use matching::{MatchRef, Reconciled};
use providers::csv::CsvError;
use serde_json::Value;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
};

const MATCHES: &str = "matches.csv";
const UNMATCHED: &str = "unmatched.csv";
const DISCREPANCIES: &str = "discrepancies.csv";
const EXCLUDED: &str = "excluded.csv";
pub const REJECTED: &str = "rejected.csv";
const SUMMARY: &str = "summary.json";

/// A file and the errors of its rows.
pub type Rejected<'a> = (&'a PathBuf, &'a Vec<CsvError>);

/// Writes the lists into `dir` and returns the names of the files that are there now; those that would hold nothing but
/// their header are left out and, if an earlier run left one, taken away.
///
/// # Errors
/// Usage when the folder cannot be written to.
pub fn all(dir: &Path, reconciled: &Reconciled<'_>, rejected: [Rejected<'_>; 2]) -> Result<Vec<&'static str>> {
    fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    let mut written = vec![MATCHES, UNMATCHED, SUMMARY];
    save(&dir.join(MATCHES), |file| matches(file, reconciled))?;
    let of_class = |class| reconciled.exceptions().filter(move |exception| exception.class == class);
    save(&dir.join(UNMATCHED), |file| file.write_all(&unmatched(of_class(ExceptionClass::Missing))))?;
    let optional = [
        (DISCREPANCIES, discrepancies(of_class(ExceptionClass::Discrepancy))),
        (EXCLUDED, excluded(reconciled.exclusions())),
        (REJECTED, unreadable_rows(rejected)),
    ];
    for (name, text) in optional {
        let path = dir.join(name);
        if text.iter().filter(|byte| **byte == b'\n').count() > 1 {
            save(&path, |file| file.write_all(&text))?;
            written.push(name);
        } else if path.exists() {
            fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
        }
    }
    Ok(written)
}

/// # Errors
/// Usage when the folder cannot be written to.
pub fn summary(dir: &Path, body: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(body).map_err(|error| CliError::Unexpected(error.to_string()))?;
    save(&dir.join(SUMMARY), |file| writeln!(file, "{text}"))
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Usage(format!("cannot write {}: {error}", path.display()))
}

/// Beside the old file first, so that nobody ever reads half of one.
fn save(path: &Path, write: impl FnOnce(&mut fs::File) -> io::Result<()>) -> Result<()> {
    let beside = path.with_extension("part");
    let mut file = fs::File::create(&beside).map_err(|error| unwritable(path, &error))?;
    write(&mut file).and_then(|()| fs::rename(&beside, path)).map_err(|error| unwritable(path, &error))
}

/// One field with what follows it; in quotes where it has to be.
fn field(out: &mut Vec<u8>, text: &str, end: u8) {
    if text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.push(b'"');
        out.extend(text.replace('"', "\"\"").into_bytes());
        out.push(b'"');
    } else {
        out.extend(text.as_bytes());
    }
    out.push(end);
}

fn row(out: &mut Vec<u8>, fields: &[&str]) {
    for (index, text) in fields.iter().enumerate() {
        field(out, text, if index + 1 == fields.len() { b'\n' } else { b',' });
    }
}

const fn side(of: Side) -> &'static str {
    match of {
        Side::Source => "source",
        Side::Target => "target",
    }
}

/// Matches that a core writes out before they go to the file.
const PAGE: usize = 16_384;

/// The matches and then the suggestions, page by page, of which two are written out at once.
fn matches(file: &mut fs::File, reconciled: &Reconciled<'_>) -> io::Result<()> {
    let mut head = Vec::new();
    row(&mut head, &["match_id", "kind", "source_id", "target_id", "status", "confidence", "rule", "margin"]);
    file.write_all(&head)?;
    list(file, reconciled.matches(), "matched")?;
    list(file, reconciled.suggestions(), "suggested")
}

fn list<'r>(file: &mut fs::File, mut found: impl Iterator<Item = MatchRef<'r>>, status: &str) -> io::Result<()> {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    loop {
        let first: Vec<MatchRef<'_>> = found.by_ref().take(PAGE).collect();
        let second: Vec<MatchRef<'_>> = found.by_ref().take(PAGE).collect();
        if first.is_empty() {
            return Ok(());
        }
        thread::scope(|scope| {
            scope.spawn(|| page(&mut other, &second, status));
            page(&mut one, &first, status);
        });
        file.write_all(&one)?;
        file.write_all(&other)?;
    }
}

fn page(out: &mut Vec<u8>, found: &[MatchRef<'_>], status: &str) {
    out.clear();
    found.iter().for_each(|found| edges(out, *found, status));
}

/// A pair is one row, a set of k has k, i-th with i-th; a group has one for each edge.
fn edges(out: &mut Vec<u8>, found: MatchRef<'_>, status: &str) {
    let (sources, targets): (Vec<&str>, Vec<&str>) = (found.source_ids().collect(), found.target_ids().collect());
    let id = match_id(&sources, &targets);
    let kind = match found.kind() {
        MatchKind::Pair => "pair",
        MatchKind::Group => "group",
        MatchKind::Set => "set",
    };
    let confidence = format!("{}.{:04}", found.confidence_bp() / 10_000, found.confidence_bp() % 10_000);
    let margin = found.margin().map(|margin| margin.to_string()).unwrap_or_default();
    let mut edge = |source: &str, target: &str| {
        row(out, &[&id, kind, source, target, status, &confidence, found.rule(), &margin]);
    };
    if found.kind() == MatchKind::Set {
        sources.iter().zip(&targets).for_each(|(source, target)| edge(source, target));
    } else {
        for source in &sources {
            targets.iter().for_each(|target| edge(source, target));
        }
    }
}

fn unmatched<'a>(exceptions: impl Iterator<Item = &'a Exception>) -> Vec<u8> {
    let mut out = Vec::new();
    row(&mut out, &["side", "id", "reason", "best_candidate", "why_not"]);
    for exception in exceptions {
        let (best, why_not) = exception
            .candidates
            .first()
            .map_or(("", ""), |candidate| (candidate.record_id.as_str(), candidate.why_not.as_str()));
        row(&mut out, &[side(exception.side), &exception.record_id, &exception.reason, best, why_not]);
    }
    out
}

fn discrepancies<'a>(exceptions: impl Iterator<Item = &'a Exception>) -> Vec<u8> {
    let mut out = Vec::new();
    row(&mut out, &["side", "id", "amount", "currency", "reason", "explanation"]);
    for of in exceptions {
        let amount = of.currency.format(of.amount_minor);
        row(&mut out, &[side(of.side), &of.record_id, &amount, of.currency.code(), &of.reason, &of.explanation]);
    }
    out
}

fn excluded(exclusions: &[Exclusion]) -> Vec<u8> {
    let mut out = Vec::new();
    row(&mut out, &["side", "id", "amount", "currency", "reason"]);
    for of in exclusions {
        let amount = of.currency.format(of.amount_minor);
        row(&mut out, &[side(of.side), &of.record_id, &amount, of.currency.code(), &of.reason]);
    }
    out
}

fn unreadable_rows(rejected: [Rejected<'_>; 2]) -> Vec<u8> {
    let mut out = Vec::new();
    row(&mut out, &["side", "file", "line", "column", "code", "detail"]);
    for (name, (file, errors)) in ["source", "target"].into_iter().zip(rejected) {
        let file = file.display().to_string();
        for error in errors {
            let line = error.line.map(|line| line.to_string()).unwrap_or_default();
            row(&mut out, &[name, &file, &line, error.column.as_deref().unwrap_or(""), error.code, &error.detail]);
        }
    }
    out
}
