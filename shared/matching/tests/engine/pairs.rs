//! Tiers 1, 2, 3 and 5: one against one.

use crate::records::{DAY, With, charge, given, input, left, matched, minutes, record, refund, run, sale, suggested};
use domain::record::{Kind, Precision, Record, Scheme, Side, Status};
use matching::Reservation;

#[test]
fn the_same_strong_id_and_amount_is_a_certain_pair() {
    let outcome = given([sale("s1", 1_000).strong("pay_00001"), charge("t1", 1_000).strong("pay_00001").at(DAY)]);
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1"]);
    assert_eq!(outcome.matches[0].confidence_bp, 10_000);
    assert_eq!(outcome.summary.accuracy_bp, Some(10_000));
}

#[test]
fn matches_are_in_order_of_time_whichever_rule_joined_them() {
    let early = sale("s1", 1_000).of_order("1001");
    let late = sale("s2", 1_000).strong("pay_00002").at(DAY);
    let target = charge("t1", 1_000).refers(Scheme::OrderName, "1001");
    let outcome = given([late, charge("t2", 1_000).strong("pay_00002").at(DAY), target, early]);
    assert_eq!(matched(&outcome), ["weak_reference: s1 = t1", "strong_id: s2 = t2"]);
}

#[test]
fn an_id_is_found_under_any_key() {
    let source = sale("s1", 1_000).strong("pay_00001");
    let outcome = given([source, charge("t1", 1_000).metadata("anything", "pay_00001").at(2 * DAY)]);
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1"]);
}

#[test]
fn currencies_never_match() {
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001").email("a"),
        charge("t1", 1_000).strong("pay_00001").email("a").in_money("EUR"),
    ]);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
    assert_eq!(left(&outcome), ["s1: currency_mismatch", "t1: currency_mismatch"]);
}

#[test]
fn the_money_that_the_partner_is_in_is_taken() {
    let shop_money = Some(domain::Money { amount_minor: 1_100, currency: crate::records::currency("USD") });
    let source = Record { shop_money, ..sale("s1", 1_000).in_money("EUR").strong("pay_00001") };
    let outcome = given([source, charge("t1", 1_100).strong("pay_00001")]);
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1"]);
    assert_eq!((outcome.matches[0].amount_minor, outcome.matches[0].currency.code()), (1_100, "USD"));
}

/// A short value that another key holds is a number like any other.
#[test]
fn a_value_under_a_key_that_does_not_count_tells_no_money() {
    let shop_money = Some(domain::Money { amount_minor: 1_100, currency: crate::records::currency("USD") });
    let source = Record { shop_money, ..sale("s1", 1_000).in_money("EUR").of_order("1001").email("a") };
    let other = charge("t2", 1_100).metadata("seat", "1001");
    let outcome = given([source, charge("t1", 1_000).in_money("EUR").email("a"), other]);
    assert_eq!(matched(&outcome), ["amount_agreement: s1 = t1"]);
}

/// Tier 2 leaves it, as a weaker reference would be believed without looking at the rest of the group.
#[test]
fn an_id_with_a_rest_goes_on_to_tier_four() {
    let charges = [charge("t1", 1_000).strong("pay_00001"), charge("t2", 500).strong("pay_00001")];
    let outcome = given([sale("s1", 1_000).strong("pay_00001")].into_iter().chain(charges));
    assert_eq!(matched(&outcome), ["same_key_pair: s1 = t1"]);
}

#[test]
fn an_id_against_which_too_much_speaks_is_not_believed() {
    let source = sale("s1", 1_000).strong("pay_00001").email("a").last4("1111");
    let outcome = given([source, charge("t1", 1_000).strong("pay_00001").email("b").last4("2222")]);
    assert!(outcome.matches.is_empty());
}

#[test]
fn one_contradiction_lowers_the_confidence() {
    let source = sale("s1", 1_000).strong("pay_00001").last4("1111");
    let outcome = given([source, charge("t1", 1_000).strong("pay_00001").last4("2222")]);
    assert_eq!(matched(&outcome), ["strong_id_contested: s1 = t1"]);
    assert!(outcome.matches[0].confidence_bp < 10_000);
}

