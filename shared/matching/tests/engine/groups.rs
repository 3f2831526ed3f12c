//! Tiers 1, 4 and 5: groups, duplicate charges, discrepancies and sets.

use crate::records::{DAY, With, charge, given, left, matched, refund, sale, suggested};
use domain::{
    matches::MatchKind,
    record::{Record, Scheme, Side},
    summary::Difference,
};

#[test]
fn two_captures_of_one_charge_are_a_group() {
    let outcome = given([
        sale("s1", 600).strong("pay_00001"),
        sale("s2", 400).strong("pay_00001").at(DAY),
        charge("t1", 1_000).strong("pay_00001").at(DAY),
    ]);
    assert_eq!(matched(&outcome), ["strong_id_group: s1 s2 = t1"]);
    assert_eq!((outcome.matches[0].kind, outcome.matches[0].amount_minor), (MatchKind::Group, 1_000));
}

#[test]
fn a_match_names_each_of_its_orders_once_and_in_order() {
    let part = |id: &str, amount, number: &str| sale(id, amount).strong("pay_00001").of_order(number);
    let outcome = given([
        part("s1", 500, "1002"),
        part("s2", 300, "1001").at(1),
        part("s3", 200, "1002").at(2),
        charge("t1", 1_000).strong("pay_00001"),
    ]);
    assert_eq!(outcome.matches[0].order_names, ["1001", "1002"]);
}

#[test]
fn one_order_paid_with_two_charges_is_a_group() {
    let half = |id: &str, amount| charge(id, amount).metadata("order_id", "90001001");
    let outcome = given([sale("s1", 1_000).of_order("1001"), half("t1", 700), half("t2", 300).at(5)]);
    assert_eq!(matched(&outcome), ["same_key_group: s1 = t1 t2"]);
}

#[test]
fn a_group_without_equal_sums_is_left() {
    let outcome = given([
        sale("s1", 600).strong("pay_00001"),
        sale("s2", 300).strong("pay_00001"),
        charge("t1", 1_000).strong("pay_00001"),
    ]);
    assert!(outcome.matches.is_empty());
    assert_eq!(left(&outcome).len(), 3);
}

#[test]
fn of_two_charges_for_one_sale_the_first_is_its_own() {
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001"),
        charge("t1", 1_000).strong("pay_00001").at(1),
        charge("t2", 1_000).strong("pay_00001").at(9),
    ]);
    assert_eq!(matched(&outcome), ["duplicate_charge: s1 = t1"]);
    assert_eq!(left(&outcome), ["t2: duplicate_charge"]);
    assert_eq!(outcome.matches[0].margin, Some(480));
}

#[test]
fn of_two_charges_for_one_sale_the_settled_one_goes_first() {
    let settled = Record { net_minor: Some(970), ..charge("t2", 1_000).strong("pay_00001").at(9) };
    let outcome =
        given([sale("s1", 1_000).strong("pay_00001"), charge("t1", 1_000).strong("pay_00001").at(1), settled]);
    assert_eq!(matched(&outcome), ["duplicate_charge: s1 = t2"]);
}

/// The one match of a sale and a charge that an id joins, with the reason under which it is listed.
fn linked(source: i64, target: Record) -> (Difference, String) {
    let outcome = given([sale("s1", source).strong("pay_00001"), target.strong("pay_00001")]);
    assert_eq!(matched(&outcome), ["linked_discrepancy: s1 = t1"]);
    assert!(outcome.matches[0].confidence_bp < 10_000);
    assert_eq!(outcome.summary.discrepancy_count, 1);
    assert_eq!(outcome.summary.totals[0].difference, outcome.matches[0].difference);
    assert_eq!((outcome.summary.source.matched, outcome.summary.target.matched), (1, 1));
    (outcome.matches[0].difference, left(&outcome).join(", "))
}

#[test]
fn a_certain_partner_of_another_amount_is_a_discrepancy() {
    let plain = Difference::default();
    let fee = Record { fee_minor: Some(30), ..charge("t1", 970) };
    let part = Record { authorized_minor: Some(1_000), ..charge("t1", 700) };
    assert_eq!(
        linked(1_000, charge("t1", 1_100)),
        (Difference { unexplained: 100, ..plain }, "s1: amount_over".into())
    );
    assert_eq!(
        linked(1_000, charge("t1", 900)),
        (Difference { unexplained: -100, ..plain }, "s1: amount_under".into())
    );
    assert_eq!(linked(1_000, charge("t1", 1_001)), (Difference { rounding: 1, ..plain }, "s1: amount_over".into()));
    assert_eq!(linked(1_000, fee), (Difference { fee: -30, ..plain }, "s1: fee_variance".into()));
    assert_eq!(linked(1_000, part), (Difference { partial: -300, ..plain }, "s1: partial_capture".into()));
}

