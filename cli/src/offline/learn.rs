//! `settler rules learn`: proposes the weights of a rule set from two files, with pairs known to be right or without.
//! It changes nothing: a person reads what the proposal is worth, and gives the file to `match --rules` or to a job.

use super::{files, input, rules, spinner};
use crate::{
    args::Learn,
    exit::{CliError, Result},
    figures::{count, counted},
    output::{self, Format},
    tables::{Column, Screen, table},
};
use matching::{Accuracy, Learnt, Outcome, RuleSet, RunInput, accuracy, learn};
use serde_json::json;
use std::{fs, path::Path};

/// Columns of a file of known pairs: those of `matches.csv`, or simply the first two.
const SOURCE: &str = "source_id";
const TARGET: &str = "target_id";

/// # Errors
/// Usage when a file or the rules cannot be read, or no label names a record of the files.
pub fn run(what: &Learn, format: Format, screen: Screen) -> Result<()> {
    let start = rules::of(&what.rules)?;
    let (source, target) = files::read_both(&what.files, true)?;
    let input = input::of(&what.days, source.records, target.records)?;
    let labels = what.labels.as_deref().map(|file| labels(file, &input)).transpose()?;
    let progress = spinner("comparing, learning, and trying it out");
    let failed = |error: matching::ConservationError| CliError::Unexpected(error.to_string());
    let learnt = learn(&input, &start, labels.as_deref()).map_err(failed)?;
    let before = matching::reconcile(&input, &start).map_err(failed)?;
    let after = matching::reconcile(&input, &learnt.rules).map_err(failed)?;
    let worth = labels.as_deref().map(|known| [accuracy(&before, known), accuracy(&after, known)]);
    progress.finish_and_clear();
    let proposal = serde_json::to_value(&learnt.rules).map_err(|error| CliError::Unexpected(error.to_string()))?;
    let text = format!("{proposal:#}\n");
    fs::write(&what.output, &text)
        .map_err(|error| CliError::Usage(format!("cannot write {}: {error}", what.output.display())))?;
    match format {
        Format::Table => output::data(&told(screen, what, &start, (&learnt, worth), [&before, &after])),
        format => {
            let shown = json!({
                "rules": proposal, "version": learnt.rules.version(), "compared": learnt.compared, "rounds": learnt.rounds,
                "before": side(worth.map(|[before, _]| before), &before), "after": side(worth.map(|[_, after]| after), &after),
            });
            let raw =
                serde_json::value::to_raw_value(&shown).map_err(|error| CliError::Unexpected(error.to_string()))?;
            output::item(format, &raw)
        }
    }
}

/// Records in each state.
fn tally(outcome: &Outcome) -> [usize; 3] {
    let records = |found: &[domain::matches::Match]| {
        found.iter().map(|found| found.source_ids.len() + found.target_ids.len()).sum::<usize>()
    };
    let discrepant = outcome.exceptions.iter().filter(|one| one.class == domain::matches::ExceptionClass::Missing);
    [records(&outcome.matches), records(&outcome.suggestions), discrepant.count()]
}

fn side(accuracy: Option<Accuracy>, outcome: &Outcome) -> serde_json::Value {
    let [matched, suggested, unmatched] = tally(outcome);
    json!({ "matched_records": matched, "suggested_records": suggested, "unmatched_records": unmatched, "accuracy": accuracy })
}

/// Pairs known to be right. A pair whose records are not in the files teaches nothing and is left out, with a word.
fn labels(file: &Path, input: &RunInput) -> Result<Vec<(String, String)>> {
    let named = |detail: String| CliError::Usage(format!("{}: {detail}", file.display()));
    let mut reader = csv::ReaderBuilder::new().from_path(file).map_err(|error| named(error.to_string()))?;
    let head = reader.headers().map_err(|error| named(error.to_string()))?.clone();
    let at = |name: &str, other: usize| head.iter().position(|column| column.trim() == name).unwrap_or(other);
    let (source, target) = (at(SOURCE, 0), at(TARGET, 1));
    if head.len() < 2 {
        return Err(named(format!("needs two columns, `{SOURCE}` and `{TARGET}`")));
    }
    let known = |records: &domain::records::Records| {
        records.iter().map(|record| record.id().to_owned()).collect::<std::collections::HashSet<_>>()
    };
    let (sources, targets) = (known(&input.source), known(&input.target));
    let (mut pairs, mut strange) = (Vec::new(), 0);
    for row in reader.records() {
        let row = row.map_err(|error| named(error.to_string()))?;
        let cell = |at: usize| row.get(at).unwrap_or_default().trim().to_owned();
        let pair = (cell(source), cell(target));
        if sources.contains(pair.0.as_str()) && targets.contains(pair.1.as_str()) {
            pairs.push(pair);
        } else {
            strange += 1;
        }
    }
    if pairs.is_empty() {
        return Err(named("no row names a record of the source and one of the target".to_owned()));
    }
    if strange > 0 {
        let rows = counted(strange, "row", "rows");
        output::note(&format!("{}: {rows} left out: the records are not in the files", file.display()));
    }
    Ok(pairs)
}

fn told(
    screen: Screen,
    what: &Learn,
    start: &RuleSet,
    (learnt, worth): (&Learnt, Option<[Accuracy; 2]>),
    outcomes: [&Outcome; 2],
) -> String {
    let columns = [("", Column::Text), ("Rules as they are", Column::Figure), ("Proposal", Column::Figure)];
    let mut rows = vec![vec!["version".to_owned(), start.version(), learnt.rules.version()]];
    let [before, after] = outcomes.map(tally);
    for (at, name) in ["records matched", "records suggested", "records unmatched"].into_iter().enumerate() {
        rows.push(vec![name.to_owned(), count(before[at] as u64), count(after[at] as u64)]);
    }
    if let Some([before, after]) = &worth {
        let percent = |share: u32| format!("{}.{:02} %", share / 1_000, share % 1_000 / 10);
        let mut add = |name: &str, of: fn(&Accuracy) -> u32| {
            rows.push(vec![name.to_owned(), percent(of(before)), percent(of(after))]);
        };
        add("automatic precision", |accuracy| accuracy.automatic_precision);
        add("coverage", |accuracy| accuracy.coverage);
        add("F1 with suggestions", |accuracy| accuracy.f1);
        add("suggestions right", |accuracy| accuracy.suggestions_right);
        add("calibration error", |accuracy| accuracy.calibration_error);
        rows.push(vec![
            "wrong automatic pairs".to_owned(),
            count(before.automatic_wrong as u64),
            count(after.automatic_wrong as u64),
        ]);
    }
    let how = match &worth {
        Some([accuracy, _]) => format!("{} known pairs", count(accuracy.known as u64)),
        None => format!("no known pairs, {}", counted(learnt.rounds as u64, "round", "rounds")),
    };
    let warning = if worth.is_some() {
        "The accuracy is measured on the data that were learnt from: try the proposal on other data before you adopt it.\n"
    } else {
        "Without known pairs nothing says whether the proposal is better: compare results before you adopt it.\n"
    };
    format!(
        "{}\n\nLearnt from {} compared pairs ({how}). {warning}Written to {}; to use it: settler match --rules {} …\n",
        table(screen, &columns, rows),
        count(learnt.compared as u64),
        what.output.display(),
        what.output.display(),
    )
}