#[test]
fn an_order_reference_that_is_unique_on_both_sides_is_a_pair() {
    let target = charge("t1", 1_000).refers(Scheme::OrderName, "1001").at(2 * DAY);
    let outcome = given([sale("s1", 1_000).of_order("1001"), target]);
    assert_eq!(matched(&outcome), ["weak_reference: s1 = t1"]);
}

/// The profile `shop` allows eight holders on each side.
#[test]
fn a_reference_counts_by_how_many_hold_it_on_one_side() {
    let instalments = |count: i64| {
        let both = (1..=count).flat_map(|part| {
            let charge = charge(&format!("t{part}"), part * 100).refers(Scheme::OrderName, "1001").at(DAY);
            [sale(&format!("s{part}"), part * 100).of_order("1001"), charge]
        });
        let outcome = given(both);
        outcome.matches.iter().filter(|found| found.rule.starts_with("weak_reference@")).count()
    };
    assert_eq!([instalments(8), instalments(9)], [8, 0]);
}

#[test]
fn a_weak_reference_to_another_amount_is_no_pair() {
    let target = charge("t1", 900).refers(Scheme::OrderName, "1001");
    let outcome = given([sale("s1", 1_000).of_order("1001"), target]);
    assert!(outcome.matches.is_empty());
    assert_eq!(left(&outcome), ["s1: amount_under", "t1: amount_under"]);
}

#[test]
fn a_reference_beyond_its_reach_is_told_and_not_taken() {
    let target = charge("t1", 1_000).refers(Scheme::OrderName, "1001").at(12 * DAY);
    let outcome = given([sale("s1", 1_000).of_order("1001"), target]);
    assert!(outcome.matches.is_empty());
    assert_eq!(left(&outcome), ["s1: outside_window", "t1: outside_window"]);
}

/// Days apart, so that time cannot help. The key is short and unknown.
fn invoices(count: i64) -> Vec<Record> {
    (0..count)
        .flat_map(|n| {
            let value = format!("i{}", 100 + n);
            let source = sale(&format!("s{n}"), 1_000 + n).metadata("invoice", &value);
            [source, charge(&format!("t{n}"), 1_000 + n).metadata("invoice", &value).at(4 * DAY)]
        })
        .collect()
}

#[test]
fn a_short_metadata_value_counts_once_its_key_has_proved_itself() {
    assert!(given(invoices(19)).matches.is_empty());
    assert_eq!(given(invoices(20)).matches.len(), 20);
}

/// What the other side calls it is trusted from the start.
#[test]
fn a_metadata_key_earns_by_the_names_of_orders() {
    let shop = |count: i64| {
        given((0..count).flat_map(|number| {
            let name = (1_001 + number).to_string();
            let sale = sale(&format!("s{number}"), 1_000 + number).of_order(&name).at(number);
            [sale, charge(&format!("t{number}"), 1_000 + number).metadata("receipt", &name).at(DAY + number)]
        }))
    };
    let found = |count| matched(&shop(count)).iter().filter(|found| found.starts_with("weak_reference")).count();
    assert_eq!([found(19), found(20)], [0, 20]);
}

#[test]
fn a_refund_follows_its_parent() {
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001"),
        charge("t1", 1_000).strong("pay_00001"),
        refund(Side::Source, "s2", 400, "s1").at(3 * DAY),
        refund(Side::Target, "t2", 400, "t1").at(4 * DAY),
    ]);
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1", "matched_parent: s2 = t2"]);
}

#[test]
fn parents_from_before_the_window_are_evidence_and_not_counted() {
    let before = |record: Record| Record { evidence_only: true, ..record.at(-40 * DAY).strong("pay_00001") };
    let outcome = given([
        before(sale("s1", 1_000)),
        before(charge("t1", 1_000)),
        refund(Side::Source, "s2", 400, "s1"),
        refund(Side::Target, "t2", 400, "t1"),
    ]);
    assert_eq!(matched(&outcome), ["matched_parent: s2 = t2"]);
    assert_eq!(outcome.summary.source.in_scope(), 1);
}

