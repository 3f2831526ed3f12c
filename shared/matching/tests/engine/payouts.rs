//! Tier 7: deposits and what they are made of.

use crate::{
    ledger::with_memo,
    records::{DAY, With as _, charge, input, left, sale, suggested},
};
use domain::{
    record::{Record, Scheme},
    summary::Difference,
};
use matching::{Outcome, Profile, RuleSet, reconcile};

fn in_ledger(records: impl IntoIterator<Item = Record>) -> Outcome {
    reconcile(&input(records), &RuleSet::of(Profile::Ledger)).expect("a result that adds up")
}

fn member(id: &str, amount: i64, net: i64) -> Record {
    Record { group: Some("po_1".to_owned()), net_minor: Some(net), ..charge(id, amount) }
}

#[test]
fn what_the_provider_says_is_in_a_payout_is_suggested_with_its_fees() {
    let deposit = sale("bank", 29_100).refers(Scheme::Text, "PO_1").at(2 * DAY);
    let outcome = in_ledger([deposit, member("c1", 10_000, 9_700), member("c2", 20_000, 19_400)]);
    assert_eq!(suggested(&outcome), ["suggest_payout: bank = c1 c2"]);
    assert_eq!(outcome.suggestions[0].difference, Difference { fee: 900, ..Difference::default() });
}

#[test]
fn a_payout_that_does_not_add_up_says_which_way() {
    let deposit = sale("bank", 25_000).refers(Scheme::Text, "po_1").at(2 * DAY);
    let outcome = in_ledger([deposit, member("c1", 10_000, 9_700), member("c2", 20_000, 19_400)]);
    assert!(outcome.suggestions.is_empty());
    assert!(left(&outcome).contains(&"bank: amount_over".to_owned()), "{:?}", left(&outcome));
}

#[test]
fn the_only_sum_that_makes_a_deposit_is_suggested() {
    let amounts = [123_457, 654_321, 777_013, 91_111];
    let parts =
        amounts.iter().enumerate().map(|(n, amount)| with_memo(sale(&format!("s{n}"), *amount), &format!("part{n}")));
    let deposit = with_memo(charge("bank", 123_457 + 777_013), "weekly batch").at(3 * DAY);
    let outcome = in_ledger(parts.chain([deposit]));
    assert_eq!(suggested(&outcome), ["suggest_decomposition: s0 s2 = bank"]);
    assert!(outcome.suggestions[0].confidence_bp <= 9_000);
}

#[test]
fn a_deposit_that_is_two_sums_is_a_question() {
    let amounts = [123_457, 654_321, 223_457, 554_321];
    let parts =
        amounts.iter().enumerate().map(|(n, amount)| with_memo(sale(&format!("s{n}"), *amount), &format!("part{n}")));
    let deposit = with_memo(charge("bank", 123_457 + 654_321), "weekly batch").at(3 * DAY);
    let outcome = in_ledger(parts.chain([deposit]));
    assert!(outcome.suggestions.is_empty());
    assert!(left(&outcome).contains(&"bank: ambiguous_decomposition".to_owned()), "{:?}", left(&outcome));
}

#[test]
fn where_chance_could_make_the_sum_nothing_is_said() {
    let parts = (0..12).map(|n| with_memo(sale(&format!("s{n}"), 100 + n), &format!("part{n}")));
    let deposit = with_memo(charge("bank", 201), "weekly batch").at(3 * DAY);
    let outcome = in_ledger(parts.chain([deposit]));
    assert!(outcome.suggestions.iter().all(|found| found.rule != "suggest_decomposition@1"));
}
