//! The figures of a run, per side and currency, of records in the window only.

use crate::{ENGINE_VERSION, RunInput, board::Board, reason::Reason, table::Ix, tiers::suggest::Suggested};
use domain::{
    matches::{Exception, ExceptionClass, Exclusion},
    record::Side,
    summary::{CurrencyTotals, Difference, RunSummary, SideCounts, SideTotals, Warning, accuracy_bp},
};

/// Shares of records, in percent, beyond which a run looks wrong as a whole.
const MANY_EXCLUDED_PERCENT: u64 = 20;
const FEW_MATCHED_PERCENT: u64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Matched,
    Suggested,
    Unmatched,
    Excluded,
}

/// What there is in one currency.
#[derive(Debug, Clone, Default)]
struct Totals {
    /// Whether any source, and whether any target is in scope.
    seen: [bool; 2],
    /// Source and target.
    sides: [SideTotals; 2],
    difference: Difference,
}

pub(crate) fn count(
    board: &Board<'_>,
    suggested: &Suggested,
    exceptions: &[(Ix, Exception)],
    exclusions: &[Exclusion],
    input: &RunInput,
    input_digest: String,
) -> RunSummary {
    let table = board.table;
    let mut counts: [SideCounts; 2] = Default::default();
    let mut totals: Vec<Option<Totals>> = vec![None; table.currencies.len()];
    let mut add = |side: Side, currency: usize, amount: i64, class: Class| {
        let place = totals[currency].get_or_insert_default();
        let side = usize::from(side == Side::Target);
        let (counts, sums) = (&mut counts[side], &mut place.sides[side]);
        let (count, sum) = match class {
            Class::Matched => (&mut counts.matched, &mut sums.matched_minor),
            Class::Suggested => (&mut counts.suggested, &mut sums.suggested_minor),
            Class::Unmatched => (&mut counts.unmatched, &mut sums.unmatched_minor),
            Class::Excluded => (&mut counts.excluded, &mut sums.excluded_minor),
        };
        *count += 1;
        *sum += amount;
        if class != Class::Excluded {
            sums.in_scope_minor += amount;
            place.seen[side] = true;
        }
    };
    for at in table.positions().filter(|at| table.row(*at).in_window() && table.in_scope(*at)) {
        let row = table.row(at);
        let class = if board.is_taken(at) {
            Class::Matched
        } else if suggested.holds[at as usize] {
            Class::Suggested
        } else {
            Class::Unmatched
        };
        add(row.side(), usize::from(row.currency), row.amount, class);
    }
    for exclusion in exclusions {
        // Each is there; the proof of conservation would miss what is not counted here.
        if let Ok(currency) = table.currencies.binary_search(&exclusion.currency) {
            add(exclusion.side, currency, exclusion.amount_minor, Class::Excluded);
        }
    }
    for accepted in &board.matched.all {
        let difference = accepted.details().difference;
        if difference == Difference::default() {
            continue;
        }
        // A difference across the edge counts once: in the run whose window holds the first source.
        let first: Option<Ix> = accepted.sources().first().copied();
        if let Some(first) = first.filter(|at| table.row(*at).in_window()) {
            let place = totals[usize::from(table.row(first).currency)].get_or_insert_default();
            place.difference = place.difference.plus(&difference);
        }
    }
    let disjoint = !totals.iter().flatten().any(|totals| totals.seen == [true, true]);
    let totals: Vec<CurrencyTotals> = table
        .currencies
        .iter()
        .zip(totals)
        .filter_map(|(currency, totals)| {
            let Totals { sides: [source, target], difference, .. } = totals?;
            Some(CurrencyTotals { currency: *currency, exponent: currency.exponent(), source, target, difference })
        })
        .collect();
    let discrepancies = exceptions.iter().filter(|(_, open)| open.class == ExceptionClass::Discrepancy);
    let [source, target] = counts;
    let mut warnings = warnings(&source, &target, disjoint);
    let repeated = table.duplicates().filter(|record| input.window.contains(record.occurred_at())).count();
    if repeated > 0 {
        let message = format!("{repeated} records were delivered twice while paging; each is counted once.");
        warnings.push(Warning { code: Reason::DuplicatePage.code().to_owned(), message });
    }
    RunSummary {
        discrepancy_count: discrepancies.count() as u64,
        accuracy_bp: accuracy_bp(&source, &target),
        warnings,
        totals,
        source,
        target,
        engine_version: ENGINE_VERSION.to_owned(),
        rule_set_version: board.rules.version(),
        input_digest,
    }
}

fn warnings(source: &SideCounts, target: &SideCounts, disjoint: bool) -> Vec<Warning> {
    let (left, right) = (source.in_scope(), target.in_scope());
    let in_scope = left + right;
    let excluded = source.excluded + target.excluded;
    let matched = source.matched + target.matched;
    let mut warnings = Vec::new();
    let mut warn = |code: &str, message: String| warnings.push(Warning { code: code.to_owned(), message });
    if in_scope == 0 {
        warn("nothing_in_scope", "No movement of money is in scope; check the range and the gateways.".to_owned());
    } else if left == 0 || right == 0 {
        let (empty, full, count) = if left == 0 { ("order", "payment", right) } else { ("payment", "order", left) };
        warn("one_side_empty", format!("The {empty} side has no movement in scope, the {full} side has {count}."));
    }
    if excluded * 100 > (in_scope + excluded) * MANY_EXCLUDED_PERCENT {
        let all = in_scope + excluded;
        warn("many_excluded", format!("{excluded} of {all} records are out of scope; check the gateways of the job."));
    }
    if in_scope > 0 && matched * 100 < in_scope * FEW_MATCHED_PERCENT {
        warn(
            "few_matched",
            format!("Only {matched} of {in_scope} records were matched; are these the right accounts?"),
        );
    }
    if left > 0 && right > 0 && disjoint {
        warn("currencies_disjoint", "The two sides have no currency in common.".to_owned());
    }
    warnings
}
