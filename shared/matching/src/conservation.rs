//! The proof that nothing was lost, invented or used twice, made on every run from the finished lists.

use crate::{
    Outcome, RunInput,
    report::Report,
    table::{Ix, Table},
};
use domain::{Currency, matches::ExceptionClass, record::Side};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What does not add up: a defect of the engine, or amounts that no sum in 64 bits can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConservationError {
    pub violations: Vec<String>,
}

impl fmt::Display for ConservationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the result does not add up: {}", self.violations.join("; "))
    }
}

impl std::error::Error for ConservationError {}

/// Refuses amounts whose absolute values do not sum within 64 bits. After this check the sum, difference or negation of any
/// of them fits, so nobody else has to think of overflow.
///
/// # Errors
/// [`ConservationError`] that says so.
pub(crate) fn summable(input: &RunInput) -> Result<(), ConservationError> {
    let records = input.source.iter().chain(input.target.iter()).flat_map(|record| {
        let shop = record.shop_money().map(|money| money.amount_minor);
        [Some(record.amount_minor()), shop, record.authorized_minor(), record.fee_minor(), record.net_minor()]
    });
    let totals = input.orders.iter().map(|order| Some(order.total.amount_minor));
    let whole: u128 = records.chain(totals).flatten().map(|amount| u128::from(amount.unsigned_abs())).sum();
    if i64::try_from(whole).is_ok() {
        return Ok(());
    }
    Err(ConservationError { violations: vec!["the amounts are too large to be summed".to_owned()] })
}

/// More violations than this are not listed.
const MAX_LISTED: usize = 10;

type Sums = BTreeMap<(Side, Currency), (u64, i128)>;

pub(crate) fn check(table: &Table<'_>, report: &Report<'_>, input: &RunInput) -> Result<(), ConservationError> {
    let outcome = &report.outcome;
    let mut violations = Vec::new();
    let mut seen = vec![0_u32; table.rows.len()];
    // The sum of the records that are meant.
    let mut see = |target: bool, ids: &[String], members: &[Ix], violations: &mut Vec<String>| {
        if ids.len() != members.len() {
            violations.push(format!("{} of {} members are written", ids.len(), members.len()));
        }
        let mut sum = 0;
        for (id, at) in ids.iter().zip(members) {
            let (row, known) = (table.row(*at), table.record(*at).id());
            if row.target != target || known != id {
                violations.push(format!("{id} stands for {known}"));
            }
            seen[*at as usize] += 1;
            sum += i128::from(row.amount);
        }
        sum
    };
    let matches = outcome.matches.iter().zip(&report.matched).map(|(found, members)| (found, members, true));
    let suggestions = outcome.suggestions.iter().zip(&report.suggested).map(|(found, members)| (found, members, false));
    for (found, members, matched) in matches.chain(suggestions) {
        let sources = see(false, &found.source_ids, &members.sources, &mut violations);
        let targets = see(true, &found.target_ids, &members.targets, &mut violations);
        let gap = targets - sources;
        // Every difference is the difference of the members, without a rest.
        if matched && gap != i128::from(found.difference.sum()) {
            violations.push(format!("the difference of {} is not {gap}", found.id()));
        }
    }
    for open in outcome.exceptions.iter().filter(|open| open.class == ExceptionClass::Missing) {
        match table.place(open.side == Side::Target, &open.record_id) {
            Some(at) => seen[at as usize] += 1,
            None => violations.push(format!("{} was never delivered", open.record_id)),
        }
    }
    let mut in_scope: Sums = BTreeMap::new();
    for at in table.positions() {
        let row = table.row(at);
        let side = if row.target { Side::Target } else { Side::Source };
        let times = seen.get(at as usize).copied().unwrap_or(0);
        let counted = row.in_window && table.in_scope(at);
        if counted {
            let place = in_scope.entry((side, table.currency(at))).or_default();
            place.0 += 1;
            place.1 += i128::from(row.amount);
        }
        if times > 1 || (counted && times == 0) || (!table.in_scope(at) && times > 0) {
            violations.push(format!("{} is in {times} classes", table.record(at).id()));
        }
    }
    figures(outcome, &in_scope, &mut violations);
    delivered(table, outcome, input, &mut violations);
    if violations.is_empty() {
        return Ok(());
    }
    violations.truncate(MAX_LISTED);
    Err(ConservationError { violations })
}

/// The summary's figures are those of the records.
fn figures(outcome: &Outcome, in_scope: &Sums, violations: &mut Vec<String>) {
    let summary = &outcome.summary;
    for (side, counts) in [(Side::Source, &summary.source), (Side::Target, &summary.target)] {
        let records: u64 = in_scope.iter().filter(|((of, _), _)| *of == side).map(|(_, (count, _))| count).sum();
        if records != counts.in_scope() {
            violations.push(format!("{} of {records} records of {side:?} are counted", counts.in_scope()));
        }
    }
    for total in &summary.totals {
        for (side, sums) in [(Side::Source, &total.source), (Side::Target, &total.target)] {
            let records = in_scope.get(&(side, total.currency)).map_or(0, |(_, sum)| *sum);
            let parts =
                i128::from(sums.matched_minor) + i128::from(sums.suggested_minor) + i128::from(sums.unmatched_minor);
            if records != parts || records != i128::from(sums.in_scope_minor) {
                violations.push(format!("{} of {side:?} does not sum to {records}", total.currency));
            }
        }
    }
}

