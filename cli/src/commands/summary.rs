//! A run's result on one screen: does it add up, what is open, where to look.

use crate::{
    answers::{Cost, Failure, SideTotals, Summary, Totals},
    figures::{count, counted, dollars, dollars_in_column, duration, instant, money, percentage, plain, thousandths},
    steps,
    tables::{Column, Screen, table, tone},
};
use serde_json::Value;
use std::fmt::Write;

/// The run as a text that ends in what to do next.
pub fn render(screen: Screen, run: &Summary) -> String {
    let mut text = head(screen, run);
    let has_result = !run.totals.is_empty()
        || run.total_source_records + run.total_target_records + run.excluded_source_count + run.excluded_target_count
            > 0;
    if has_result || run.status == "completed" {
        text += &result(screen, run);
    }
    text += &warnings(screen, run);
    if let Some(failure) = &run.failure {
        let _ = write!(text, "\n{} {}\n", screen.bold("Failed:"), screen.wrap(&steps::failure(failure), 8, "        "));
    }
    if let Some(cost) = &run.cost {
        text += &self::cost(screen, cost);
    }
    text + &next(screen, run)
}

/// What was consumed, what it cost, and what the tenant costs without any run.
fn cost(screen: Screen, cost: &Cost) -> String {
    let columns = [
        ("Consumed", Column::Text),
        ("Quantity", Column::Figure),
        ("$ per million", Column::Figure),
        ("$", Column::Figure),
    ];
    let mut rows: Vec<Vec<String>> = cost
        .lines
        .iter()
        .map(|line| {
            vec![
                line.resource.replace('_', " "),
                thousandths(line.quantity_milli),
                dollars(line.price_micro_usd_per_million.saturating_mul(1_000)),
                dollars_in_column(line.amount_nano_usd),
            ]
        })
        .collect();
    rows.push(vec!["sum".to_owned(), String::new(), String::new(), dollars_in_column(cost.total_nano_usd)]);
    let so_far = if cost.complete { "" } else { " so far; some of it is not known (yet)" };
    format!(
        "\n{}\n\n{} of functions, at public prices ({}){so_far}\nBeside it each month, with or without runs: {} of the tenant, {} $\n",
        table(screen, &columns, rows),
        counted(cost.invocations, "invocation", "invocations"),
        plain(&cost.prices),
        counted(cost.tenant_secrets, "secret", "secrets"),
        dollars(cost.tenant_monthly_nano_usd),
    )
}

/// Counts and amounts of both sides, per currency.
pub fn result(screen: Screen, run: &Summary) -> String {
    let mut text = format!("\n{}\n\n{}\n", counts(screen, run), accuracy(run));
    for totals in &run.totals {
        let _ = write!(text, "\n{}\n{}\n", amounts(screen, totals, run), difference(totals));
    }
    text
}

/// What makes the run look wrong as a whole; empty when nothing does.
pub fn warnings(screen: Screen, run: &Summary) -> String {
    let mut text = String::new();
    for warning in &run.warnings {
        let _ = write!(text, "\n{} {}", screen.bold("Warning:"), screen.wrap(&self::warning(warning), 9, "         "));
    }
    if !run.warnings.is_empty() {
        text.push('\n');
    }
    text
}

fn head(screen: Screen, run: &Summary) -> String {
    let id = plain(&run.reconciliation_id);
    let attempt = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
    let step = run
        .current_step
        .as_deref()
        .filter(|_| !run.ended())
        .map(|step| format!(", at {}", plain(step)))
        .unwrap_or_default();
    let took = run.duration_ms.map(|millis| format!(" in {}", duration(millis))).unwrap_or_default();
    let status = screen.toned(&plain(&run.status), tone(&run.status));
    let zone = if run.timezone.is_empty() { String::new() } else { format!(" ({})", plain(&run.timezone)) };
    format!(
        "Reconciliation {}  {status}{took}{step}{attempt}\njob {}, {} to {}{zone}, started {} UTC\ncorrelation id {}\n",
        screen.bold(&id),
        plain(&run.job_id),
        plain(&run.date_range.start),
        plain(&run.date_range.end),
        instant(&run.started_at),
        plain(&run.correlation_id),
    )
}

fn side_name(side: &str, adapter: &str) -> String {
    if adapter.is_empty() { side.to_owned() } else { format!("{side} ({adapter})") }
}

fn counts(screen: Screen, run: &Summary) -> String {
    let figures = |name: String, numbers: [u64; 5]| std::iter::once(name).chain(numbers.map(count)).collect();
    let columns = columns("Records");
    let rows = vec![
        figures(
            side_name("source", &run.source_adapter),
            [
                run.total_source_records,
                run.matched_count,
                run.suggested_source_count,
                run.unmatched_source_count,
                run.excluded_source_count,
            ],
        ),
        figures(
            side_name("target", &run.target_adapter),
            [
                run.total_target_records,
                run.matched_target_count,
                run.suggested_target_count,
                run.unmatched_target_count,
                run.excluded_target_count,
            ],
        ),
    ];
    table(screen, &columns, rows)
}

