//! The canonical record: one money movement, whatever provider it came from.
//!
//! Adapters write these, the engine reads them. Amounts are signed minor units, positive towards the merchant. A field
//! that a provider does not have is `None`, never a made-up value.

use crate::{
    money::{Currency, Money},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which side of the reconciliation a record stands on: orders are the source, payments the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Source,
    Target,
}

/// What the movement is. `Sale`, `Capture` and `Charge` bring money in, `Refund` takes it out, the rest move none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Sale,
    Capture,
    Charge,
    Refund,
    Authorization,
    Void,
    Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The money moved.
    Succeeded,
    /// Not decided yet; may still succeed.
    Pending,
    /// Failed, cancelled or in error: no money moved.
    Failed,
    /// Authorised and never captured: no money moved.
    Uncaptured,
}

/// How exactly `occurred_at` is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    Instant,
    /// Only the day is known; `occurred_at` is its midnight.
    Day,
}

/// A value under which the other side may know this movement. Keys are compared by value: the scheme says where it
/// stood and how much it is worth. How the provider wrote it stands in the object that [`Record::raw`] leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference<Text = String> {
    pub scheme: Scheme<Text>,
    /// Trimmed and lower-cased; what is compared.
    pub value: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme<Name = String> {
    /// The provider's own id of the movement (Shopify transaction gid, Stripe charge or refund id).
    MovementId,
    /// The id of the payment that the order side names: Shopify `paymentId`.
    PaymentId,
    /// Stripe charge id.
    ChargeId,
    /// Stripe payment intent id.
    PaymentIntentId,
    /// The order's numeric id.
    OrderId,
    /// The order's name as people see it, without `#`.
    OrderName,
    /// A metadata value under this key; a key earns its weight from data.
    Metadata(Name),
    /// A token found in a description or memo.
    Text,
}

impl Reference<&str> {
    #[must_use]
    pub fn owned(self) -> Reference {
        let scheme = match self.scheme {
            Scheme::MovementId => Scheme::MovementId,
            Scheme::PaymentId => Scheme::PaymentId,
            Scheme::ChargeId => Scheme::ChargeId,
            Scheme::PaymentIntentId => Scheme::PaymentIntentId,
            Scheme::OrderId => Scheme::OrderId,
            Scheme::OrderName => Scheme::OrderName,
            Scheme::Metadata(name) => Scheme::Metadata(name.to_owned()),
            Scheme::Text => Scheme::Text,
        };
        Reference { scheme, value: self.value.to_owned() }
    }
}

/// A foreign settlement: what arrived on the balance, in its currency, at the provider's rate (decimal string).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub money: Money,
    pub rate: Option<String>,
}

/// Who paid, as far as both sides can know it without keeping personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterparty {
    /// Hex SHA-256 of the trimmed, lower-cased e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Last four digits of the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last4: Option<String>,
}

/// The order a movement belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef<Text = String> {
    pub id: Text,
    pub name: Text,
}

/// Where the provider's own object lies: the staged page and the position on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPointer {
    pub page: String,
    pub index: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The provider's id of the movement; unique per side, shown to people, and the last tie-break of every order.
    pub id: String,
    pub side: Side,
    pub kind: Kind,
    pub status: Status,
    /// Signed; for a charge what was captured.
    pub amount_minor: i64,
    /// Of `amount_minor`: what the buyer saw (presentment) where the provider tells both.
    pub currency: Currency,
    /// The same movement in the shop's own currency, when that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_money: Option<Money>,
    /// What was authorised or asked for, when it differs from `amount_minor` (partial capture).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    pub occurred_at: Timestamp,
    pub precision: Precision,
    /// When the money moved on the balance (a capture days after its authorisation), if that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<Reference>,
    #[serde(default)]
    pub counterparty: Counterparty,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
    /// Id, on the same side, of the movement this one undoes or completes (the sale of a refund).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Id of the payout or batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    #[serde(default)]
    pub test: bool,
    /// A dispute is open on this charge.
    #[serde(default)]
    pub disputed: bool,
    /// Read only as the parent of another record, from outside the padded window: evidence, never counted.
    #[serde(default)]
    pub evidence_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawPointer>,
}

impl Record {
    /// A movement that succeeded, at an instant, of which nothing else is known.
    #[must_use]
    pub fn plain(side: Side, kind: Kind, id: String, money: Money, occurred_at: Timestamp) -> Self {
        Self {
            id,
            side,
            kind,
            status: Status::Succeeded,
            amount_minor: money.amount_minor,
            currency: money.currency,
            shop_money: None,
            authorized_minor: None,
            fee_minor: None,
            net_minor: None,
            settled: None,
            occurred_at,
            precision: Precision::Instant,
            settled_at: None,
            refs: Vec::new(),
            counterparty: Counterparty::default(),
            memo: None,
            parent: None,
            group: None,
            gateway: None,
            order: None,
            test: false,
            disputed: false,
            evidence_only: false,
            raw: None,
        }
    }
}

/// An order, for the roll-up: what was sold, whether or not money moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub name: String,
    pub total: Money,
    pub occurred_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    #[serde(default)]
    pub test: bool,
    /// As the shop sees it (`PAID`, `PARTIALLY_REFUNDED`, …); shown, never decided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub financial_status: Option<String>,
}