/// What was delivered for the window is in scope or excluded; a second delivery of one id is the same record.
fn delivered(table: &Table<'_>, outcome: &Outcome, input: &RunInput, violations: &mut Vec<String>) {
    let evidence = input.source.iter().chain(input.target.iter()).filter(|record| record.evidence_only()).count();
    let kept = table.rows.len() + table.duplicates().count();
    let given = input.source.len() + input.target.len();
    if kept > given || kept + evidence < given {
        violations.push(format!("{kept} of {given} delivered records are known"));
    }
    let inside = table.rows.iter().filter(|row| row.in_window).count();
    let summary = &outcome.summary;
    let counted =
        summary.source.in_scope() + summary.source.excluded + summary.target.in_scope() + summary.target.excluded;
    if counted != inside as u64 {
        violations.push(format!("{counted} of {inside} records of the window are in scope or excluded"));
    }
}

/// What the proof is there for cannot be made through the engine's door, so lists are spoilt here.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Memory,
        board::Board,
        report,
        rules::RuleSet,
        summary,
        tiers::{classify, strong_id, suggest},
    };
    use domain::{
        Money, Timestamp,
        matches::Exception,
        record::{Kind, Record, Reference, Scheme},
        time::Window,
    };

    fn record(side: Side, id: &str, amount_minor: i64, names: &str) -> Record {
        let (kind, scheme) =
            if side == Side::Source { (Kind::Sale, Scheme::PaymentId) } else { (Kind::Charge, Scheme::ChargeId) };
        Record {
            refs: vec![Reference { scheme, value: names.to_owned() }],
            test: id == "test",
            ..Record::plain(
                side,
                kind,
                id.to_owned(),
                Money { amount_minor, currency: Currency::parse("EUR").expect("a currency") },
                Timestamp::from_millis(1_000),
            )
        }
    }

    /// Two matches, a sale that is left and one that is out of scope; `spoil` does to the result what it likes.
    fn proof(spoil: impl FnOnce(&mut Outcome)) -> Vec<String> {
        let sale = |id, amount, names| record(Side::Source, id, amount, names);
        let charge = |id, amount, names| record(Side::Target, id, amount, names);
        let input = RunInput {
            source: [
                sale("s1", 100, "ch_one_long_id"),
                sale("s2", 250, "ch_other_long_id"),
                sale("s3", 999, "ch_nobody_has"),
                sale("test", 5, "ch_test_long_id"),
            ]
            .into_iter()
            .collect(),
            target: [charge("t1", 100, "ch_one_long_id"), charge("t2", 250, "ch_other_long_id")].into_iter().collect(),
            orders: Vec::new(),
            window: Window { from: Timestamp::from_millis(0), to: Timestamp::from_millis(86_400_000) },
            as_of: Timestamp::from_millis(90 * 86_400_000),
            memory: Memory::default(),
        };
        let rules = RuleSet::default();
        let table = Table::build(&input, &rules);
        let mut board = Board::new(&table, &rules);
        strong_id::apply(&mut board);
        let suggested = suggest::choose(&mut board);
        let open = classify::apply(&board, &suggested, &input);
        let mut report = report::report(&board, &suggested, open);
        report.outcome.summary = summary::count(&board, &report.outcome, &suggested, &input, String::new());
        assert_eq!((report.outcome.matches.len(), report.outcome.exceptions.len()), (2, 1));
        spoil(&mut report.outcome);
        check(&table, &report, &input).map_or_else(|error| error.violations, |()| Vec::new())
    }

    #[test]
    fn what_is_lost_doubled_exchanged_or_miscounted_is_named() {
        assert_eq!(proof(|_| {}), [] as [&str; 0]);
        let lost_match = proof(|outcome| drop(outcome.matches.pop()));
        assert_eq!(lost_match, ["s2 is in 0 classes", "t2 is in 0 classes"]);
        let lost_question = proof(|outcome| outcome.exceptions.clear());
        assert_eq!(lost_question, ["s3 is in 0 classes"]);
        let doubled = proof(|outcome| outcome.exceptions.push(outcome.exceptions[0].clone()));
        assert_eq!(doubled, ["s3 is in 2 classes"]);
        let matched_and_open = proof(|outcome| outcome.exceptions[0].record_id = "s1".to_owned());
        assert_eq!(matched_and_open, ["s1 is in 2 classes", "s3 is in 0 classes"]);
        let invented = proof(|outcome| outcome.exceptions[0].record_id = "s4".to_owned());
        assert_eq!(invented, ["s4 was never delivered", "s3 is in 0 classes"]);
        let excluded_and_open = proof(|outcome| {
            outcome.exceptions.push(Exception { record_id: "test".to_owned(), ..outcome.exceptions[0].clone() });
        });
        assert_eq!(excluded_and_open, ["test is in 1 classes"]);
        let exchanged = proof(|outcome| {
            let [first, second] = outcome.matches.as_mut_slice() else { return };
            std::mem::swap(&mut first.target_ids, &mut second.target_ids);
        });
        assert_eq!(exchanged, ["t2 stands for t1", "t1 stands for t2"]);
        let shortened = proof(|outcome| outcome.matches[0].target_ids.clear());
        assert_eq!(shortened[0], "0 of 1 members are written");
        let unexplained = proof(|outcome| outcome.matches[0].difference.fee = 7);
        assert!(unexplained[0].starts_with("the difference of "), "{unexplained:?}");
        let miscounted = proof(|outcome| outcome.summary.source.matched += 1);
        assert_eq!(miscounted[0], "4 of 3 records of Source are counted");
        let wrong_sum = proof(|outcome| outcome.summary.totals[0].target.matched_minor -= 1);
        assert_eq!(wrong_sum, ["EUR of Target does not sum to 350"]);
    }
}