const fn columns(first: &str) -> [(&str, Column); 6] {
    [
        (first, Column::Text),
        ("In scope", Column::Figure),
        ("Matched", Column::Figure),
        ("Suggested", Column::Figure),
        ("Unmatched", Column::Figure),
        ("Excluded", Column::Figure),
    ]
}

fn accuracy(run: &Summary) -> String {
    let share = if run.accuracy_percentage.is_null() {
        "nothing in scope".to_owned()
    } else {
        format!("{} %", percentage(&run.accuracy_percentage))
    };
    let mut text = format!("Accuracy {share}");
    for (number, one, many) in [
        (run.discrepancy_count, "discrepancy", "discrepancies"),
        (run.errors_count, "failed attempt", "failed attempts"),
    ] {
        if number > 0 {
            let _ = write!(text, " · {}", counted(number, one, many));
        }
    }
    text
}

fn amounts(screen: Screen, totals: &Totals, run: &Summary) -> String {
    let row = |name: String, side: &SideTotals| {
        let minor =
            [side.in_scope_minor, side.matched_minor, side.suggested_minor, side.unmatched_minor, side.excluded_minor];
        std::iter::once(name).chain(minor.map(|minor| money(minor, totals.exponent))).collect()
    };
    let rows = vec![
        row(side_name("source", &run.source_adapter), &totals.source),
        row(side_name("target", &run.target_adapter), &totals.target),
    ];
    table(screen, &columns(&totals.currency), rows)
}

/// `target - source` over the matches, which is what the parts sum to; and why the columns above may still differ.
fn difference(totals: &Totals) -> String {
    let agreement = agreement(totals);
    let parts = totals.difference.parts().iter().fold(0_i64, |sum, (_, minor)| sum.saturating_add(*minor));
    let beyond = totals.target.matched_minor.saturating_sub(totals.source.matched_minor).saturating_sub(parts);
    if beyond == 0 {
        return agreement;
    }
    let (beyond, currency) = (money(beyond, totals.exponent), plain(&totals.currency));
    format!("{agreement}; {beyond} {currency} between the columns is in partners outside the range")
}

fn agreement(totals: &Totals) -> String {
    let parts = totals.difference.parts();
    if parts.is_empty() {
        return "matched amounts agree".to_owned();
    }
    let sum = parts.iter().fold(0_i64, |sum, (_, minor)| sum.saturating_add(*minor));
    let told: Vec<_> = parts.iter().map(|(name, minor)| format!("{name} {}", money(*minor, totals.exponent))).collect();
    format!(
        "matched amounts differ by {} {}: {}",
        money(sum, totals.exponent),
        plain(&totals.currency),
        told.join(", ")
    )
}

fn warning(warning: &Value) -> String {
    match (warning["message"].as_str(), warning["code"].as_str()) {
        (Some(message), Some(code)) => format!("{} ({})", plain(message), plain(code)),
        (Some(text), None) | (None, Some(text)) => plain(text),
        (None, None) => plain(warning.as_str().unwrap_or(&warning.to_string())),
    }
}

fn next(screen: Screen, run: &Summary) -> String {
    let id = plain(&run.reconciliation_id);
    let part = |name: &str| format!("settler reconciliation {name} {id}");
    let unmatched = run.unmatched_source_count + run.unmatched_target_count;
    let suggested = run.suggested_source_count + run.suggested_target_count;
    let mut lines: Vec<(String, String)> = Vec::new();
    match run.status.as_str() {
        "completed" => {
            if unmatched + run.discrepancy_count > 0 {
                lines.push((
                    part("unmatched"),
                    format!("{} open, with reasons", count(unmatched + run.discrepancy_count)),
                ));
            }
            if suggested > 0 {
                lines.push((part("suggestions"), format!("{} to decide", count(suggested))));
            }
            if lines.is_empty() {
                lines.push((part("matches"), "everything adds up".to_owned()));
            }
            lines.push((format!("{} --format csv --output {id}.csv", part("report")), "all of it".to_owned()));
        }
        "failed" | "cancelled" => {
            lines.push((format!("settler saga status {id}"), "what ran (platform key)".to_owned()));
        }
        _ => lines.push((part("show"), "look again".to_owned())),
    }
    let width = lines.iter().map(|(_, why)| why.chars().count()).max().unwrap_or(0);
    let mut text = format!("\n{}\n", screen.bold("Next"));
    if let Some(failure) = &run.failure {
        let _ = writeln!(text, "  {}", screen.wrap(steps::advice(failure), 2, "  "));
    }
    for (command, why) in lines {
        let _ = writeln!(text, "  {why:<width$}  {command}");
    }
    text
}

/// For stderr, when a run that was waited for did not complete.
pub fn how_it_failed(run: &Summary) -> String {
    let id = plain(&run.reconciliation_id);
    match &run.failure {
        Some(failure) => {
            let Failure { name, step, message, .. } = failure;
            format!(
                "run {id} {}\n  type: {}\n  step: {}\n  message: {}\n  hint: {}",
                plain(&run.status),
                plain(name),
                plain(step),
                plain(message),
                steps::advice(failure)
            )
        }
        None => format!("run {id} ended {}", plain(&run.status)),
    }
}
