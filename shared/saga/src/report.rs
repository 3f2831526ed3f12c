//! The report that finance downloads: every record of the run once, as CSV and as JSON lines.

use crate::{error::StepError, input::StepInput, matching_step::joined, staged, staging::results_prefix};
use domain::{
    AttemptNumber, ErrorName, ReconciliationId, TenantId,
    decision::Decisions,
    matches::{CarriedReview, ExceptionClass, Match},
    ports::{Blobs, PortError},
    reconciliation::Published,
    record::Side,
};
use matching::Outcome;
use serde_json::json;

/// Key of the report of one attempt in the given format (`csv` or `jsonl`).
#[must_use]
pub fn report_key(input: &StepInput, format: &str) -> String {
    key_of((&input.tenant_id, &input.reconciliation_id), input.attempt, format)
}

fn key_of((tenant, id): (&TenantId, &ReconciliationId), attempt: AttemptNumber, format: &str) -> String {
    format!("{}/a{attempt}/report.{format}", results_prefix(tenant, id))
}

const COLUMNS: [&str; 13] = [
    "class",
    "side",
    "source_ids",
    "target_ids",
    "order_names",
    "amount_minor",
    "amount",
    "currency",
    "difference_minor",
    "rule",
    "confidence",
    "reason",
    "explanation",
];

/// Text from outside. A cell that a spreadsheet would run as a formula (OWASP: CSV injection) is shown as text.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn internal(cause: impl std::fmt::Display) -> StepError {
    StepError::new(ErrorName::Internal, format!("the report cannot be written: {cause}"))
}

fn match_row(class: &str, found: &Match) -> [String; 13] {
    let (sources, targets) = joined(found);
    [
        class.into(),
        "both".into(),
        cell(&sources),
        cell(&targets),
        cell(&found.order_names.join(" ")),
        found.amount_minor.to_string(),
        found.currency.format(found.amount_minor),
        found.currency.to_string(),
        found.difference.sum().to_string(),
        found.rule.to_string(),
        format!("{}.{:04}", found.confidence_bp / 10_000, found.confidence_bp % 10_000),
        String::new(),
        String::new(),
    ]
}

/// A record that stands alone, as a row.
struct Single<'a> {
    class: &'a str,
    side: Side,
    id: &'a str,
    order_name: Option<&'a str>,
    amount_minor: i64,
    currency: domain::Currency,
    reason: &'a str,
    explanation: &'a str,
}

impl Single<'_> {
    fn row(&self) -> [String; 13] {
        let (source, target) = match self.side {
            Side::Source => (self.id, ""),
            Side::Target => ("", self.id),
        };
        [
            self.class.into(),
            if self.side == Side::Source { "source" } else { "target" }.into(),
            cell(source),
            cell(target),
            cell(self.order_name.unwrap_or_default()),
            self.amount_minor.to_string(),
            self.currency.format(self.amount_minor),
            self.currency.to_string(),
            String::new(),
            String::new(),
            String::new(),
            self.reason.into(),
            cell(self.explanation),
        ]
    }
}

fn singles(outcome: &Outcome) -> impl Iterator<Item = Single<'_>> {
    let exceptions = outcome.exceptions.iter().map(|exception| Single {
        class: match exception.class {
            ExceptionClass::Missing => "unmatched",
            ExceptionClass::Discrepancy => "discrepancy",
        },
        side: exception.side,
        id: &exception.record_id,
        order_name: exception.order_name.as_deref(),
        amount_minor: exception.amount_minor,
        currency: exception.currency,
        reason: &exception.reason,
        explanation: &exception.explanation,
    });
    let exclusions = outcome.exclusions.iter().map(|exclusion| Single {
        class: "excluded",
        side: exclusion.side,
        id: &exclusion.record_id,
        order_name: exclusion.order_name.as_deref(),
        amount_minor: exclusion.amount_minor,
        currency: exclusion.currency,
        reason: &exclusion.reason,
        explanation: "",
    });
    exceptions.chain(exclusions)
}

