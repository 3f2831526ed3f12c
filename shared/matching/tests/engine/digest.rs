//! The digest of a run's input: everything that was given is in it, and nothing else.

use crate::records::{With, charge, currency, input, minutes, order, run, sale};
use domain::{
    Money,
    record::{EmailHash, Kind, Order, OrderRef, Precision, RawPointer, Record, Scheme, Settled, Status},
};
use matching::RunInput;
use std::collections::BTreeSet;

fn digest(of: &RunInput) -> String {
    run(of).summary.input_digest
}

fn with(change: impl Fn(&mut Record)) -> String {
    let mut changed = charge("t1", 1_000);
    change(&mut changed);
    digest(&input([sale("s1", 1_000), changed]))
}

#[test]
fn every_field_of_a_record_is_in_it() {
    let money = Money { amount_minor: 7, currency: currency("EUR") };
    let digests = [
        with(|_| {}),
        with(|record| record.id = "t2".into()),
        with(|record| record.kind = Kind::Refund),
        with(|record| record.status = Status::Pending),
        with(|record| record.amount_minor = 1_001),
        with(|record| record.currency = currency("EUR")),
        with(|record| record.shop_money = Some(money)),
        with(|record| record.authorized_minor = Some(7)),
        with(|record| record.fee_minor = Some(7)),
        with(|record| record.net_minor = Some(7)),
        with(|record| record.settled = Some(Settled { money, rate: None })),
        with(|record| record.settled = Some(Settled { money, rate: Some("1.1".into()) })),
        with(|record| record.occurred_at = minutes(7)),
        with(|record| record.precision = Precision::Day),
        with(|record| record.settled_at = Some(minutes(7))),
        with(|record| *record = record.clone().refers(Scheme::ChargeId, "x")),
        with(|record| *record = record.clone().refers(Scheme::PaymentIntentId, "x")),
        with(|record| *record = record.clone().metadata("a", "x")),
        with(|record| *record = record.clone().metadata("b", "x")),
        with(|record| record.counterparty.email_hash = EmailHash::of("x@y")),
        with(|record| record.counterparty.name = Some("x".into())),
        with(|record| record.counterparty.last4 = Some("x".into())),
        with(|record| record.memo = Some("x".into())),
        with(|record| record.memo = Some(String::new())),
        with(|record| record.parent = Some("x".into())),
        with(|record| record.group = Some("x".into())),
        with(|record| record.gateway = Some("x".into())),
        with(|record| record.order = Some(OrderRef { id: "x".into(), name: "y".into() })),
        with(|record| record.order = Some(OrderRef { id: "y".into(), name: "x".into() })),
        with(|record| record.test = true),
        with(|record| record.disputed = true),
        with(|record| record.evidence_only = true),
    ];
    let different: BTreeSet<&String> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
}

#[test]
fn a_second_delivery_is_in_it_and_order_and_staging_are_not() {
    let once = [sale("s1", 1_000), sale("s2", 500).at(3), charge("t1", 1_000)];
    let plain = digest(&input(once.clone()));
    let mut turned = once.clone();
    turned.reverse();
    turned[0].raw = Some(RawPointer { page: "elsewhere".into(), index: 4 });
    assert_eq!(digest(&input(turned)), plain);
    let twice = |status| input(once.clone().into_iter().chain([Record { status, ..sale("s2", 500).at(3) }]));
    assert_eq!(twice(Status::Pending).source.len(), 3);
    assert_ne!(digest(&twice(Status::Pending)), plain);
    let of_target = input(once.clone().into_iter().chain([charge("t1", 1_000)]));
    assert_ne!(digest(&of_target), plain);
    // What it says counts, too, although another delivery is the one that is kept.
    assert_ne!(digest(&twice(Status::Pending)), digest(&twice(Status::Failed)));
}

#[test]
fn every_field_of_an_order_is_in_it_and_how_they_were_listed_is_not() {
    let plain = order("1001", 1_000);
    let of =
        |orders: Vec<Order>| digest(&RunInput { orders: orders.into_iter().collect(), ..input([sale("s1", 1_000)]) });
    let orders = [
        plain.clone(),
        Order { id: "o".into(), ..plain.clone() },
        Order { name: "o".into(), ..plain.clone() },
        Order { total: Money { amount_minor: 7, ..plain.total }, ..plain.clone() },
        Order { total: Money { currency: currency("EUR"), ..plain.total }, ..plain.clone() },
        Order { occurred_at: minutes(7), ..plain.clone() },
        Order { cancelled_at: Some(minutes(7)), ..plain.clone() },
        Order { test: true, ..plain.clone() },
        Order { financial_status: Some("paid".into()), ..plain.clone() },
    ];
    let different: BTreeSet<String> = orders.iter().map(|order| of(vec![order.clone()])).collect();
    assert_eq!(different.len(), orders.len());
    assert!(!different.contains(&of(Vec::new())));
    // Two deliveries of one order, too.
    let turned = orders.iter().rev().cloned().collect();
    assert_eq!(of(orders.to_vec()), of(turned));
    assert_ne!(of(vec![plain.clone(), plain.clone()]), of(vec![plain]));
}
