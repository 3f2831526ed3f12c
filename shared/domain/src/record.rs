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
use sha2::{Digest, Sha256};
use std::fmt;

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
    /// ASCII in lower case; everything else is already.
    #[must_use]
    pub fn lower_cased(self) -> Reference {
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
        Reference { scheme, value: self.value.to_ascii_lowercase() }
    }
}

/// A foreign settlement: what arrived on the balance, in its currency, at the provider's rate (decimal string).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub money: Money,
    pub rate: Option<String>,
}

/// SHA-256 of an e-mail address: whether two are equal can be told, and nothing else. Hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailHash([u8; 32]);

impl EmailHash {
    /// Of the trimmed, lower-cased address; of what is none there is no hash.
    #[must_use]
    pub fn of(address: &str) -> Option<Self> {
        let normal = address.trim().to_lowercase();
        normal.contains('@').then(|| Self(Sha256::digest(normal.as_bytes()).into()))
    }

    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for EmailHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(*self))
    }
}

impl From<EmailHash> for String {
    fn from(hash: EmailHash) -> Self {
        base16ct::lower::encode_string(&hash.0)
    }
}

impl TryFrom<String> for EmailHash {
    type Error = String;

    fn try_from(hex: String) -> Result<Self, String> {
        let bytes = base16ct::mixed::decode_vec(&hex).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| "the hash of an e-mail address is 64 hexadecimal digits".to_owned())
    }
}

/// Who paid, as far as both sides can know it without keeping personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterparty {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_hash: Option<EmailHash>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order<Text = String> {
    pub id: Text,
    pub name: Text,
    pub total: Money,
    pub occurred_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    #[serde(default)]
    pub test: bool,
    /// As the shop sees it (`PAID`, `PARTIALLY_REFUNDED`, …); shown, never decided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub financial_status: Option<Text>,
}

impl Order<&str> {
    #[must_use]
    pub fn owned(self) -> Order {
        let Self { id, name, total, occurred_at, cancelled_at, test, financial_status } = self;
        let (id, name, financial_status) = (id.to_owned(), name.to_owned(), financial_status.map(str::to_owned));
        Order { id, name, total, occurred_at, cancelled_at, test, financial_status }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_addresses_have_one_hash_and_what_is_none_has_no_hash() {
        assert_eq!(EmailHash::of(" Jo@Example.com "), EmailHash::of("jo@example.com"));
        assert_ne!(EmailHash::of("jo@example.com"), EmailHash::of("jo@example.org"));
        assert_eq!(EmailHash::of("nobody"), None);
    }

    #[test]
    fn the_hash_of_an_address_is_hexadecimal_in_json() {
        let hash = EmailHash::of("jo@example.com").unwrap();
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json.len(), 66);
        assert_eq!(format!("\"{hash:?}\""), json);
        let read = |json: &str| serde_json::from_str::<EmailHash>(json).map_err(|wrong| wrong.to_string());
        assert_eq!([read(&json), read(&json.to_uppercase())], [Ok(hash), Ok(hash)]);
        for wrong in ["\"\"", "\"00\"", &json.replace('"', "\"0"), &format!("\"{}\"", "x".repeat(64))] {
            assert!(read(wrong).unwrap_err().contains("64 hexadecimal digits"), "{wrong}");
        }
    }
}
