//! A small month: one pair, one record left over on each side, one out of scope.

use domain::{
    Currency, Money, Timestamp,
    record::{Kind, Order, OrderRef, RawPointer, Record, Reference, Scheme, Side},
};
use providers::Page;
use serde_json::json;

/// What a careless spreadsheet would run.
pub const EVIL_NAME: &str = "=HYPERLINK(\"http://evil\",\"pay\")";

fn record(side: Side, kind: Kind, id: &str, amount_minor: i64, reference: (Scheme, &str)) -> Record {
    let (scheme, value) = reference;
    Record {
        refs: vec![Reference { scheme, value: value.to_lowercase() }],
        raw: Some(RawPointer { page: String::new(), index: 0 }),
        ..Record::plain(
            side,
            kind,
            id.into(),
            Money { amount_minor, currency: Currency::parse("USD").unwrap() },
            Timestamp::parse("2026-01-10T12:00:00Z").unwrap(),
        )
    }
}

/// A sale of order `number`, paid by `charge`.
pub fn sale(number: u32, name: &str, amount_minor: i64, charge: &str) -> Record {
    let order = OrderRef { id: format!("gid://shopify/Order/{number}"), name: name.into() };
    let id = format!("gid://shopify/OrderTransaction/{number}");
    Record { order: Some(order), ..record(Side::Source, Kind::Sale, &id, amount_minor, (Scheme::PaymentId, charge)) }
}

pub fn charge(id: &str, amount_minor: i64) -> Record {
    record(Side::Target, Kind::Charge, id, amount_minor, (Scheme::MovementId, id))
}

fn order_of(sale: &Record) -> Order {
    let OrderRef { id, name } = sale.order.clone().unwrap();
    Order {
        id,
        name,
        total: Money { amount_minor: sale.amount_minor, currency: sale.currency },
        occurred_at: sale.occurred_at,
        cancelled_at: None,
        test: sale.test,
        financial_status: None,
    }
}

pub fn page(records: Vec<Record>) -> Page {
    let orders = records.iter().filter(|record| record.side == Side::Source).map(order_of).collect();
    let raw = records.iter().map(|record| json!({ "id": record.id })).collect();
    Page { records, orders, raw, next: None }
}

pub fn sold() -> Vec<Page> {
    let by_cheque = Record { gateway: Some("cheque".into()), ..sale(3, "#1003", 400, "cheque-0001") };
    vec![
        page(vec![sale(1, "#1001", 1_000, "ch_1AbCdEfGhIjKlMn")]),
        page(vec![sale(2, EVIL_NAME, 2_500, "ch_2AbCdEfGhIjKlMn"), by_cheque]),
    ]
}

pub fn paid() -> Vec<Page> {
    vec![page(vec![charge("ch_1AbCdEfGhIjKlMn", 1_000), charge("ch_9AbCdEfGhIjKlMn", 7_777)])]
}
