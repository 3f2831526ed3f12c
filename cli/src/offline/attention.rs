//! The exceptions that are worth a person's time first.

use crate::{
    figures::{count, money_in, plain},
    tables::{Column, Screen, table},
};
use domain::matches::{Exception, ExceptionClass};
use std::{cmp::Reverse, collections::BTreeMap};

const SHOWN: usize = 15;

/// How soon a person should look: money that may be lost or owed, then what contradicts itself, then what is only open,
/// and last what may still settle by itself.
fn urgency(exception: &Exception) -> u8 {
    match exception.reason.as_str() {
        "duplicate_charge" | "duplicate_source" | "amount_over" | "amount_under" | "refund_without_sale" => 0,
        "reference_conflict" | "currency_mismatch" | "kind_mismatch" | "fee_variance" | "fx_variance"
        | "dispute_open" => 1,
        "missing_target" | "missing_source" | "partial_capture" | "outside_window" => 2,
        "pending_within_sla" => 4,
        _ => 3,
    }
}

/// Whole units of the currency: the best there is across currencies without asking for rates.
fn size(exception: &Exception) -> u64 {
    let scale = 10_u64.pow(u32::from(exception.currency.exponent()));
    exception.amount_minor.unsigned_abs() / scale
}

/// Empty when nothing is open.
pub fn page<'a>(screen: Screen, exceptions: impl Iterator<Item = &'a Exception>) -> String {
    let mut open: Vec<&Exception> = exceptions.collect();
    if open.is_empty() {
        return String::new();
    }
    open.sort_by_key(|exception| {
        (urgency(exception), Reverse(size(exception)), exception.side, exception.record_id.clone())
    });
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for exception in &open {
        *reasons.entry(exception.reason.as_str()).or_default() += 1;
    }
    let mut tally: Vec<(&str, u64)> = reasons.into_iter().collect();
    tally.sort_by_key(|(reason, number)| (Reverse(*number), *reason));
    let tally: Vec<String> = tally.iter().map(|(reason, number)| format!("{} {reason}", count(*number))).collect();
    let rows = open.iter().take(SHOWN).map(|exception| row(exception)).collect();
    let columns = [
        ("Side", Column::Text),
        ("Record", Column::Text),
        ("Amount", Column::Figure),
        ("Reason", Column::Text),
        ("What it means", Column::Sentence),
    ];
    format!(
        "\n{} {}\n{}\n\n{}\n",
        screen.bold("Look at these first:"),
        format_args!("{} of {} open", count(open.len().min(SHOWN) as u64), count(open.len() as u64)),
        screen.wrap(&tally.join(", "), 0, ""),
        table(screen, &columns, rows),
    )
}

fn row(exception: &Exception) -> Vec<String> {
    let side = match exception.side {
        domain::record::Side::Source => "source",
        domain::record::Side::Target => "target",
    };
    let candidate = exception.candidates.first().filter(|_| exception.class == ExceptionClass::Missing);
    let nearest =
        candidate.map(|best| format!(" Nearest: {}, but {}.", best.record_id, best.why_not.trim_end_matches('.')));
    vec![
        side.to_owned(),
        plain(&exception.record_id),
        money_in(exception.amount_minor, exception.currency.code()),
        exception.reason.clone(),
        plain(&format!("{}{}", exception.explanation, nearest.unwrap_or_default())),
    ]
}
