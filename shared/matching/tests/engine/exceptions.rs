//! Tier 8: the reason of what is left, and warnings about a run as a whole.

use crate::records::{DAY, With, charge, given, input, left, matched, minutes, refund, run, sale};
use domain::{
    record::{Record, Side},
    records::Records,
};
use matching::{Facts, Reason, RuleSet};

#[test]
fn without_a_partner_each_side_says_what_it_misses() {
    let outcome = given([sale("s1", 1_000), charge("t1", 2_000)]);
    assert_eq!(left(&outcome), ["s1: missing_target", "t1: missing_source"]);
    assert!(outcome.exceptions[0].explanation.starts_with("Order payment of 10.00 USD on 2026-01-10"));
}

#[test]
fn what_is_young_is_waited_for() {
    let mut of = input([sale("s1", 1_000), sale("s2", 2_000).at(-4 * DAY)]);
    of.as_of = minutes(60);
    assert_eq!(left(&run(&of)), ["s2: missing_target", "s1: pending_within_sla"]);
}

#[test]
fn a_refund_of_an_unknown_sale_says_so() {
    let outcome = given([charge("t1", 1_000), refund(Side::Target, "t2", 1_000, "t1").at(5)]);
    assert_eq!(left(&outcome), ["t1: missing_source", "t2: refund_without_sale"]);
}

#[test]
fn an_open_dispute_is_named() {
    let outcome = given([Record { disputed: true, ..charge("t1", 1_000) }]);
    assert_eq!(left(&outcome), ["t1: dispute_open"]);
}

#[test]
fn a_payment_that_names_a_refund_is_of_another_kind() {
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001"),
        Record { parent: None, ..refund(Side::Target, "t1", 1_000, "") }.strong("pay_00001"),
    ]);
    assert!(outcome.matches.is_empty());
    assert_eq!(outcome.exceptions[0].reason, "kind_mismatch");
}

#[test]
fn a_sale_that_is_recorded_twice_is_named() {
    let outcome = given([
        sale("s1", 1_000).of_order("1001").strong("pay_00001").email("a"),
        sale("s2", 1_000).of_order("1001").strong("pay_00002").email("a").at(5),
        charge("t1", 1_000).strong("pay_00001").metadata("order_id", "90001001").email("a").at(1),
    ]);
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1"]);
    assert_eq!(left(&outcome), ["s2: duplicate_source"]);
}

#[test]
fn the_best_candidates_say_why_they_are_none() {
    let outcome = given([sale("s1", 1_000).email("a"), charge("t1", 1_000).email("b")]);
    let candidate = &outcome.exceptions[0].candidates[0];
    assert_eq!((candidate.record_id.as_str(), candidate.why_not.as_str()), ("t1", "e-mail or card differ"));
    assert!(candidate.score < 500);
}

#[test]
fn a_run_that_looks_wrong_is_warned_about() {
    let codes = |records: Vec<Record>| -> Vec<String> {
        given(records).summary.warnings.into_iter().map(|warning| warning.code).collect()
    };
    assert_eq!(codes(Vec::new()), ["nothing_in_scope"]);
    assert_eq!(codes(vec![sale("s1", 1_000)]), ["one_side_empty", "few_matched"]);
    let disjoint = vec![sale("s1", 1_000), charge("t1", 1_000).in_money("EUR")];
    assert_eq!(codes(disjoint), ["few_matched", "currencies_disjoint"]);
    // One currency in common is enough.
    let pair = [sale("s2", 7).strong("pay_00001"), charge("t2", 7).strong("pay_00001")];
    let mixed = [sale("s1", 1_000).in_money("EUR"), charge("t1", 1_000).in_money("GBP")].into_iter().chain(pair);
    assert_eq!(codes(mixed.collect()), [] as [&str; 0]);
    // But not one that only a record outside of the range has.
    let outside = charge("t2", 7).at(60 * DAY);
    let disjoint = vec![sale("s1", 1_000), charge("t1", 1_000).in_money("EUR"), outside];
    assert_eq!(codes(disjoint), ["few_matched", "currencies_disjoint"]);
    // And not one that only a record has that is no movement of money.
    let out_of_scope = Record { test: true, ..charge("t2", 7) };
    let disjoint = vec![sale("s1", 1_000), charge("t1", 1_000).in_money("EUR"), out_of_scope];
    assert_eq!(codes(disjoint), ["many_excluded", "few_matched", "currencies_disjoint"]);
    let foreign = Record { gateway: Some("paypal".into()), ..sale("s2", 500) };
    let excluded = vec![sale("s1", 1_000).email("a"), charge("t1", 1_000).email("a"), foreign];
    assert_eq!(codes(excluded), ["many_excluded"]);
}

/// Not that others of the amount could be meant as well.
#[test]
fn an_id_that_is_not_believed_is_told() {
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001").email("a").last4("1111"),
        charge("t1", 1_000).strong("pay_00001").email("b").last4("2222"),
        charge("t2", 1_000).at(DAY),
        charge("t3", 1_000).at(DAY),
    ]);
    assert!(outcome.matches.is_empty());
    assert_eq!(left(&outcome)[0], "s1: reference_conflict");
}

#[test]
fn every_reason_has_a_code_and_a_sentence_of_its_own() {
    let records: Records = [sale("s1", 1_000)].into_iter().collect();
    let told = |reason: &Reason| (reason.code(), reason.sentence(records.at(0), &Facts::default()));
    let all: std::collections::BTreeSet<_> = Reason::ALL.iter().map(told).collect();
    let codes: std::collections::BTreeSet<_> = all.iter().map(|(code, _)| code).collect();
    let sentences: std::collections::BTreeSet<_> = all.iter().map(|(_, sentence)| sentence).collect();
    assert_eq!((codes.len(), sentences.len()), (Reason::ALL.len(), Reason::ALL.len()));
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
}

#[test]
fn amounts_that_cannot_be_summed_are_refused() {
    let huge = input([sale("s1", i64::MAX), charge("t1", i64::MAX)]);
    let error = matching::reconcile(&huge, &RuleSet::default()).expect_err("too large");
    assert!(error.to_string().contains("too large"), "{error}");
    assert!(matching::reconcile(&input([sale("s1", i64::MIN)]), &RuleSet::default()).is_err());
}
