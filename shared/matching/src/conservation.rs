//! The proof that nothing was lost, invented or used twice, made on every run from the finished lists.

use crate::{Reconciled, RunInput, table::Ix};
use domain::{Currency, matches::ExceptionClass, record::Side, summary::RunSummary};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    let size = |amount: Option<i64>| u128::from(amount.unwrap_or(0).unsigned_abs());
    let records = input.source.iter().chain(input.target.iter()).map(|record| {
        let shop = record.shop_money().map(|money| money.amount_minor);
        let others = size(shop) + size(record.authorized_minor()) + size(record.fee_minor()) + size(record.net_minor());
        size(Some(record.amount_minor())) + others
    });
    let totals = input.orders.totals().map(|total| size(Some(total.amount_minor)));
    if i64::try_from(records.chain(totals).sum::<u128>()).is_ok() {
        return Ok(());
    }
    Err(ConservationError { violations: vec!["the amounts are too large to be summed".to_owned()] })
}

/// More violations than this are not listed.
const MAX_LISTED: usize = 10;

/// How many records there are and what their amounts sum to, of sources and of targets, by number of the currency.
type Sums = Vec<[(u64, i128); 2]>;

pub(crate) fn check(reconciled: &Reconciled<'_>) -> Result<(), ConservationError> {
    let Reconciled { table, matched, suggested, exceptions, .. } = reconciled;
    let mut violations = Vec::new();
    let mut seen = vec![0_u8; table.rows.len()];
    let mut see = |target: bool, at: Ix, violations: &mut Vec<String>| {
        let row = table.row(at);
        if row.target != target {
            violations.push(format!("{} is on the wrong side", table.record(at).id()));
        }
        let times = &mut seen[at as usize];
        *times = times.saturating_add(1);
        i128::from(row.amount)
    };
    let matches = reconciled.matches.iter().map(|number| (&matched.all[*number as usize], true));
    let suggestions = reconciled.suggestions.iter().map(|number| (&suggested[*number as usize], false));
    for (found, is_match) in matches.chain(suggestions) {
        let sources: i128 = found.sources().iter().map(|at| see(false, *at, &mut violations)).sum();
        let targets: i128 = found.targets().iter().map(|at| see(true, *at, &mut violations)).sum();
        let gap = targets - sources;
        // Every difference is the difference of the members, without a rest.
        if is_match && gap != i128::from(found.details().difference.sum()) {
            let first = found.members().next().map_or("nothing", |at| table.record(at).id());
            violations.push(format!("the difference of the match of {first} is not {gap}"));
        }
    }
    for (at, open) in exceptions.iter().filter(|(_, open)| open.class == ExceptionClass::Missing) {
        let known = table.record(*at).id();
        if open.record_id != known {
            violations.push(format!("{} stands for {known}", open.record_id));
        }
        see(open.side == Side::Target, *at, &mut violations);
    }
    let mut in_scope: Sums = vec![Default::default(); table.currencies.len()];
    for at in table.positions() {
        let row = table.row(at);
        let times = seen.get(at as usize).copied().unwrap_or(0);
        let counted = row.in_window() && table.in_scope(at);
        if counted {
            let (count, sum) = &mut in_scope[usize::from(row.currency)][usize::from(row.target)];
            *count += 1;
            *sum += i128::from(row.amount);
        }
        if times > 1 || (counted && times == 0) || (!table.in_scope(at) && times > 0) {
            violations.push(format!("{} is in {times} classes", table.record(at).id()));
        }
    }
    figures(&reconciled.summary, &table.currencies, &in_scope, &mut violations);
    delivered(reconciled, &mut violations);
    if violations.is_empty() {
        return Ok(());
    }
    violations.truncate(MAX_LISTED);
    Err(ConservationError { violations })
}

/// The summary's figures are those of the records.
fn figures(summary: &RunSummary, currencies: &[Currency], in_scope: &Sums, violations: &mut Vec<String>) {
    for (at, (side, counts)) in
        [(Side::Source, &summary.source), (Side::Target, &summary.target)].into_iter().enumerate()
    {
        let records: u64 = in_scope.iter().map(|sides| sides[at].0).sum();
        if records != counts.in_scope() {
            violations.push(format!("{} of {records} records of {side:?} are counted", counts.in_scope()));
        }
    }
    for total in &summary.totals {
        let known = currencies.binary_search(&total.currency).ok().and_then(|at| in_scope.get(at));
        for (at, (side, sums)) in [(Side::Source, &total.source), (Side::Target, &total.target)].into_iter().enumerate()
        {
            let records = known.map_or(0, |sides| sides[at].1);
            let parts =
                i128::from(sums.matched_minor) + i128::from(sums.suggested_minor) + i128::from(sums.unmatched_minor);
            if records != parts || records != i128::from(sums.in_scope_minor) {
                violations.push(format!("{} of {side:?} does not sum to {records}", total.currency));
            }
        }
    }
}

