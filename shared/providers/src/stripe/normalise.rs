//! From charges and refunds, with their balance transactions, to records.
//!
//! The movement's own time is when it moved on the balance: the balance transaction's `created`. A charge's `created`
//! is its authorisation, which may lie days before; it counts only for what never reached the balance.

use super::money::amount;
use crate::{
    provider::ProviderError,
    read::Object,
    refs::{References, memo},
};
use domain::{
    Money, Timestamp,
    record::{Counterparty, EmailHash, Kind, RawPointer, Record, Scheme, Settled, Side, Status},
};
use serde_json::Value;

/// The id at `path`, whether the object there is expanded or not.
pub(super) fn id_at<'a>(object: &Object<'a>, path: &str) -> Option<&'a str> {
    let value = object.find(path)?;
    value.as_str().or_else(|| value.get("id").and_then(Value::as_str))
}

/// The movement's own time. `balance` is the object's balance transaction, if it has one.
pub(super) fn own_time(object: &Object<'_>, balance: Option<&Object<'_>>) -> Result<Timestamp, ProviderError> {
    balance.unwrap_or(object).unix_time("created")
}

pub(super) fn read_charge(
    charge: &Object<'_>,
    balance: Option<&Object<'_>>,
    raw_index: usize,
) -> Result<Record, ProviderError> {
    let currency = charge.currency("currency")?;
    let asked = amount(charge, "amount", currency)?.amount_minor;
    let captured = amount(charge, "amount_captured", currency)?.amount_minor;
    let status = match charge.text("status")? {
        "failed" => Status::Failed,
        "pending" => Status::Pending,
        "succeeded" if charge.is_true("captured") => Status::Succeeded,
        "succeeded" => Status::Uncaptured,
        _ => return Err(charge.malformed("status", "has an unknown value")),
    };
    let mut refs = References::default();
    refs.add(Scheme::MovementId, charge.id);
    refs.add(Scheme::ChargeId, charge.id);
    add_shared_references(&mut refs, charge);
    let method = charge.maybe_text("payment_method_details.type").unwrap_or("card");
    let email = charge.maybe_text("receipt_email").or_else(|| charge.maybe_text("billing_details.email"));
    let record = Record {
        kind: Kind::Charge,
        status,
        amount_minor: captured,
        authorized_minor: Some(asked).filter(|asked| *asked != captured),
        counterparty: Counterparty {
            email_hash: email.and_then(EmailHash::of),
            name: charge.maybe_text("billing_details.name").map(str::to_owned),
            last4: charge.maybe_text(&format!("payment_method_details.{method}.last4")).map(str::to_owned),
        },
        disputed: charge.is_true("disputed"),
        ..blank(charge, balance, raw_index)?
    };
    with_balance(Record { refs: refs.into_vec(), ..record }, balance)
}

/// `charge` is the refund's charge where it is at hand.
pub(super) fn read_refund(
    refund: &Object<'_>,
    balance: Option<&Object<'_>>,
    charge: Option<&Object<'_>>,
    raw_index: usize,
) -> Result<Record, ProviderError> {
    let currency = refund.currency("currency")?;
    let refunded = amount(refund, "amount", currency)?.amount_minor;
    let status = match refund.maybe_text("status") {
        Some("succeeded") | None => Status::Succeeded,
        Some("pending" | "requires_action") => Status::Pending,
        Some("failed" | "canceled") => Status::Failed,
        Some(_) => return Err(refund.malformed("status", "has an unknown value")),
    };
    // Giving back what was authorised and never captured makes a refund object too, but no money moves.
    let releases = balance.is_none()
        && status == Status::Succeeded
        && charge.is_some_and(|charge| was_not_captured_in_full(charge));
    let mut refs = References::default();
    refs.add(Scheme::MovementId, refund.id);
    let parent = id_at(refund, "charge");
    if let Some(parent) = parent {
        refs.add(Scheme::ChargeId, parent);
    }
    add_shared_references(&mut refs, refund);
    let record = Record {
        kind: if releases { Kind::Void } else { Kind::Refund },
        status,
        amount_minor: -refunded,
        parent: parent.map(str::to_owned),
        ..blank(refund, balance, raw_index)?
    };
    with_balance(Record { refs: refs.into_vec(), ..record }, balance)
}

fn was_not_captured_in_full(charge: &Object<'_>) -> bool {
    let captured = charge.find("amount_captured").and_then(Value::as_i64);
    captured < charge.find("amount").and_then(Value::as_i64)
}

fn add_shared_references(refs: &mut References, object: &Object<'_>) {
    if let Some(intent) = id_at(object, "payment_intent") {
        refs.add(Scheme::PaymentIntentId, intent);
    }
    // In the order of the keys: the provider promises none.
    let mut metadata: Vec<(&String, &str)> = object
        .find("metadata")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .collect();
    metadata.sort_unstable();
    for (key, value) in metadata {
        refs.add(Scheme::Metadata(key.clone()), value);
    }
    if let Some(description) = object.maybe_text("description") {
        refs.add_text(description);
    }
}

/// What charges and refunds have in common.
fn blank(object: &Object<'_>, balance: Option<&Object<'_>>, raw_index: usize) -> Result<Record, ProviderError> {
    Ok(Record {
        memo: object.maybe_text("description").and_then(memo),
        test: object.find("livemode").and_then(Value::as_bool) == Some(false),
        raw: u32::try_from(raw_index).ok().map(|index| RawPointer { page: String::new(), index }),
        ..Record::plain(
            Side::Target,
            Kind::Charge,
            object.id.to_owned(),
            Money { amount_minor: 0, currency: object.currency("currency")? },
            own_time(object, balance)?,
        )
    })
}

/// Fee and net as the balance has them: in the currency of `settled` where that is given, else in the record's own.
fn with_balance(mut record: Record, balance: Option<&Object<'_>>) -> Result<Record, ProviderError> {
    let Some(balance) = balance else {
        return Ok(record);
    };
    let currency = balance.currency("currency")?;
    record.fee_minor = Some(amount(balance, "fee", currency)?.amount_minor);
    record.net_minor = Some(amount(balance, "net", currency)?.amount_minor);
    if currency != record.currency {
        // Written back as the digits that came; nothing is ever computed with it here.
        let rate = balance.find("exchange_rate").and_then(Value::as_number).map(ToString::to_string);
        record.settled = Some(Settled { money: amount(balance, "amount", currency)?, rate });
    }
    Ok(record)
}
