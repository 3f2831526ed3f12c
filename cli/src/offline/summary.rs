//! `summary.json`: the figures of a run, in the words of the API, and the same as a table.

use crate::{answers::Summary, commands::summary as shown, tables::Screen};
use domain::summary::{RunSummary, SideCounts, SideTotals};
use serde_json::{Value, json};

/// `rejected` counts the rows of source and target that could not be read.
pub fn json(summary: &RunSummary, rejected: [usize; 2]) -> Value {
    let total = |of: &SideCounts| of.in_scope();
    let (source, target) = (&summary.source, &summary.target);
    let side = |of: &SideTotals| {
        json!({
            "in_scope_minor": of.in_scope_minor,
            "matched_minor": of.matched_minor,
            "suggested_minor": of.suggested_minor,
            "unmatched_minor": of.unmatched_minor,
            "excluded_minor": of.excluded_minor,
        })
    };
    let totals: Vec<Value> = summary
        .totals
        .iter()
        .map(|of| {
            json!({
                "currency": of.currency,
                "exponent": of.exponent,
                "source": side(&of.source),
                "target": side(&of.target),
                "difference": of.difference,
            })
        })
        .collect();
    json!({
        "total_source_records": total(source),
        "total_target_records": total(target),
        "matched_count": source.matched,
        "matched_target_count": target.matched,
        "suggested_source_count": source.suggested,
        "suggested_target_count": target.suggested,
        "unmatched_source_count": source.unmatched,
        "unmatched_target_count": target.unmatched,
        "excluded_source_count": source.excluded,
        "excluded_target_count": target.excluded,
        "rejected_source_rows": rejected[0],
        "rejected_target_rows": rejected[1],
        "discrepancy_count": summary.discrepancy_count,
        "accuracy_percentage": summary.accuracy(),
        "totals": totals,
        "warnings": summary.warnings,
        "engine_version": summary.engine_version,
        "rule_set_version": summary.rule_set_version,
        "input_digest": summary.input_digest,
    })
}

pub fn render(screen: Screen, run: &Summary) -> String {
    format!("{}{}", shown::result(screen, run).trim_start_matches('\n'), shown::warnings(screen, run))
}