#[test]
fn a_pair_across_the_edge_is_marked_and_counted_on_its_own_side_only() {
    let edge = -9 * DAY - 720;
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001").at(edge - 10),
        charge("t1", 1_000).strong("pay_00001").at(edge + 10),
    ]);
    assert!(outcome.matches[0].cross_period);
    assert_eq!((outcome.summary.source.in_scope(), outcome.summary.target.in_scope()), (0, 1));
}

#[test]
fn amount_and_one_sign_of_agreement_are_a_pair() {
    let outcome = given([sale("s1", 1_000).email("a"), charge("t1", 1_000).email("a").at(DAY)]);
    assert_eq!(matched(&outcome), ["amount_agreement: s1 = t1"]);
}

#[test]
fn two_buyers_are_no_pair() {
    let outcome = given([sale("s1", 1_000).email("a"), charge("t1", 1_000).email("b")]);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
    assert_eq!(left(&outcome), ["s1: missing_target", "t1: missing_source"]);
}

#[test]
fn amount_and_minutes_are_a_pair_amount_and_hours_a_suggestion() {
    let apart = |minutes: i64| given([sale("s1", 1_000), charge("t1", 1_000).at(minutes)]);
    assert_eq!(matched(&apart(15)), ["amount_instant: s1 = t1"]);
    assert!(apart(16).matches.is_empty());
    assert_eq!(suggested(&apart(16)), ["suggest_amount: s1 = t1"]);
    let outcome = apart(4 * DAY);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
}

#[test]
fn a_day_is_no_instant() {
    let target = Record { precision: Precision::Day, ..charge("t1", 1_000).at(1) };
    let outcome = given([sale("s1", 1_000), target]);
    assert!(outcome.matches.is_empty());
    assert_eq!(suggested(&outcome), ["suggest_amount: s1 = t1"]);
}

#[test]
fn an_amount_that_is_not_alone_for_a_day_needs_more_than_time() {
    let outcome = given([
        sale("s1", 1_000),
        charge("t1", 1_000).at(1),
        sale("s2", 1_000).strong("pay_00002").at(300),
        charge("t2", 1_000).strong("pay_00002").at(300),
    ]);
    assert_eq!(matched(&outcome), ["strong_id: s2 = t2"]);
    assert_eq!(suggested(&outcome), ["suggest_amount: s1 = t1"]);
}

#[test]
fn a_reference_that_leads_to_a_fitting_record_forbids_a_guess() {
    let outcome = given([
        sale("s1", 1_000).email("a"),
        sale("s2", 1_000).email("b").of_order("1002").at(2 * DAY),
        charge("t1", 1_000).email("a").refers(Scheme::OrderName, "1002").at(1),
    ]);
    assert!(outcome.matches.is_empty(), "{:?}", matched(&outcome));
}

#[test]
fn what_an_earlier_run_matched_stays_together() {
    let mut of = input([sale("s1", 1_000), charge("t1", 1_000).at(3 * DAY), charge("t2", 1_000)]);
    let partner_ids = vec!["t1".to_owned()];
    of.memory.reserved = vec![Reservation { record_id: "s1".into(), side: Side::Source, partner_ids }];
    assert_eq!(matched(&run(&of)), ["reserved: s1 = t1"]);
}

#[test]
fn a_record_whose_reserved_partner_is_not_here_is_given_to_nobody() {
    let mut of = input([sale("s1", 1_000).email("a"), charge("t2", 1_000).email("a")]);
    let partner_ids = vec!["t1".to_owned()];
    of.memory.reserved = vec![Reservation { record_id: "s1".into(), side: Side::Source, partner_ids }];
    let outcome = run(&of);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
    assert_eq!(left(&outcome), ["s1: outside_window", "t2: missing_source"]);
}

/// A refund is known by its parent as soon as payments of equal amount are matched, and not by its amount.
#[test]
fn payments_of_equal_amount_are_matched_before_refunds() {
    let records = [
        sale("s1", 1_000).email("a"),
        charge("t1", 1_000).email("a").at(1),
        refund(Side::Source, "r1", 400, "s1").email("a").at(9),
        refund(Side::Target, "r2", 400, "t1").email("a").at(9),
    ];
    assert_eq!(matched(&given(records)), ["amount_agreement: s1 = t1", "matched_parent: r1 = r2"]);
}

