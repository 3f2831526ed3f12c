//! The processor's objects in their published form.

use serde_json::{Map, Value, json};

use super::ledger::{Movement, Payout};
use super::store::{Item, Store};
use crate::sandbox::generate::world::{Charge, DAY_S, Fate, RefundStatus};

const DAYS_TO_ANSWER_A_DISPUTE: i64 = 14;

#[must_use]
pub fn render(store: &Store, item: Item) -> Value {
    match item {
        Item::Charge(index) => charge(store, index),
        Item::Intent(index) => intent(&store.world.charges[index]),
        Item::Refund(index) => refund(store, index),
        Item::Dispute(index) => dispute(store, index),
        Item::Movement(index) => movement(&store.ledger.movements[index]),
        Item::Payout(index) => payout(store, &store.ledger.payouts[index]),
    }
}

fn metadata_of(pairs: &[(&'static str, String)]) -> Map<String, Value> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect()
}

fn movement(of: &Movement) -> Value {
    let fees = if of.fee == 0 {
        json!([])
    } else {
        json!([{ "amount": of.fee, "application": null, "currency": of.currency, "description": "Stripe processing fees", "type": "stripe_fee" }])
    };
    json!({
        "id": of.id,
        "object": "balance_transaction",
        "amount": of.amount,
        "available_on": of.available_s,
        "balance_type": "payments",
        "created": of.at_s,
        "currency": of.currency,
        "description": of.description,
        "exchange_rate": of.rate_ppm.map(rate),
        "fee": of.fee,
        "fee_details": fees,
        "net": of.amount - of.fee,
        "reporting_category": of.category,
        "source": of.source,
        "status": if of.settled { "available" } else { "pending" },
        "type": of.kind,
    })
}

fn charge(store: &Store, index: usize) -> Value {
    let charge = &store.world.charges[index];
    let customer = &store.world.customers[charge.customer];
    let transaction = store.ledger.of_charge[index].map(|at| store.ledger.movements[at].id.as_str());
    let email = charge.shows_email.then_some(customer.email.as_str());
    let name = charge.shows_name.then_some(customer.name.as_str());
    let failed = charge.fate == Fate::Failed;
    let refunded = if charge.fate == Fate::Released { charge.amount } else { charge.refunded };
    let metadata = metadata_of(&charge.metadata);
    let method = if charge.shows_card {
        json!({ "type": "card", "card": {
            "amount_authorized": charge.amount, "authorization_code": null, "brand": customer.brand,
            "checks": { "address_line1_check": null, "address_postal_code_check": "pass", "cvc_check": "pass" },
            "country": "US", "exp_month": 12, "exp_year": 2031, "funding": "credit", "installments": null,
            "last4": customer.last4, "mandate": null, "network": customer.brand, "three_d_secure": null, "wallet": null,
        } })
    } else {
        json!({ "type": "link", "link": { "country": "US" } })
    };
    let outcome = if failed {
        json!({ "network_status": "declined_by_network", "reason": "generic_decline", "risk_level": "normal",
            "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined" })
    } else {
        json!({ "network_status": "approved_by_network", "reason": null, "risk_level": "normal",
            "seller_message": "Payment complete.", "type": "authorized" })
    };
    let mut value = json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.captured,
        "amount_refunded": refunded,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": transaction,
        "billing_details": {
            "address": { "city": null, "country": "US", "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": email, "name": name, "phone": null, "tax_id": null,
        },
        "calculated_statement_descriptor": "WEBSHOP",
        "captured": charge.fate == Fate::Captured,
        "created": charge.created_s,
        "currency": charge.currency.to_lowercase(),
        "customer": null,
        "description": charge.description,
        "disputed": charge.disputed,
        "failure_balance_transaction": null,
        "failure_code": failed.then_some("card_declined"),
        "failure_message": failed.then_some("Your card was declined."),
        "fraud_details": {},
        "livemode": true,
    });
    let more = json!({
        "metadata": metadata,
        "on_behalf_of": null,
        "outcome": outcome,
        "paid": !failed,
        "payment_intent": charge.intent,
        "payment_method": charge.id.replacen("ch_", "pm_", 1),
        "payment_method_details": method,
        "presentment_details": null,
        "radar_options": {},
        "receipt_email": email,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": refunded >= charge.amount && !failed,
        "review": null,
        "shipping": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": if failed { "failed" } else { "succeeded" },
        "transfer_data": null,
        "transfer_group": null,
    });
    join(&mut value, more);
    value
}

fn intent(charge: &Charge) -> Value {
    let metadata = metadata_of(&charge.metadata);
    let failed = charge.fate == Fate::Failed;
    let status = match charge.fate {
        Fate::Captured => "succeeded",
        Fate::Failed => "requires_payment_method",
        Fate::Released => "canceled",
    };
    json!({
        "id": charge.intent, "object": "payment_intent", "amount": charge.amount, "amount_capturable": 0,
        "amount_received": charge.captured, "capture_method": "automatic_async", "created": charge.created_s,
        "currency": charge.currency.to_lowercase(), "customer": null, "description": charge.description,
        "last_payment_error": if failed { json!({ "code": "card_declined", "type": "card_error" }) } else { Value::Null },
        "latest_charge": charge.id, "livemode": true, "metadata": metadata, "status": status,
    })
}

fn refund(store: &Store, index: usize) -> Value {
    let (ledger, refund) = (&store.ledger, &store.world.refunds[index]);
    let charge = &store.world.charges[refund.charge];
    let (movement, failure) = ledger.of_refund[index];
    let metadata = metadata_of(&refund.metadata);
    let status = match refund.status {
        RefundStatus::Succeeded => "succeeded",
        RefundStatus::Pending => "pending",
        RefundStatus::Failed => "failed",
    };
    let mut value = json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": ledger.movements[movement].id,
        "charge": charge.id,
        "created": refund.created_s,
        "currency": charge.currency.to_lowercase(),
        "description": null,
        "destination_details": { "type": "card", "card": { "type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number" } },
        "instructions_email": null,
        "metadata": metadata,
        "next_action": null,
        "payment_intent": charge.intent,
        "pending_reason": (refund.status == RefundStatus::Pending).then_some("processing"),
        "reason": "requested_by_customer",
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": status,
        "transfer_reversal": null,
    });
    if let Some(failure) = failure {
        join(
            &mut value,
            json!({ "failure_balance_transaction": ledger.movements[failure].id, "failure_reason": "expired_or_canceled_card" }),
        );
    }
    value
}

