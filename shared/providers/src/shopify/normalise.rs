//! From a shop's orders and transactions to records.

use crate::{
    provider::ProviderError,
    read::Object,
    refs::{References, last4},
};
use domain::{
    Money,
    record::{Counterparty, EmailHash, Kind, Order, OrderRef, RawPointer, Record, Scheme, Side, Status},
};
use serde_json::Value;

/// An order and every movement that it lists, wherever in time.
#[derive(Debug)]
pub(super) struct ReadOrder {
    pub(super) order: Order,
    pub(super) movements: Vec<Record>,
}

pub(super) fn read_order(value: &Value, raw_index: usize) -> Result<ReadOrder, ProviderError> {
    let source = Object::new("Order", value)?;
    let order = Order {
        id: source.id.to_owned(),
        name: plain_name(source.text("name")?).to_owned(),
        total: money(&source, "totalPriceSet.presentmentMoney")?,
        occurred_at: source.time("processedAt")?,
        cancelled_at: source.maybe_time("cancelledAt")?,
        test: source.is_true("test"),
        financial_status: source.maybe_text("displayFinancialStatus").map(str::to_owned),
    };
    let mut movements = Vec::new();
    for transaction in source.list("transactions")? {
        let transaction = Object::new("OrderTransaction", transaction)?;
        if let Some(mut record) = read_transaction(&source, &order, &transaction)? {
            record.raw = raw_pointer(raw_index);
            movements.push(record);
        }
    }
    complete_authorized(&mut movements);
    Ok(ReadOrder { order, movements })
}

fn read_transaction(
    source: &Object<'_>,
    order: &Order,
    transaction: &Object<'_>,
) -> Result<Option<Record>, ProviderError> {
    let kind = match transaction.text("kind")? {
        "SALE" => Kind::Sale,
        "CAPTURE" => Kind::Capture,
        "REFUND" => Kind::Refund,
        "AUTHORIZATION" | "EMV_AUTHORIZATION" => Kind::Authorization,
        "VOID" => Kind::Void,
        "CHANGE" => Kind::Change,
        // A proposal by the shop's calculator: nothing was asked of any gateway.
        "SUGGESTED_REFUND" => return Ok(None),
        _ => return Err(transaction.malformed("kind", "has an unknown value")),
    };
    let status = match transaction.text("status")? {
        "SUCCESS" => Status::Succeeded,
        "PENDING" | "AWAITING_RESPONSE" | "UNKNOWN" => Status::Pending,
        "ERROR" | "FAILURE" => Status::Failed,
        _ => return Err(transaction.malformed("status", "has an unknown value")),
    };
    let presentment = signed(kind, money(transaction, "amountSet.presentmentMoney")?);
    let shop =
        transaction.find("amountSet.shopMoney").map(|_| money(transaction, "amountSet.shopMoney")).transpose()?;
    let shop_money = shop.map(|shop| signed(kind, shop)).filter(|shop| shop.currency != presentment.currency);
    let occurred_at = match transaction.maybe_time("processedAt")? {
        Some(at) => at,
        None => transaction.time("createdAt")?,
    };
    Ok(Some(Record {
        status,
        shop_money,
        refs: references(source, transaction),
        counterparty: Counterparty {
            email_hash: source.maybe_text("email").and_then(EmailHash::of),
            name: transaction.maybe_text("paymentDetails.name").map(str::to_owned),
            last4: transaction.maybe_text("paymentDetails.number").and_then(last4),
        },
        parent: transaction.maybe_text("parentTransaction.id").map(str::to_owned),
        gateway: transaction.maybe_text("gateway").map(str::to_owned),
        order: Some(OrderRef { id: order.id.clone(), name: order.name.clone() }),
        test: order.test || transaction.is_true("test"),
        ..Record::plain(Side::Source, kind, transaction.id.to_owned(), presentment, occurred_at)
    }))
}

fn references(order: &Object<'_>, transaction: &Object<'_>) -> Vec<domain::record::Reference> {
    let mut refs = References::default();
    refs.add(Scheme::MovementId, transaction.id);
    if let Some(payment) = transaction.maybe_text("paymentId") {
        refs.add_payment_id(payment);
    }
    if let Some(number) = order.maybe_text("legacyResourceId") {
        refs.add(Scheme::OrderId, number);
    }
    if let Some(name) = order.maybe_text("name") {
        refs.add(Scheme::OrderName, plain_name(name));
    }
    refs.into_vec()
}

/// A movement whose order cannot be read (deleted, or older than the token may see): the money moved all the same.
pub(super) fn read_lone_tender(value: &Value, raw_index: usize) -> Result<Record, ProviderError> {
    let tender = Object::new("TenderTransaction", value)?;
    let amount = money(&tender, "amount")?;
    let mut refs = References::default();
    refs.add(Scheme::MovementId, tender.id);
    if let Some(remote) = tender.maybe_text("remoteReference") {
        refs.add_payment_id(remote);
    }
    Ok(Record {
        refs: refs.into_vec(),
        test: tender.is_true("test"),
        raw: raw_pointer(raw_index),
        ..Record::plain(
            Side::Source,
            if amount.amount_minor < 0 { Kind::Refund } else { Kind::Sale },
            tender.id.to_owned(),
            amount,
            tender.time("processedAt")?,
        )
    })
}

/// A capture of less (or more) than was authorised says so.
fn complete_authorized(movements: &mut [Record]) {
    let authorized: Vec<(String, i64)> = movements
        .iter()
        .filter(|record| record.kind == Kind::Authorization)
        .map(|record| (record.id.clone(), record.amount_minor))
        .collect();
    for capture in movements.iter_mut().filter(|record| record.kind == Kind::Capture) {
        let parent = authorized.iter().find(|(id, _)| Some(id) == capture.parent.as_ref());
        capture.authorized_minor = parent.map(|(_, amount)| *amount).filter(|amount| *amount != capture.amount_minor);
    }
}

/// `MoneyV2` below `path`: a decimal string and a currency.
fn money(object: &Object<'_>, path: &str) -> Result<Money, ProviderError> {
    let currency = object.currency(&format!("{path}.currencyCode"))?;
    let amount_path = format!("{path}.amount");
    let decimal = object.text(&amount_path)?;
    let amount_minor = currency.minor_units(decimal).map_err(|error| object.money_problem(&amount_path, &error))?;
    Ok(Money { amount_minor, currency })
}

/// Transactions carry positive amounts; the kind says which way the money goes.
fn signed(kind: Kind, money: Money) -> Money {
    match kind {
        Kind::Refund => Money { amount_minor: -money.amount_minor, ..money },
        _ => money,
    }
}

fn plain_name(name: &str) -> &str {
    name.trim().trim_start_matches('#')
}

/// Only the position: the page's place is the caller's.
fn raw_pointer(index: usize) -> Option<RawPointer> {
    u32::try_from(index).ok().map(|index| RawPointer { page: String::new(), index })
}
