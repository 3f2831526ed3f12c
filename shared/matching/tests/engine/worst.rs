//! Records that collide on purpose and in numbers: what is too much work is left as a whole and says so, and no size
//! makes a test of seconds one of minutes.

use crate::records::{With, charge, input, minutes, sale};
use domain::record::{Precision, Record};
use matching::{Outcome, Profile, RuleSet, RunInput, reconcile};

/// Of each side.
const MANY: i64 = 100_000;

fn under(profile: Profile, of: &RunInput) -> Outcome {
    reconcile(of, &RuleSet::of(profile)).expect("a result that adds up")
}

fn both(of: &RunInput) -> [Outcome; 2] {
    [Profile::Shop, Profile::Ledger].map(|profile| under(profile, of))
}

/// Nobody is lost: every record is in one class.
fn counted(outcome: &Outcome, of: &RunInput) {
    let summary = &outcome.summary;
    assert_eq!(summary.source.in_scope() + summary.source.excluded, of.source.len() as u64);
    assert_eq!(summary.target.in_scope() + summary.target.excluded, of.target.len() as u64);
}

fn reasons(outcome: &Outcome) -> Vec<&str> {
    let mut reasons: Vec<&str> = outcome.exceptions.iter().map(|open| open.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

#[test]
fn equal_amounts_on_one_day() {
    let pairs = || (0..MANY).flat_map(|n| [sale(&format!("s{n}"), 1_000), charge(&format!("t{n}"), 1_000).at(5)]);
    let of = input(pairs());
    for outcome in both(&of) {
        counted(&outcome, &of);
        assert!(outcome.matches.iter().all(|found| found.source_ids.len() == found.target_ids.len()));
    }
    let one_less = input(pairs().skip(2).chain([sale("s0", 1_000)]));
    for outcome in both(&one_less) {
        counted(&outcome, &one_less);
        assert!(outcome.matches.is_empty(), "which one is left cannot be told");
    }
}

#[test]
fn one_reference_for_all() {
    let amount = |n: i64| 100 + n * 7_919 % 4_999_999;
    let of = input((0..MANY).flat_map(|n| {
        let source = sale(&format!("s{n}"), amount(n)).strong("INV-2026-0001");
        [source, charge(&format!("t{n}"), amount(n)).strong("INV-2026-0001").at(5)]
    }));
    for outcome in both(&of) {
        counted(&outcome, &of);
        assert!(outcome.matches.iter().all(|found| found.source_ids[0][1..] == found.target_ids[0][1..]));
    }
}

#[test]
fn a_component_of_fifty_thousand() {
    let day = |record: Record| Record { precision: Precision::Day, memo: Some("payment".into()), ..record };
    let of = input((0..25_000).flat_map(|n| {
        let (source, target) = (sale(&format!("s{n}"), 10_000 + n), charge(&format!("t{n}"), 10_001 + n));
        [day(source), day(target)].map(|record| Record { occurred_at: minutes(0), ..record })
    }));
    let [shop, ledger] = both(&of);
    counted(&shop, &of);
    counted(&ledger, &of);
    assert!(ledger.matches.is_empty(), "whose rivals were not weighed is not matched without a person");
    assert_eq!(reasons(&ledger), ["budget_exceeded"]);
}
