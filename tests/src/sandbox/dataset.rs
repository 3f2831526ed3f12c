//! One shop and its processor account: data, truth and credentials, alive until replaced.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::generate::world::World;
use super::generate::{self, Recipe};
use super::shopify::bucket::{self, Bucket};
use super::truth::{self, Truth};
use super::{shopify, stripe};

/// Well above the real 25 or 100 a second: a run over ten thousand orders must end within seconds.
const STRIPE_BURST: i64 = 400;
const STRIPE_PER_S: i64 = 400;

const SCOPES: [&str; 3] = ["read_orders", "read_all_orders", "read_customers"];

/// What may be set beside the recipe: for tests of scopes and throttling.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    pub scopes: Option<Vec<String>>,
    pub maximum_available: Option<i64>,
    pub restore_rate: Option<i64>,
}

#[derive(Debug)]
pub struct Dataset {
    pub shop: String,
    pub access_token: String,
    pub stripe_api_key: String,
    pub scopes: Vec<String>,
    pub end_s: i64,
    pub world: Arc<World>,
    pub shopify: shopify::store::Store,
    pub stripe: stripe::store::Store,
    pub truth: Truth,
    pub counts: Counts,
    pub bucket: Mutex<Bucket>,
    pub pace: Mutex<Bucket>,
    pub restless: bool,
    pub pages: AtomicU64,
}

/// How many objects each side has, those around the range included.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Counts {
    pub orders: usize,
    pub order_transactions: usize,
    pub tender_transactions: usize,
    pub charges: usize,
    pub refunds: usize,
    pub disputes: usize,
    pub balance_transactions: usize,
    pub payouts: usize,
    pub pairs: usize,
    pub source_only: usize,
    pub target_only: usize,
    pub excluded: usize,
    pub outside: usize,
    pub interchangeable: usize,
}

impl Dataset {
    #[must_use]
    pub fn build(shop: &str, recipe: &Recipe, terms: Terms) -> Self {
        let world = Arc::new(generate::generate(recipe));
        let shopify = shopify::store::Store::build(&world, shop);
        let stripe = stripe::store::Store::build(&world);
        let truth = truth::judge(&world);
        let counts = Counts {
            orders: shopify.orders.len(),
            order_transactions: world.transactions.len(),
            tender_transactions: shopify.tenders.len(),
            charges: world.charges.len(),
            refunds: world.refunds.len(),
            disputes: world.disputes.len(),
            balance_transactions: stripe.list("balance_transactions").len(),
            payouts: stripe.list("payouts").len(),
            pairs: truth.pairs.len(),
            source_only: truth.source_only.len(),
            target_only: truth.target_only.len(),
            excluded: truth.excluded.len(),
            outside: truth.outside.len(),
            interchangeable: truth.interchangeable.len(),
        };
        let maximum = terms.maximum_available.unwrap_or(bucket::DEFAULT_MAXIMUM);
        let restore = terms.restore_rate.unwrap_or(bucket::DEFAULT_RESTORE_PER_S);
        Self {
            shop: shop.to_owned(),
            access_token: format!("shpat_{}", secret(shop, &world.seed_text, "shopify")),
            stripe_api_key: format!("rk_live_{}", secret(shop, &world.seed_text, "stripe")),
            scopes: terms.scopes.unwrap_or_else(|| SCOPES.iter().map(ToString::to_string).collect()),
            end_s: recipe.window.end_s,
            world: Arc::clone(&world),
            shopify,
            stripe,
            truth,
            counts,
            bucket: Mutex::new(Bucket::new(maximum, restore)),
            pace: Mutex::new(Bucket::new(STRIPE_BURST, STRIPE_PER_S)),
            restless: world.restless,
            pages: AtomicU64::new(0),
        }
    }
}

/// Different for every shop, the same for the same shop and recipe.
fn secret(shop: &str, seed_text: &str, side: &str) -> String {
    let digest = Sha256::digest(format!("{shop}|{seed_text}|{side}"));
    base16ct::lower::encode_string(&digest[..16])
}
