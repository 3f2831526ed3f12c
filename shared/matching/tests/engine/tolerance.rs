//! Tier 6: amounts that differ, texts that are alike, and what is not decided.

use crate::{
    ledger::{Ledger, ledger, with_memo},
    records::{DAY, With as _, charge, currency, input, left, matched, sale, suggested},
};
use domain::{
    matches::MatchKind,
    record::{Kind, Record, Side},
    summary::Difference,
};
use matching::{Automatic, FeeSchedule, FxBand, Outcome, Profile, RuleSet, accuracy, reconcile};
use proptest::prelude::*;

fn under(rules: &RuleSet, records: impl IntoIterator<Item = Record>) -> Outcome {
    reconcile(&input(records), rules).expect("a result that adds up")
}

fn in_ledger(records: impl IntoIterator<Item = Record>) -> Outcome {
    under(&RuleSet::of(Profile::Ledger), records)
}

/// Two people whose payments arrive two days later, a percent short.
fn two_payments() -> Vec<Record> {
    vec![
        with_memo(sale("s1", 20_000), "Anna Acker payment BGC"),
        with_memo(charge("t1", 19_800), "Anna Acker payment BGC").at(2 * DAY),
        with_memo(sale("s2", 21_000), "Boris Brandt payment BGC"),
        with_memo(charge("t2", 21_000), "Boris Brandt BGC").at(2 * DAY),
    ]
}

#[test]
fn a_payment_a_percent_short_is_matched_and_listed_as_a_discrepancy() {
    let outcome = in_ledger(two_payments());
    assert_eq!(matched(&outcome), ["tolerance: s1 = t1", "tolerance: s2 = t2"]);
    assert_eq!(left(&outcome), ["s1: amount_under"]);
    let found = &outcome.matches[0];
    assert_eq!(found.difference, Difference { unexplained: -200, ..Difference::default() });
    assert!(found.matched_fields.names().any(|field| field == "memo"));
    assert!(found.margin.is_some_and(|margin| margin >= 7_000));
    assert!(found.confidence_bp >= 9_900 && found.confidence_bp < 10_000);
    let equal = &outcome.matches[1];
    assert_eq!(equal.difference, Difference::default());
}

#[test]
fn an_equal_amount_with_another_text_is_no_more_than_a_suggestion() {
    let outcome = in_ledger([
        with_memo(sale("s1", 20_000), "Anna Acker payment"),
        with_memo(charge("t1", 20_000), "Boris Brandt payment").at(DAY),
    ]);
    assert!(outcome.matches.is_empty());
}

#[test]
fn a_tie_is_a_question_and_never_a_pick() {
    let outcome = in_ledger([
        with_memo(sale("s1", 20_000), "Anna Acker payment"),
        with_memo(sale("s2", 20_000), "Anna Acker payment"),
        with_memo(charge("t1", 20_000), "Anna Acker payment").at(DAY),
    ]);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
    assert_eq!(left(&outcome), ["s1: ambiguous", "s2: ambiguous", "t1: ambiguous"]);
    assert_eq!(outcome.exceptions[0].candidates[0].record_id, "t1");
}

#[test]
fn identical_against_as_many_identical_is_a_set() {
    let outcome = in_ledger([
        with_memo(sale("s1", 20_000), "Anna Acker payment"),
        with_memo(sale("s2", 20_000), "Anna Acker payment"),
        with_memo(charge("t1", 19_900), "Anna Acker payment").at(DAY),
        with_memo(charge("t2", 19_900), "Anna Acker payment").at(DAY),
    ]);
    assert_eq!(matched(&outcome), ["identical_set: s1 s2 = t1 t2"]);
    assert_eq!(outcome.matches[0].kind, MatchKind::Set);
    assert_eq!(outcome.matches[0].difference.unexplained, -200);
}

fn shop_with_fee() -> RuleSet {
    let mut rules = RuleSet::of(Profile::Shop);
    rules.tolerance.fees = vec![FeeSchedule {
        name: "card".to_owned(),
        percent_bp: 290,
        fixed_minor: 30,
        currency: None,
        rounding_minor: 1,
    }];
    rules
}

#[test]
fn an_agreed_fee_explains_the_difference() {
    let outcome = under(
        &shop_with_fee(),
        [sale("s1", 10_000).email("a"), charge("t1", 9_680).email("a").at(5), sale("s2", 7_700), charge("t2", 12_345)],
    );
    assert_eq!(matched(&outcome), ["tolerance: s1 = t1"]);
    assert_eq!(outcome.matches[0].difference, Difference { fee: -320, ..Difference::default() });
    assert_eq!(left(&outcome), ["s2: missing_target", "t2: missing_source"]);
}

#[test]
fn another_fee_than_the_agreed_one_is_for_a_person() {
    let rules = shop_with_fee();
    let records = [sale("s1", 10_000).email("a").last4("4242"), charge("t1", 9_500).email("a").last4("4242").at(5)];
    let outcome = under(&rules, records.clone());
    assert!(outcome.matches.is_empty());
    assert_eq!(suggested(&outcome), ["suggest_tolerance: s1 = t1"]);
    let mut scored = rules;
    scored.tolerance.automatic = Automatic::Scored;
    scored.tolerance.automatic_margin = 0;
    assert_eq!(left(&under(&scored, records)), ["s1: fee_variance"]);
}

