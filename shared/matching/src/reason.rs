//! Why a record is left open or out of scope. Codes are stable, because people filter and automate by them; sentences
//! are for a bookkeeper who has never seen the code.

use domain::{record::Side, records::RecordRef};

/// Every reason of the engine: first those of open questions, then those of exclusions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    MissingTarget,
    MissingSource,
    PendingWithinSla,
    OutsideWindow,
    AmountOver,
    AmountUnder,
    PartialCapture,
    FeeVariance,
    FxVariance,
    CurrencyMismatch,
    KindMismatch,
    DuplicateSource,
    DuplicateCharge,
    RefundWithoutSale,
    DisputeOpen,
    Ambiguous,
    AmbiguousDecomposition,
    CrowdedBucket,
    ReferenceConflict,
    BudgetExceeded,
    Test,
    Failed,
    Uncaptured,
    AuthorizationOnly,
    Voided,
    GatewayOutOfScope,
    DuplicatePage,
    ZeroAmount,
    NoMovement,
}

/// What a sentence needs to know beside the record itself.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Id of the record that the sentence is about beside this one.
    pub other_id: Option<String>,
    /// The other record's amount with its currency.
    pub other_money: Option<String>,
    /// How many records fit equally well.
    pub candidates: usize,
    /// Days that were searched on each side.
    pub days: u16,
}