#[test]
fn a_capture_is_found_by_the_time_it_settled() {
    let target = Record { settled_at: Some(minutes(4 * DAY)), ..charge("t1", 1_000).email("a").at(0) };
    let outcome = given([sale("s1", 1_000).email("a").at(4 * DAY), target]);
    assert_eq!(matched(&outcome), ["amount_agreement: s1 = t1"]);
}

#[test]
fn an_id_that_everybody_holds_is_a_placeholder() {
    let outcome = given((0..65).flat_map(|n| {
        let source = sale(&format!("s{n}"), 1_000 + n).strong("not-available-0");
        [source, charge(&format!("t{n}"), 1_000 + n).strong("not-available-0").at(4 * DAY)]
    }));
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
}

/// A key is known by its name, on whichever side and however many others stand before it there.
#[test]
fn a_metadata_key_earns_nothing_for_another_that_the_other_side_counts_alike() {
    let proven = (0..25).flat_map(|n| {
        let (value, amount) = (format!("n{n}"), 2_000 + n * 17);
        [
            sale(&format!("s{n}"), amount).metadata("number", &value).at(n),
            charge(&format!("t{n}"), amount).metadata("number", &value).at(n + DAY),
        ]
    });
    // The other side's first key is a note, and a short note proves nothing.
    let noted =
        [sale("s99", 9_999).metadata("number", "x7").at(-5), charge("t99", 9_999).metadata("note", "x7").at(DAY - 5)];
    let outcome = given(proven.chain(noted));
    assert_eq!(matched(&outcome).len(), 25);
    assert!(matched(&outcome).iter().all(|line| line.starts_with("weak_reference") && !line.contains("s99")));
}

/// Attempts that failed name the payment too, and are nobody's partner.
#[test]
fn failed_attempts_do_not_make_an_id_a_placeholder() {
    let failed = (0..70)
        .map(|n| Record { status: Status::Failed, ..charge(&format!("f{n}"), 1_000).strong("pi_3the_payment_of_all") });
    let outcome = given(failed.chain([
        sale("s1", 1_000).strong("pi_3the_payment_of_all"),
        charge("t1", 1_000).strong("pi_3the_payment_of_all").at(3 * DAY),
    ]));
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1"]);
}

#[test]
fn a_capture_is_known_under_what_its_authorisation_was_known_under() {
    let authorized = record(Side::Source, Kind::Authorization, "s1", 1_000).strong("ch_3the_captured_one");
    let captured = Record { parent: Some("s1".into()), ..record(Side::Source, Kind::Capture, "s2", 1_000).at(2 * DAY) };
    let outcome = given([authorized, captured, charge("t1", 1_000).strong("ch_3the_captured_one").at(3 * DAY)]);
    assert_eq!(matched(&outcome), ["strong_id: s2 = t1"]);
}

/// Shops name the authorisation as what a refund undoes.
#[test]
fn a_refund_of_an_authorisation_is_one_of_its_only_capture() {
    let id = "ch_3the_captured_one";
    let authorized = record(Side::Source, Kind::Authorization, "s1", 1_000).strong(id);
    let captured = |number: &str, amount: i64| Record {
        parent: Some("s1".into()),
        ..record(Side::Source, Kind::Capture, number, amount).at(2 * DAY)
    };
    let refunds = [("s9", Side::Source, "s1"), ("t9", Side::Target, "t1")]
        .map(|(number, side, parent)| refund(side, number, 400, parent).at(9 * DAY));
    let charged = |amount| charge("t1", amount).strong(id).at(2 * DAY);
    let only = given([authorized.clone(), captured("s2", 1_000), charged(1_000)].into_iter().chain(refunds.clone()));
    assert_eq!(matched(&only), ["strong_id: s2 = t1", "matched_parent: s9 = t9"]);
    let captures = [captured("s2", 700), captured("s3", 300)];
    let two = given([authorized, charged(1_000)].into_iter().chain(captures).chain(refunds));
    assert_eq!(matched(&two), ["strong_id_group: s2 s3 = t1", "amount_instant: s9 = t9"]);
}
