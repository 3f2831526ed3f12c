//! The definition of a saga: its steps, in order, and what each needs when things go wrong. Everything that must hold of
//! a saga is tested on definitions, so another saga is another implementation of [`SagaStep`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt, hash::Hash};

/// How a step is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// By an event of its own, whatever became of the step.
    Event,
    /// Not at all: what it left lives by a lifecycle rule and is used again by a retry.
    Kept,
    /// Not at all: from here on the run only goes forward.
    ForwardOnly,
}

/// What happens when a step has failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Everything is undone.
    Compensate,
    /// The run waits for a person, who resumes it or cancels it.
    Pause,
}

/// One step of one kind of saga.
pub trait SagaStep: Copy + Eq + Ord + Hash + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Kind of saga that the steps belong to.
    const SAGA: &'static str;

    /// All steps in the order in which they run.
    fn all() -> &'static [Self];
    fn as_str(self) -> &'static str;
    fn undo(self) -> Undo;
    /// How long one call of the step may take, in seconds.
    fn timeout_s(self) -> u32;

    #[must_use]
    fn parse(name: &str) -> Option<Self> {
        Self::all().iter().copied().find(|step| step.as_str() == name)
    }
}

/// Steps of the Shopify-Stripe reconciliation, in order. Both fetches run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    FetchShopifyOrders,
    FetchStripePayments,
    PerformMatching,
    PersistResults,
    Finish,
    NotifyWebhooks,
}

impl Step {
    pub const ALL: [Self; 6] = [
        Self::FetchShopifyOrders,
        Self::FetchStripePayments,
        Self::PerformMatching,
        Self::PersistResults,
        Self::Finish,
        Self::NotifyWebhooks,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FetchShopifyOrders => "fetch_shopify_orders",
            Self::FetchStripePayments => "fetch_stripe_payments",
            Self::PerformMatching => "perform_matching",
            Self::PersistResults => "persist_results",
            Self::Finish => "finish",
            Self::NotifyWebhooks => "notify_webhooks",
        }
    }
}

impl SagaStep for Step {
    const SAGA: &'static str = "reconciliation";

    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn as_str(self) -> &'static str {
        self.as_str()
    }

    fn undo(self) -> Undo {
        match self {
            Self::FetchShopifyOrders | Self::FetchStripePayments => Undo::Kept,
            Self::PerformMatching | Self::PersistResults => Undo::Event,
            Self::Finish | Self::NotifyWebhooks => Undo::ForwardOnly,
        }
    }

    fn timeout_s(self) -> u32 {
        match self {
            Self::FetchShopifyOrders | Self::FetchStripePayments => 60,
            Self::PerformMatching => 300,
            Self::PersistResults | Self::Finish | Self::NotifyWebhooks => 30,
        }
    }
}