pub(crate) fn csv(outcome: &Outcome) -> Result<Vec<u8>, StepError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(internal)?;
    for found in &outcome.matches {
        writer.write_record(match_row("matched", found)).map_err(internal)?;
    }
    for found in &outcome.suggestions {
        writer.write_record(match_row("suggested", found)).map_err(internal)?;
    }
    for single in singles(outcome) {
        writer.write_record(single.row()).map_err(internal)?;
    }
    writer.into_inner().map_err(internal)
}

pub(crate) fn jsonl(outcome: &Outcome) -> Result<Vec<u8>, StepError> {
    let matched =
        outcome.matches.iter().map(|found| json!({ "class": "matched", "match_id": found.id(), "match": found }));
    let suggested =
        outcome.suggestions.iter().map(|found| json!({ "class": "suggested", "match_id": found.id(), "match": found }));
    let exceptions = outcome.exceptions.iter().map(|exception| json!({ "class": "exception", "exception": exception }));
    let excluded = outcome.exclusions.iter().map(|exclusion| json!({ "class": "excluded", "exclusion": exclusion }));
    let orders = outcome.orders.iter().map(|order| json!({ "class": "order", "order": order }));
    let mut lines = Vec::new();
    for line in matched.chain(suggested).chain(exceptions).chain(excluded).chain(orders) {
        serde_json::to_writer(&mut lines, &line).map_err(internal)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Records of a run up to which its report is written anew for the decisions of people. More do not fit the function that
/// answers for the report.
const MAX_DECIDED_RECORDS: u64 = 100_000;

/// Where a run's report lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    pub key: String,
    /// False when people have decided and the run is too large for a report that shows it.
    pub includes_decisions: bool,
}

/// The report as of this version of the run. With decisions it is written when it is asked for first.
///
/// # Errors
/// The published result or the bucket cannot be read or written.
pub async fn report_file(
    blobs: &dyn Blobs,
    (tenant, id): (&TenantId, &ReconciliationId),
    published: &Published,
    (decisions, version): (&Decisions, u64),
    format: &str,
) -> Result<ReportFile, StepError> {
    let file = |key, includes_decisions| ReportFile { key, includes_decisions };
    let as_published = key_of((tenant, id), published.attempt, format);
    if *decisions == Decisions::default() {
        return Ok(file(as_published, true));
    }
    let sides = [&published.summary.source, &published.summary.target];
    if sides.iter().map(|side| side.in_scope() + side.excluded).sum::<u64>() > MAX_DECIDED_RECORDS {
        return Ok(file(as_published, false));
    }
    let key = format!("reports/{tenant}/{id}/a{}/v{version}.{format}", published.attempt);
    match blobs.head(&key, 1).await {
        Ok(_) => return Ok(file(key, true)),
        Err(PortError::Missing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let outcome = decided(staged::result(blobs, &published.reference).await?, decisions);
    let (content_type, body) =
        if format == "csv" { ("text/csv", csv(&outcome)?) } else { ("application/jsonl", jsonl(&outcome)?) };
    blobs.put(&key, content_type, body).await?;
    Ok(file(key, true))
}

/// The engine's result as people's decisions have left it, as the lists show it.
fn decided(mut outcome: Outcome, decisions: &Decisions) -> Outcome {
    let holds = decisions.over_the_result();
    outcome.matches.retain(|found| holds.is_match(found));
    outcome.matches.extend(decisions.standing.iter().map(|(_, decided)| decided.found.clone()));
    outcome.suggestions.retain(|found| holds.is_suggestion(found));
    outcome.exceptions.retain(|open| holds.is_exception(open));
    outcome.exceptions.extend(decisions.left.iter().cloned());
    for open in &mut outcome.exceptions {
        if let Some(review) = decisions.review(open.side, &open.record_id) {
            open.review = Some(CarriedReview::from(review.clone()));
        }
    }
    outcome.orders.retain(|order| holds.is_order(order));
    outcome.orders.extend(decisions.orders.values().cloned());
    outcome
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_run_as_a_formula() {
        for evil in
            ["=1+1", "+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"]
        {
            assert_eq!(cell(evil), format!("'{evil}"));
        }
        for plain in ["", "#1001", "ch_1", "gid://shopify/Order/1", "a=b"] {
            assert_eq!(cell(plain), plain);
        }
    }
}
