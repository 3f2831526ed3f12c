//! A dry run: what is asked, and how its difference is shown.

use crate::{
    body, items,
    problem::Problem,
    request::Request,
    shape::{
        Kind::{self, Free, Id, Integer, List, Number, Object, Text},
        Shape, optional, required,
    },
    shapes::VERDICT,
};
use application::DryRun;
use domain::{ReconciliationId, summary::RunSummary};
use matching::Verdict;
use serde::Deserialize;
use serde_json::{Value, json};

const TEXT: Kind = Text(4_000);
/// Items of each list that are shown: those with the most money. The counts say how many there are.
pub const SHOWN: usize = 100;

pub const DRY_RUN: Shape = Shape {
    name: "DryRun",
    about: "Other rules over what a past run looked at.",
    fields: &[
        required("reconciliation_id", Id, ""),
        required("matching_rules", Free, "As a job has them; what is left out is the profile's default."),
    ],
};

const FIGURES: Shape = Shape {
    name: "Figures",
    about: "What a result comes to.",
    fields: &[
        required("rule_set_version", TEXT, ""),
        required("matched_source_count", Integer, ""),
        required("matched_target_count", Integer, ""),
        required("suggested_source_count", Integer, ""),
        required("suggested_target_count", Integer, ""),
        required("unmatched_source_count", Integer, ""),
        required("unmatched_target_count", Integer, ""),
        required("excluded_source_count", Integer, ""),
        required("excluded_target_count", Integer, ""),
        required("discrepancy_count", Integer, ""),
        optional("accuracy_percentage", Number, ""),
    ],
};

const CHANGE: Shape = Shape {
    name: "Change",
    about: "The same records, judged differently.",
    fields: &[required("before", Object(&VERDICT), ""), required("after", Object(&VERDICT), "")],
};

const AT_RISK: Shape = Shape {
    name: "AmountAtRisk",
    about: "Money of automatic matches, summed over their source side.",
    fields: &[
        required("currency", Text(3), ""),
        required("exponent", Integer, ""),
        required("added_minor", Integer, "Matched automatically by the other rules, and not by the run."),
        required("removed_minor", Integer, "Matched automatically by the run, and not by the other rules."),
    ],
};

pub const DRY_RUN_RESULT: Shape = Shape {
    name: "DryRunResult",
    about: "The difference that other rules would make. Lists hold at most 100 items, those with the most money.",
    fields: &[
        required("reconciliation_id", Id, ""),
        required("attempt", Integer, "Whose result it is compared with."),
        required("before", Object(&FIGURES), "The run's own result, without the decisions of people."),
        required("after", Object(&FIGURES), ""),
        required("added_count", Integer, ""),
        required("removed_count", Integer, ""),
        required("changed_count", Integer, ""),
        required("amount_at_risk", List(&Object(&AT_RISK)), ""),
        required("added", List(&Object(&VERDICT)), "Records that were not together before."),
        required("removed", List(&Object(&VERDICT)), "Records that would be together no more."),
        required("changed", List(&Object(&CHANGE)), ""),
    ],
};

/// The run and the rules that are to be tried. The rules themselves are checked where the job is known.
///
/// # Errors
/// As [`body::operators_object`]; every wrong field at once.
pub fn asked(request: &Request) -> Result<(ReconciliationId, Value), Problem> {
    #[derive(Deserialize)]
    struct Body {
        reconciliation_id: ReconciliationId,
        matching_rules: Value,
    }
    let body = body::operators_object(request)?;
    let errors = DRY_RUN.check(&body);
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let Body { reconciliation_id, matching_rules } =
        Body::deserialize(&body).map_err(|error| Problem::malformed(format!("the body cannot be read: {error}")))?;
    Ok((reconciliation_id, matching_rules))
}

/// # Errors
/// A match that cannot be written as JSON, which is a defect.
pub fn shown(id: &ReconciliationId, run: &DryRun) -> Result<Value, Problem> {
    let verdict = |one: &Verdict| items::verdict(&one.found, if one.suggested { "suggested" } else { "auto" });
    let found = &run.comparison;
    let verdicts = |list: &[Verdict]| list.iter().take(SHOWN).map(verdict).collect::<Result<Vec<_>, _>>();
    let changed = found
        .changed
        .iter()
        .take(SHOWN)
        .map(|change| Ok(json!({ "before": verdict(&change.before)?, "after": verdict(&change.after)? })));
    let at_risk = found.at_risk.iter().map(|(currency, money)| {
        json!({
            "currency": currency, "exponent": currency.exponent(),
            "added_minor": number(money.added_minor), "removed_minor": number(money.removed_minor),
        })
    });
    Ok(json!({
        "reconciliation_id": id,
        "attempt": run.attempt,
        "before": figures(&run.before),
        "after": figures(&run.after),
        "added_count": found.added.len(),
        "removed_count": found.removed.len(),
        "changed_count": found.changed.len(),
        "amount_at_risk": at_risk.collect::<Vec<_>>(),
        "added": verdicts(&found.added)?,
        "removed": verdicts(&found.removed)?,
        "changed": changed.collect::<Result<Vec<_>, Problem>>()?,
    }))
}

/// Sums of a run fit: the engine refuses records whose amounts do not.
fn number(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}

fn figures(summary: &RunSummary) -> Value {
    let (source, target) = (&summary.source, &summary.target);
    json!({
        "rule_set_version": summary.rule_set_version,
        "matched_source_count": source.matched,
        "matched_target_count": target.matched,
        "suggested_source_count": source.suggested,
        "suggested_target_count": target.suggested,
        "unmatched_source_count": source.unmatched,
        "unmatched_target_count": target.unmatched,
        "excluded_source_count": source.excluded,
        "excluded_target_count": target.excluded,
        "discrepancy_count": summary.discrepancy_count,
        "accuracy_percentage": summary.accuracy(),
    })
}
