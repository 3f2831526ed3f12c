//! `settler reconciliation dry-run`: what other matching rules would make of a run.

use super::{Context, read_json};
use crate::{
    answers::{DryRunResult, Figures, Verdict},
    args::DryRun,
    exit::{CliError, Result},
    figures::{count, counted, money, money_in, number, percentage, plain},
    tables::{Column, Screen, table},
};
use reqwest::Method;
use serde_json::json;
use std::fmt::Write;

/// Of each kind, in the table; the answer has more.
const SHOWN: usize = 10;

/// # Errors
/// Differences, where they matter and there are some.
pub async fn run(context: &Context, wanted: &DryRun) -> Result<()> {
    let body = json!({ "reconciliation_id": wanted.id, "matching_rules": read_json(&wanted.rules)? });
    let answer = context.client.send(Method::POST, &["admin", "dry-run"], &[], Some(&body)).await?;
    context.show(&answer.body, |result| story(context.screen, result))?;
    let result: DryRunResult = answer.read()?;
    let different = result.added_count + result.removed_count + result.changed_count;
    if wanted.fail_on_differences && different > 0 {
        let matches = counted(different, "match would be", "matches would be");
        return Err(CliError::Differences(format!("{matches} different")));
    }
    Ok(())
}

fn story(screen: Screen, result: &DryRunResult) -> String {
    let mut text = format!(
        "Run {}, attempt {}, with other rules. Nothing was written.\n\n",
        screen.bold(&plain(&result.reconciliation_id)),
        result.attempt
    );
    text.push_str(&figures(screen, &result.before, &result.after));
    text.push('\n');
    if result.added_count + result.removed_count + result.changed_count == 0 {
        text.push_str("\nNo match would be different.\n");
        return text;
    }
    for money_at_risk in &result.amount_at_risk {
        let amount = |minor| money(minor, money_at_risk.exponent);
        let _ = writeln!(
            text,
            "\n{} matched automatically: {} more, {} less",
            plain(&money_at_risk.currency),
            amount(money_at_risk.added_minor),
            amount(money_at_risk.removed_minor)
        );
    }
    list(screen, &mut text, ("added", result.added_count), result.added.iter().map(row).collect());
    list(screen, &mut text, ("removed", result.removed_count), result.removed.iter().map(row).collect());
    let changed = result.changed.iter().map(|change| {
        let mut cells = row(&change.after);
        let (before, after) = (&change.before, &change.after);
        let both = |before: String, after: String| if before == after { after } else { format!("{before} -> {after}") };
        cells[2] = both(before.status.clone(), after.status.clone());
        cells[3] = both(before.rule.clone(), after.rule.clone());
        cells[4] = both(number(&before.confidence), number(&after.confidence));
        cells
    });
    list(screen, &mut text, ("changed", result.changed_count), changed.collect());
    text
}

fn figures(screen: Screen, before: &Figures, after: &Figures) -> String {
    let columns = [("", Column::Text), ("The run", Column::Figure), ("These rules", Column::Figure)];
    let row = |name: &str, of: fn(&Figures) -> String| vec![name.to_owned(), of(before), of(after)];
    let rows = vec![
        row("rules", |figures| figures.rule_set_version.clone()),
        row("matched", |figures| count(figures.matched_source_count + figures.matched_target_count)),
        row("suggested", |figures| count(figures.suggested_source_count + figures.suggested_target_count)),
        row("unmatched", |figures| count(figures.unmatched_source_count + figures.unmatched_target_count)),
        row("discrepancies", |figures| count(figures.discrepancy_count)),
        row("accuracy %", |figures| percentage(&figures.accuracy_percentage)),
    ];
    table(screen, &columns, rows)
}

fn row(verdict: &Verdict) -> Vec<String> {
    let ids = |ids: &[String]| match ids {
        [] => "–".to_owned(),
        [only] => only.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    };
    vec![
        ids(&verdict.source_ids),
        ids(&verdict.target_ids),
        verdict.status.clone(),
        verdict.rule.clone(),
        number(&verdict.confidence),
        money_in(verdict.amount_minor, &verdict.currency),
    ]
}

fn list(screen: Screen, text: &mut String, (what, all): (&str, u64), mut rows: Vec<Vec<String>>) {
    if all == 0 {
        return;
    }
    rows.truncate(SHOWN);
    let largest = if all > rows.len() as u64 { format!(", the {} largest", rows.len()) } else { String::new() };
    let _ = writeln!(text, "\n{} {what}{largest}", counted(all, "match", "matches"));
    let columns = [
        ("Source", Column::Text),
        ("Target", Column::Text),
        ("Status", Column::Text),
        ("Rule", Column::Text),
        ("Confidence", Column::Figure),
        ("Amount", Column::Figure),
    ];
    text.push_str(&table(screen, &columns, rows));
    text.push('\n');
}
