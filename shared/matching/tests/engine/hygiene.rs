//! Tier 0: what is out of scope, and why.

use crate::records::{With, charge, excluded, given, left, matched, record, sale};
use domain::record::{Kind, Record, Side, Status};

fn source(kind: Kind, id: &str) -> Record {
    record(Side::Source, kind, id, 1_000)
}

#[test]
fn what_moves_no_money_is_excluded_with_its_reason() {
    let outcome = given([
        Record { test: true, ..sale("s1", 1_000) },
        Record { status: Status::Failed, ..sale("s2", 1_000) },
        Record { gateway: Some("paypal".into()), ..sale("s3", 1_000) },
        source(Kind::Authorization, "s4"),
        source(Kind::Authorization, "s5"),
        Record { parent: Some("s5".into()), ..source(Kind::Void, "s6") },
        source(Kind::Change, "s7"),
        sale("s8", 0),
        Record { status: Status::Uncaptured, ..charge("t1", 0) },
    ]);
    assert_eq!(
        excluded(&outcome),
        [
            "s1: test",
            "s2: failed",
            "s3: gateway_out_of_scope",
            "s4: authorization_only",
            "s5: voided",
            "s6: voided",
            "s7: no_movement",
            "s8: zero_amount",
            "t1: uncaptured",
        ]
    );
    assert_eq!((outcome.summary.source.excluded, outcome.summary.target.excluded), (8, 1));
    assert_eq!(outcome.summary.accuracy_bp, None);
}

#[test]
fn a_sale_that_was_voided_moved_no_money() {
    let void = Record { parent: Some("s1".into()), ..source(Kind::Void, "s2") };
    let outcome = given([sale("s1", 1_000).strong("pay_00001"), void, charge("t1", 1_000).strong("pay_00001")]);
    assert_eq!(excluded(&outcome), ["s1: voided", "s2: voided"]);
    assert!(matched(&outcome).is_empty());
}

#[test]
fn a_gateway_is_compared_without_case() {
    let outcome = given([Record { gateway: Some("Stripe".into()), ..sale("s1", 1_000) }]);
    assert!(outcome.exclusions.is_empty());
}

#[test]
fn a_record_that_is_delivered_twice_counts_once_and_is_told() {
    let twice = [sale("s1", 1_000).strong("pay_00001"), sale("s1", 1_000).strong("pay_00001")];
    let outcome = given(twice.into_iter().chain([charge("t1", 1_000).strong("pay_00001")]));
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1"]);
    assert_eq!(outcome.summary.source.in_scope(), 1);
    assert!(outcome.summary.warnings.iter().any(|warning| warning.code == "duplicate_page"));
}

#[test]
fn of_two_deliveries_the_decided_one_is_kept() {
    let pending = Record { status: Status::Pending, ..charge("t1", 1_000) }.strong("pay_00001");
    let decided = charge("t1", 1_000).strong("pay_00001");
    let outcome = given([sale("s1", 1_000).strong("pay_00001"), pending, decided]);
    assert_eq!(matched(&outcome), ["strong_id: s1 = t1"]);
}

#[test]
fn what_is_not_decided_waits() {
    let pending = Record { status: Status::Pending, ..sale("s1", 1_000) }.strong("pay_00001");
    let outcome = given([pending, charge("t1", 1_000).strong("pay_00001")]);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
    assert!(left(&outcome).contains(&"s1: pending_within_sla".to_owned()));
}