/// What was delivered for the window is in scope or excluded; a second delivery of one id is the same record.
fn delivered(reconciled: &Reconciled<'_>, violations: &mut Vec<String>) {
    let Reconciled { input, table, summary, .. } = reconciled;
    let all = || input.source.iter().chain(input.target.iter());
    let evidence = || all().filter(|record| record.evidence_only()).count();
    let kept = table.rows.len() + table.duplicates().count();
    let given = input.source.len() + input.target.len();
    if kept > given || (kept < given && kept + evidence() < given) {
        violations.push(format!("{kept} of {given} delivered records are known"));
    }
    let inside = table.rows.iter().filter(|row| row.in_window()).count();
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
        board::{Accepted, Details},
        examples,
        pipeline::decide,
        rule::Rule,
        rules::RuleSet,
        table::{Class, Flags, Row},
    };
    use domain::{
        matches::{Exception, MatchKind},
        record::{Record, Reference, Scheme},
        summary::Difference,
    };

    fn record(side: Side, id: &str, amount_minor: i64, names: &str) -> Record {
        let scheme = if side == Side::Source { Scheme::PaymentId } else { Scheme::ChargeId };
        Record {
            refs: vec![Reference { scheme, value: names.to_owned() }],
            test: id == "test",
            ..examples::record(side, id, amount_minor, 1_000)
        }
    }

    /// Two matches, a sale that is left and one that is out of scope; `spoil` does to the result what it likes.
    fn proof(spoil: impl FnOnce(&mut Reconciled<'_>)) -> Vec<String> {
        let sale = |id, amount, names| record(Side::Source, id, amount, names);
        let charge = |id, amount, names| record(Side::Target, id, amount, names);
        let input = examples::input(
            [
                sale("s1", 100, "ch_one_long_id"),
                sale("s2", 250, "ch_other_long_id"),
                sale("s3", 999, "ch_nobody_has"),
                sale("test", 5, "ch_test_long_id"),
            ],
            [charge("t1", 100, "ch_one_long_id"), charge("t2", 250, "ch_other_long_id")],
        );
        let mut reconciled = decide(&input, &RuleSet::default()).expect("a result that adds up");
        assert_eq!((reconciled.matches.len(), reconciled.exceptions.len(), reconciled.exclusions.len()), (2, 1, 1));
        spoil(&mut reconciled);
        check(&reconciled).map_or_else(|error| error.violations, |()| Vec::new())
    }

    fn first<'r>(of: &'r Reconciled<'_>) -> &'r Accepted {
        &of.matched.all[0]
    }

    fn group(sources: &[Ix], targets: &[Ix]) -> Accepted {
        Accepted::many(MatchKind::Group, sources, targets, Rule::StrongId, 0)
    }

    #[test]
    fn what_is_lost_doubled_exchanged_or_miscounted_is_named() {
        assert_eq!(proof(|_| {}), [] as [&str; 0]);
        let lost_match = proof(|found| found.matches.truncate(1));
        assert_eq!(lost_match, ["s2 is in 0 classes", "t2 is in 0 classes"]);
        let lost_question = proof(|found| found.exceptions.clear());
        assert_eq!(lost_question, ["s3 is in 0 classes"]);
        let doubled = proof(|found| found.exceptions.push(found.exceptions[0].clone()));
        assert_eq!(doubled, ["s3 is in 2 classes"]);
        let suggested_again = proof(|found| {
            found.suggested.push(first(found).clone());
            found.suggestions.push(0);
        });
        assert_eq!(suggested_again, ["s1 is in 2 classes", "t1 is in 2 classes"]);
        let matched_and_open = proof(|found| {
            let s1 = first(found).sources()[0];
            found.exceptions[0].0 = s1;
            found.exceptions[0].1.record_id = "s1".to_owned();
        });
        assert_eq!(matched_and_open, ["s1 is in 2 classes", "s3 is in 0 classes"]);
        let misnamed = proof(|found| found.exceptions[0].1.record_id = "s4".to_owned());
        assert_eq!(misnamed, ["s4 stands for s3"]);
        let other_side = proof(|found| found.exceptions[0].1.side = Side::Target);
        assert_eq!(other_side, ["s3 is on the wrong side"]);
        let excluded_and_open = proof(|found| {
            let test = found.table.by_id().find(false, "test");
            let open = Exception { record_id: "test".to_owned(), ..found.exceptions[0].1.clone() };
            found.exceptions.push((test, open));
        });
        assert_eq!(excluded_and_open, ["test is in 1 classes"]);
        let exchanged = proof(|found| {
            let [one, other] = found.matched.all.as_mut_slice() else { return };
            let exchanged = |of: &Accepted, with: &Accepted| group(of.sources(), with.targets());
            (*one, *other) = (exchanged(one, other), exchanged(other, one));
        });
        assert_eq!(
            exchanged,
            ["the difference of the match of s1 is not 150", "the difference of the match of s2 is not -150"]
        );
        let turned = proof(|found| {
            let first = &mut found.matched.all[0];
            *first = group(first.targets(), first.sources());
        });
        assert_eq!(turned, ["t1 is on the wrong side", "s1 is on the wrong side"]);
        let shortened = proof(|found| {
            let first = &mut found.matched.all[0];
            *first = group(first.sources(), &[]);
        });
        assert_eq!(shortened, ["the difference of the match of s1 is not -100", "t1 is in 0 classes"]);
        let unexplained = proof(|found| {
            let difference = Difference { fee: 7, ..Difference::default() };
            found.matched.all[0] = first(found).clone().with(Details { difference, ..Details::default() });
        });
        assert_eq!(unexplained, ["the difference of the match of s1 is not 0"]);
        let miscounted = proof(|found| found.summary.source.matched += 1);
        assert_eq!(miscounted[0], "4 of 3 records of Source are counted");
        let shortened_table = proof(|found| {
            found.matches.truncate(1);
            found.table.rows.pop();
        });
        assert!(shortened_table.contains(&"5 of 6 delivered records are known".to_owned()), "{shortened_table:?}");
        let invented = proof(|found| {
            let row = Row { flags: Flags::default(), class: Class::Nothing, ..found.table.rows[0].clone() };
            found.table.rows.push(row);
        });
        assert!(invented.contains(&"7 of 6 delivered records are known".to_owned()), "{invented:?}");
        let wrong_sum = proof(|found| found.summary.totals[0].target.matched_minor -= 1);
        assert_eq!(wrong_sum, ["EUR of Target does not sum to 350"]);
    }
}
