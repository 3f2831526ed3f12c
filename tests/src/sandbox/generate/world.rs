//! What really happened in a made-up shop, before either provider shows its own view of it.
//!
//! Times are unix seconds, amounts are positive minor units. Who belongs to whom is decided here and nowhere else.

pub const DAY_S: i64 = 86_400;

/// Half-open range of unix seconds.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub start_s: i64,
    pub end_s: i64,
}

impl Window {
    #[must_use]
    pub fn contains(&self, at_s: i64) -> bool {
        (self.start_s..self.end_s).contains(&at_s)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Authorization,
    Capture,
    Sale,
    Refund,
    Void,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Success,
    Failure,
    Error,
    Pending,
}

#[derive(Debug, Clone, Default)]
pub struct Customer {
    pub email: String,
    pub name: String,
    pub last4: String,
    pub brand: &'static str,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub id: u64,
    pub number: u64,
    pub at_s: i64,
    pub customer: usize,
    pub shows_email: bool,
    pub currency: &'static str,
    pub total: i64,
    /// What one unit of `currency` is worth in the shop's currency, in millionths.
    pub rate_ppm: i64,
    pub gateway: &'static str,
    pub transactions: Vec<usize>,
    pub test: bool,
    pub cancelled_at_s: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Transaction {
    pub id: u64,
    pub order: usize,
    pub kind: Kind,
    pub status: Status,
    pub gateway: &'static str,
    pub amount: i64,
    pub shop_amount: i64,
    pub at_s: i64,
    pub parent: Option<usize>,
    pub payment_id: Option<String>,
    pub test: bool,
    /// Why it has no partner, if it is in scope and has none.
    pub alone: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Captured,
    Failed,
    Released,
}

/// What a charge was settled for, if that is not its own currency.
#[derive(Debug, Clone, Copy)]
pub struct Settlement {
    pub currency: &'static str,
    pub rate_ppm: i64,
}

#[derive(Debug, Clone)]
pub struct Charge {
    pub id: String,
    pub intent: String,
    pub amount: i64,
    pub captured: i64,
    pub refunded: i64,
    pub currency: &'static str,
    pub created_s: i64,
    /// When the money moved: the time of its balance transaction.
    pub moved_s: i64,
    pub fate: Fate,
    pub metadata: Vec<(&'static str, String)>,
    pub description: Option<String>,
    pub customer: usize,
    pub shows_email: bool,
    pub shows_name: bool,
    /// Without one the payment was made by a wallet that hides the card.
    pub shows_card: bool,
    pub settlement: Option<Settlement>,
    pub disputed: bool,
    pub alone: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    Succeeded,
    Pending,
    Failed,
}

#[derive(Debug, Clone)]
pub struct Refund {
    pub id: String,
    pub charge: usize,
    pub amount: i64,
    pub created_s: i64,
    pub status: RefundStatus,
    pub metadata: Vec<(&'static str, String)>,
    pub alone: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub struct Dispute {
    pub id: String,
    pub charge: usize,
    pub created_s: i64,
    pub reversed_s: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Charge(usize),
    Refund(usize),
}

#[derive(Debug)]
pub struct World {
    pub window: Window,
    pub seed_text: String,
    pub shop_currency: &'static str,
    pub customers: Vec<Customer>,
    pub orders: Vec<Order>,
    pub transactions: Vec<Transaction>,
    pub charges: Vec<Charge>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
    /// Transaction and its partner.
    pub links: Vec<(usize, Target)>,
    /// Whether lists repeat and grow while they are paged.
    pub restless: bool,
}

/// Gateways whose money the card processor handles.
pub const OWN_GATEWAYS: [&str; 2] = ["stripe", "Stripe Card Payments"];

impl World {
    #[must_use]
    pub fn transaction_gid(&self, index: usize) -> String {
        format!("gid://shopify/OrderTransaction/{}", self.transactions[index].id)
    }

    #[must_use]
    pub fn target_id(&self, target: Target) -> &str {
        match target {
            Target::Charge(index) => &self.charges[index].id,
            Target::Refund(index) => &self.refunds[index].id,
        }
    }

    #[must_use]
    pub fn target_at_s(&self, target: Target) -> i64 {
        match target {
            Target::Charge(index) => self.charges[index].moved_s,
            Target::Refund(index) => self.refunds[index].created_s,
        }
    }

    #[must_use]
    pub fn source_is_excluded(&self, index: usize) -> bool {
        let transaction = &self.transactions[index];
        matches!(transaction.kind, Kind::Authorization | Kind::Void)
            || matches!(transaction.status, Status::Failure | Status::Error)
            || transaction.test
            || !OWN_GATEWAYS.contains(&transaction.gateway)
    }

    #[must_use]
    pub fn target_is_excluded(&self, target: Target) -> bool {
        match target {
            Target::Charge(index) => self.charges[index].fate != Fate::Captured,
            Target::Refund(index) => self.refunds[index].status == RefundStatus::Failed,
        }
    }
}