impl Reason {
    pub const ALL: [Self; 29] = [
        Self::MissingTarget,
        Self::MissingSource,
        Self::PendingWithinSla,
        Self::OutsideWindow,
        Self::AmountOver,
        Self::AmountUnder,
        Self::PartialCapture,
        Self::FeeVariance,
        Self::FxVariance,
        Self::CurrencyMismatch,
        Self::KindMismatch,
        Self::DuplicateSource,
        Self::DuplicateCharge,
        Self::RefundWithoutSale,
        Self::DisputeOpen,
        Self::Ambiguous,
        Self::AmbiguousDecomposition,
        Self::CrowdedBucket,
        Self::ReferenceConflict,
        Self::BudgetExceeded,
        Self::Test,
        Self::Failed,
        Self::Uncaptured,
        Self::AuthorizationOnly,
        Self::Voided,
        Self::GatewayOutOfScope,
        Self::DuplicatePage,
        Self::ZeroAmount,
        Self::NoMovement,
    ];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingTarget => "missing_target",
            Self::MissingSource => "missing_source",
            Self::PendingWithinSla => "pending_within_sla",
            Self::OutsideWindow => "outside_window",
            Self::AmountOver => "amount_over",
            Self::AmountUnder => "amount_under",
            Self::PartialCapture => "partial_capture",
            Self::FeeVariance => "fee_variance",
            Self::FxVariance => "fx_variance",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::KindMismatch => "kind_mismatch",
            Self::DuplicateSource => "duplicate_source",
            Self::DuplicateCharge => "duplicate_charge",
            Self::RefundWithoutSale => "refund_without_sale",
            Self::DisputeOpen => "dispute_open",
            Self::Ambiguous => "ambiguous",
            Self::AmbiguousDecomposition => "ambiguous_decomposition",
            Self::CrowdedBucket => "crowded_bucket",
            Self::ReferenceConflict => "reference_conflict",
            Self::BudgetExceeded => "budget_exceeded",
            Self::Test => "test",
            Self::Failed => "failed",
            Self::Uncaptured => "uncaptured",
            Self::AuthorizationOnly => "authorization_only",
            Self::Voided => "voided",
            Self::GatewayOutOfScope => "gateway_out_of_scope",
            Self::DuplicatePage => "duplicate_page",
            Self::ZeroAmount => "zero_amount",
            Self::NoMovement => "no_movement",
        }
    }

    /// The reason in words, with this record's figures.
    #[must_use]
    pub fn sentence(self, record: RecordRef<'_>, facts: &Facts) -> String {
        let what = describe(record);
        let other = match (&facts.other_id, &facts.other_money) {
            (Some(id), Some(money)) => format!("{id} ({money})"),
            (Some(id), None) => id.clone(),
            _ => "the record on the other side".to_owned(),
        };
        let days = facts.days;
        let count = facts.candidates;
        match self {
            Self::MissingTarget => format!(
                "{what} has no payment within {days} days that carries its references or its amount with a second sign of agreement."
            ),
            Self::MissingSource => format!(
                "{what} has no order movement within {days} days that carries its references or its amount with a second sign of agreement."
            ),
            Self::PendingWithinSla => {
                format!("{what} is recent or not decided yet; its counterpart may still arrive.")
            }
            Self::OutsideWindow => {
                format!("{what} belongs to {other}, which lies further away in time than this run may look.")
            }
            Self::AmountOver => format!("{what} belongs to {other}: more was paid than was asked for."),
            Self::AmountUnder => format!("{what} belongs to {other}: less was paid than was asked for."),
            Self::PartialCapture => {
                format!("{what} belongs to {other}: only a part of what was authorised has been captured.")
            }
            Self::FeeVariance => format!("{what} belongs to {other}; the fee is not the one that was agreed."),
            Self::FxVariance => {
                format!("{what} belongs to {other}; the exchange rate lies outside the agreed band.")
            }
            Self::CurrencyMismatch => format!("{what} names {other}, which is in another currency."),
            Self::KindMismatch => {
                format!("{what} names {other}, but one of them is a payment and the other a refund.")
            }
            Self::DuplicateSource => {
                format!("{what} is recorded twice: {other} already stands for the same movement.")
            }
            Self::DuplicateCharge => {
                format!("{what} was charged again: {other} already paid the same sale. It may have to be refunded.")
            }
            Self::RefundWithoutSale => {
                format!("{what} gives money back for a sale that was not found on the other side.")
            }
            Self::DisputeOpen => {
                format!("{what} belongs to a payment with an open dispute; wait for its outcome.")
            }
            Self::Ambiguous => {
                format!("{what} fits {count} records equally well; nothing says which one is meant.")
            }
            Self::AmbiguousDecomposition => {
                format!("{what} can be put together from other records in more than one way.")
            }
            Self::CrowdedBucket => {
                format!("{what} shares its amount with {count} others nearby; they cannot be told apart.")
            }
            Self::ReferenceConflict => {
                format!("{what} names {other}, but amount, buyer or order point to something else.")
            }
            Self::BudgetExceeded => format!("{what} lies in a group too large to be decided within the limits."),
            Self::Test => format!("{what} is a test transaction."),
            Self::Failed => format!("{what} failed; no money moved."),
            Self::Uncaptured => format!("{what} was authorised and never captured; no money moved."),
            Self::AuthorizationOnly => format!("{what} only reserves money; the capture is what counts."),
            Self::Voided => format!("{what} was voided; no money moved."),
            Self::GatewayOutOfScope => format!("{what} was taken through a gateway that this job does not cover."),
            Self::DuplicatePage => format!("{what} was delivered twice while paging; it is counted once."),
            Self::ZeroAmount => format!("{what} moves no money."),
            Self::NoMovement => format!("{what} is not a movement of money."),
        }
    }
}

/// `Payment of 12.30 USD on 2026-01-05 for order 1001`.
fn describe(record: RecordRef<'_>) -> String {
    let noun = match (record.side(), record.amount_minor() < 0) {
        (Side::Source, false) => "Order payment",
        (Side::Source, true) => "Order refund",
        (Side::Target, false) => "Payment",
        (Side::Target, true) => "Refund",
    };
    let money = money_text(record.currency(), record.amount_minor());
    let date: String = record.occurred_at().to_string().chars().take(10).collect();
    match record.order() {
        Some(order) => format!("{noun} of {money} on {date} for order {}", order.name),
        None => format!("{noun} of {money} on {date}"),
    }
}

/// `12.30 USD`.
pub(crate) fn money_text(currency: domain::Currency, minor: i64) -> String {
    format!("{} {}", currency.format(minor), currency.code())
}
