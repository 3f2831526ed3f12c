//! Orders: what became of each.

use crate::records::{With, charge, currency, input, minutes, order, refund, run, sale};
use domain::{
    Money,
    matches::{OrderResult, OrderState},
    record::{Order, Record, Side},
};
use matching::RunInput;

fn rolled(number: &str, total: i64, records: Vec<Record>) -> OrderResult {
    let mut of = input(records);
    of.orders = [order(number, total)].into_iter().collect();
    let mut orders = run(&of).orders;
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

fn paid() -> Vec<Record> {
    vec![sale("s1", 1_000).of_order("1001").strong("pay_00001"), charge("t1", 1_000).strong("pay_00001")]
}

#[test]
fn an_order_is_as_paid_as_what_was_found() {
    let state = |total, records| rolled("1001", total, records).state;
    assert_eq!(state(1_000, paid()), OrderState::Paid);
    assert_eq!(state(1_500, paid()), OrderState::PartlyPaid);
    assert_eq!(state(1_000, Vec::new()), OrderState::Unpaid);
    assert_eq!(state(1_000, paid().into_iter().take(1).collect()), OrderState::Unpaid);
    let disputed = paid().into_iter().map(|record| Record { disputed: record.side == Side::Target, ..record });
    assert_eq!(state(1_000, disputed.collect()), OrderState::Disputed);
    let foreign = Record { gateway: Some("paypal".into()), ..sale("s1", 1_000).of_order("1001") };
    assert_eq!(state(1_000, vec![foreign]), OrderState::OutOfScope);
}

#[test]
fn what_was_given_back_is_told() {
    let mut records = paid();
    records.push(refund(Side::Source, "s2", 1_000, "s1").of_order("1001").at(9));
    let order = rolled("1001", 1_000, records);
    assert_eq!((order.received_minor, order.refunded_minor, order.matched_minor), (1_000, 1_000, 1_000));
    assert_eq!(order.state, OrderState::Refunded);
}

#[test]
fn what_came_went_back_and_was_found_are_three_figures() {
    let mut records = paid();
    records.push(sale("s2", 400).of_order("1001").at(5));
    records.push(refund(Side::Source, "s3", 300, "s1").of_order("1001").at(9));
    let expected = OrderResult {
        order_id: order("1001", 1_900).id,
        order_name: "1001".to_owned(),
        currency: currency("USD"),
        total_minor: 1_900,
        received_minor: 1_400,
        refunded_minor: 300,
        matched_minor: 1_000,
        state: OrderState::PartlyPaid,
    };
    assert_eq!(rolled("1001", 1_900, records), expected);
}

#[test]
fn a_gift_card_is_not_looked_for_on_the_payment_side() {
    let mut records = paid();
    records.push(Record { gateway: Some("gift_card".into()), ..sale("s2", 500).of_order("1001") });
    assert_eq!(rolled("1001", 1_500, records).state, OrderState::Paid);
}

#[test]
fn an_order_known_only_by_its_movements_is_listed() {
    let orders = run(&input(paid())).orders;
    assert_eq!((orders[0].order_name.as_str(), orders[0].total_minor), ("1001", 1_000));
}

#[test]
fn figures_of_an_order_are_in_its_own_money() {
    let usd = |amount_minor| Some(Money { amount_minor, currency: currency("USD") });
    let euros = |id: &str| sale(id, 900).in_money("EUR").of_order("1001");
    // The order is in dollars: what was taken in euros counts by what the shop says it is in dollars, or not at all.
    let told = Record { shop_money: usd(1_000), ..euros("s1").strong("pay_00001") };
    let found = charge("t1", 900).in_money("EUR").strong("pay_00001");
    let rolled = rolled("1001", 1_000, vec![told, found, euros("s2")]);
    assert_eq!((rolled.received_minor, rolled.matched_minor, rolled.state), (1_000, 1_000, OrderState::Paid));
}

#[test]
fn of_two_deliveries_of_an_order_the_later_is_shown_however_they_were_listed() {
    let early = order("1001", 1_000);
    let late = Order { occurred_at: minutes(7), ..order("1001", 900) };
    let alike = Order { test: true, ..late.clone() };
    let shown = |orders: &[&Order]| {
        let orders = orders.iter().copied().cloned().collect();
        run(&RunInput { orders, ..input(paid()) }).orders
    };
    assert_eq!(shown(&[&early, &late]).iter().map(|order| order.total_minor).collect::<Vec<_>>(), [900]);
    assert_eq!(shown(&[&early, &late]), shown(&[&late, &early]));
    assert_eq!(shown(&[&late, &alike]), shown(&[&alike, &late]));
}