#[test]
fn an_agreed_rate_joins_two_currencies() {
    let mut rules = RuleSet::of(Profile::Ledger);
    rules.tolerance.fx_bands =
        vec![FxBand { source: currency("USD"), target: currency("EUR"), rate: "0.92".to_owned(), band_bp: 100 }];
    let outcome = under(
        &rules,
        [
            with_memo(sale("s1", 20_000), "Anna Acker payment"),
            with_memo(charge("t1", 18_450), "Anna Acker payment").in_money("EUR").at(DAY),
            with_memo(sale("s2", 50_000), "Boris Brandt payment"),
            with_memo(charge("t2", 46_700), "Boris Brandt payment").in_money("EUR").at(DAY),
        ],
    );
    assert_eq!(matched(&outcome), ["tolerance: s1 = t1", "tolerance: s2 = t2"]);
    assert_eq!(outcome.matches[0].difference, Difference { fx: -1_550, ..Difference::default() });
    // 1.5 percent off where one was agreed.
    assert_eq!(left(&outcome), ["s2: fx_variance"]);
    assert!(outcome.matches.iter().all(|found| !found.matched_fields.names().any(|field| field == "currency")));
}

#[test]
fn a_component_that_is_too_much_work_is_suggested_and_says_so() {
    let mut rules = RuleSet::of(Profile::Ledger);
    rules.tolerance.max_component_work = 1;
    // Equal people and days, amounts close together: everybody is a candidate of everybody.
    let records: Vec<Record> = (0..80)
        .flat_map(|n| {
            let amount = 20_000 + 10 * n;
            let memo = "Anna Acker payment";
            [with_memo(sale(&format!("s{n}"), amount), memo), with_memo(charge(&format!("t{n}"), amount), memo).at(DAY)]
        })
        .collect();
    let outcome = under(&rules, records);
    assert!(outcome.matches.is_empty());
    assert!(outcome.suggestions.iter().all(|found| found.rule == "suggest_unsolved@1"));
    assert!(outcome.exceptions.iter().all(|open| open.reason == "budget_exceeded"), "{:?}", left(&outcome));
    assert_eq!(outcome.suggestions.len() * 2 + outcome.exceptions.len(), 160);
}

/// A reference that nobody on the other side has is probably wrong where the buyer is the same, and one sign is not enough
/// for that.
#[test]
fn a_reference_that_leads_nowhere_is_outweighed_by_the_buyer_and_not_by_a_card() {
    let rules = RuleSet { key_fields: vec!["reference".to_owned()], ..RuleSet::of(Profile::Ledger) };
    let with = |sign: fn(Record) -> Record| {
        under(
            &rules,
            [sign(sale("s1", 20_003)).metadata("reference", "R-20260110-7"), sign(charge("t1", 20_003)).at(DAY)],
        )
    };
    let by_mail = with(|record| record.email("a@b"));
    assert_eq!(matched(&by_mail), ["tolerance: s1 = t1"]);
    let by_card = with(|record| record.last4("4242"));
    assert_eq!((matched(&by_card).len(), suggested(&by_card)), (0, vec!["suggest_tolerance: s1 = t1".to_owned()]));
}

#[test]
fn a_block_that_is_too_much_work_says_so() {
    let mut rules = RuleSet::of(Profile::Ledger);
    rules.tolerance.max_block_pairs = 3;
    let outcome = under(
        &rules,
        two_payments().into_iter().chain([
            with_memo(sale("s3", 20_100), "Anna Acker payment BGC"),
            with_memo(charge("t3", 20_100), "Anna Acker payment BGC").at(DAY),
        ]),
    );
    assert_eq!(matched(&outcome), ["tolerance: s2 = t2"]);
    // Equal amounts are weighed in a block of their own, but not all rivals were: a person decides.
    assert_eq!(suggested(&outcome), ["suggest_tolerance: s3 = t3"]);
    assert_eq!(left(&outcome), ["s1: budget_exceeded", "t1: budget_exceeded"]);
}

#[test]
fn most_of_a_ledger_is_found_and_nearly_nothing_is_wrong() {
    let Ledger { records, truth } = ledger(600, 7);
    let found = accuracy(&in_ledger(records), &truth);
    assert!(found.f1 >= 97_000, "{found:?}");
    assert!(found.automatic_precision >= 99_500 && found.coverage >= 85_000, "{found:?}");
}

/// Pairs as (source, target, rule, margin), in order.
fn pairs(outcome: &Outcome, turned: bool) -> Vec<(String, String, String, Option<i64>)> {
    let mut pairs: Vec<_> = outcome
        .matches
        .iter()
        .chain(&outcome.suggestions)
        .map(|found| {
            let (sources, targets) = (found.source_ids.join(" "), found.target_ids.join(" "));
            let (first, second) = if turned { (targets, sources) } else { (sources, targets) };
            (first, second, found.rule.to_string(), found.margin)
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

fn turned(record: &Record) -> Record {
    let (side, kind) = match record.side {
        Side::Source => (Side::Target, Kind::Charge),
        Side::Target => (Side::Source, Kind::Sale),
    };
    Record { side, kind, gateway: None, ..record.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_the_records_does_not_matter(seed in 0..1_000_u64, count in 1..60_u64) {
        let Ledger { mut records, .. } = ledger(count, seed);
        let outcome = in_ledger(records.clone());
        records.reverse();
        prop_assert_eq!(in_ledger(records), outcome);
    }

    #[test]
    fn exchanged_sides_under_mirrored_rules_give_the_mirrored_result(seed in 0..1_000_u64, count in 1..60_u64) {
        let Ledger { records, .. } = ledger(count, seed);
        let mut rules = RuleSet::of(Profile::Ledger);
        rules.tolerance.over_bp = 300;
        // A sum is told from time before and after its deposit, which mirrors by its own two fields.
        let mut mirrored = rules.mirrored();
        mirrored.payouts.max_candidates = 2;
        rules.payouts.max_candidates = 2;
        let straight = under(&rules, records.iter().map(|record| Record { gateway: None, ..record.clone() }));
        let back = under(&mirrored, records.iter().map(turned));
        prop_assert_eq!(pairs(&straight, false), pairs(&back, true));
    }
}