#[test]
fn a_link_is_not_certain_while_somebody_has_the_exact_amount() {
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001"),
        charge("t1", 900).strong("pay_00001"),
        charge("t2", 1_000).at(200),
    ]);
    assert!(outcome.matches.is_empty());
}

#[test]
fn identical_against_identical_is_one_set() {
    let outcome =
        given([sale("s1", 1_000), sale("s2", 1_000).at(5), charge("t1", 1_000).at(2), charge("t2", 1_000).at(6)]);
    assert_eq!(matched(&outcome), ["identical_set: s1 s2 = t1 t2"]);
    assert_eq!(outcome.matches[0].kind, MatchKind::Set);
}

#[test]
fn unequal_numbers_of_identical_are_a_suggestion_and_an_open_question() {
    let outcome = given([sale("s1", 1_000), sale("s2", 1_000).at(5), charge("t1", 1_000).at(2)]);
    assert!(outcome.matches.is_empty());
    assert_eq!(suggested(&outcome), ["suggest_set: s1 = t1"]);
    assert_eq!(left(&outcome), ["s2: ambiguous"]);
}

#[test]
fn what_can_be_told_apart_is_no_set() {
    let outcome = given([
        sale("s1", 1_000).email("a"),
        sale("s2", 1_000).email("b").at(5),
        charge("t1", 1_000).email("b").at(2),
        charge("t2", 1_000).email("a").at(6),
    ]);
    assert_eq!(matched(&outcome), ["amount_agreement: s1 = t2", "amount_agreement: s2 = t1"]);
}

/// A name that one record alone has joins it with nobody, and is no less a sign that it is not the other one.
#[test]
fn names_that_nobody_else_has_tell_apart() {
    let sales = || [sale("s1", 1_000), sale("s2", 1_000).at(5)];
    let charges = || [charge("t1", 1_000).at(2), charge("t2", 1_000).at(6)];
    let named = |[first, second]: [Record; 2], scheme: Scheme, values: [&str; 2]| {
        [first.refers(scheme.clone(), values[0]), second.refers(scheme, values[1])]
    };
    let of_other_orders = named(charges(), Scheme::OrderName, ["2001", "2002"]);
    assert_eq!(matched(&given(sales().into_iter().chain(of_other_orders))), [] as [&str; 0]);

    let noted = || named(charges(), Scheme::Text, ["paid at the desk", "paid at the desk"]);
    let of_order = || sales().map(|sale| sale.of_order("1001"));
    assert_eq!(matched(&given(of_order().into_iter().chain(noted()))), ["identical_set: s1 s2 = t1 t2"]);
    let of_other_payments = named(of_order(), Scheme::PaymentId, ["pay_00001", "pay_00002"]);
    assert_eq!(matched(&given(of_other_payments.into_iter().chain(noted()))), [] as [&str; 0]);
}

#[test]
fn identical_over_more_than_a_day_are_no_set() {
    let outcome = given([
        sale("s1", 1_000),
        sale("s2", 1_000).at(DAY + 60),
        charge("t1", 1_000).at(30),
        charge("t2", 1_000).at(DAY + 90),
    ]);
    assert!(outcome.matches.is_empty());
}

#[test]
fn equal_refunds_of_one_payment_are_a_set() {
    let outcome = given([
        sale("s1", 1_000).strong("pay_00001"),
        charge("t1", 1_000).strong("pay_00001"),
        refund(Side::Source, "s2", 300, "s1").at(60),
        refund(Side::Source, "s3", 300, "s1").at(90),
        refund(Side::Target, "t2", 300, "t1").at(61),
        refund(Side::Target, "t3", 300, "t1").at(91),
    ]);
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1", "identical_set: s2 s3 = t2 t3"]);
}

#[test]
fn a_crowd_of_one_amount_is_one_set_and_never_pairs() {
    let crowd = |extra: usize| {
        let sales = (0..200 + extra).map(|n| sale(&format!("s{n:03}"), 1_000).at(n as i64));
        given(sales.chain((0..200).map(|n| charge(&format!("t{n:03}"), 1_000).at(n))))
    };
    let even = crowd(0);
    assert_eq!((even.matches.len(), even.matches[0].source_ids.len()), (1, 200));
    let odd = crowd(1);
    assert!(odd.matches.is_empty());
    assert_eq!((odd.suggestions.len(), odd.exceptions.len()), (1, 1));
}