fn dispute(store: &Store, index: usize) -> Value {
    let dispute = &store.world.disputes[index];
    let charge = &store.world.charges[dispute.charge];
    let moved: Vec<&Movement> = store.ledger.of_dispute[index].iter().map(|&at| &store.ledger.movements[at]).collect();
    let listed: Vec<Value> = moved.iter().map(|of| movement(of)).collect();
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": charge.captured,
        "balance_transaction": moved.first().map(|of| of.id.as_str()),
        "balance_transactions": listed,
        "charge": charge.id,
        "created": dispute.created_s,
        "currency": charge.currency.to_lowercase(),
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": dispute.created_s + DAYS_TO_ANSWER_A_DISPUTE * DAY_S, "has_evidence": false, "past_due": false, "submission_count": 0,
        },
        "is_charge_refundable": false,
        "livemode": true,
        "metadata": {},
        "payment_intent": charge.intent,
        "payment_method_details": { "type": "card", "card": { "brand": "visa", "case_type": "chargeback", "network_reason_code": "83" } },
        "reason": "fraudulent",
        "status": if dispute.reversed_s.is_some() { "won" } else { "needs_response" },
    })
}

fn payout(store: &Store, payout: &Payout) -> Value {
    json!({
        "id": payout.id,
        "object": "payout",
        "amount": payout.amount,
        "application_fee": null,
        "application_fee_amount": null,
        "arrival_date": payout.created_s + DAY_S,
        "automatic": true,
        "balance_transaction": store.ledger.movements[payout.movement].id,
        "created": payout.created_s,
        "currency": payout.currency,
        "description": "STRIPE PAYOUT",
        "destination": null,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "livemode": true,
        "metadata": {},
        "method": "standard",
        "original_payout": null,
        "reconciliation_status": "completed",
        "reversed_by": null,
        "source_type": "card",
        "statement_descriptor": null,
        "status": "paid",
        "trace_id": null,
        "type": "bank_account",
    })
}

/// Millionths as the JSON number that the API shows; parsed from digits, so that it is the nearest one.
fn rate(ppm: i64) -> Value {
    serde_json::from_str(&format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000)).unwrap_or(Value::Null)
}

fn join(value: &mut Value, more: Value) {
    if let (Value::Object(to), Value::Object(from)) = (value, more) {
        to.extend(from);
    }
}
