//! One shop's objects as its API shows them, found by id and in the order of their lists.
//!
//! A field is worked out only when a query selects it: an order has sixty of them, and rendering all for ten thousand orders takes
//! longer than the run that is tested. An object refers to another by `{"$ref": gid}`, which the executor follows where a query asks.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::sandbox::generate::world::{Kind, Order, Status, World};
use crate::sandbox::times;

/// A member of a list, with what lists are filtered and sorted by.
#[derive(Debug, Clone)]
pub struct Entry {
    pub gid: String,
    pub item: Item,
    pub id: u64,
    pub name: String,
    pub test: bool,
    pub created_s: i64,
    pub processed_s: i64,
    pub updated_s: i64,
}

/// An object by its place in the world; tenders and refunds are views of a transaction.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    Order(usize),
    Transaction(usize),
    Tender { id: u64, transaction: usize },
    Refund(usize),
}

#[derive(Debug)]
pub struct Store {
    pub world: Arc<World>,
    items: HashMap<String, Item>,
    /// By id.
    pub tenders: Vec<Entry>,
    /// By time of processing.
    pub orders: Vec<Entry>,
    pub shop: Value,
}

const FIRST_TENDER_ID: u64 = 3_100_000_000_000;
const FIRST_REFUND_ID: u64 = 900_000_000_000;

impl Store {
    #[must_use]
    pub fn build(world: &Arc<World>, shop: &str) -> Self {
        let mut store = Self {
            world: Arc::clone(world),
            items: HashMap::with_capacity(world.transactions.len() * 3),
            tenders: Vec::with_capacity(world.transactions.len()),
            orders: Vec::with_capacity(world.orders.len()),
            shop: render_shop(world, shop),
        };
        for (index, order) in world.orders.iter().enumerate() {
            let gid = order_gid(order);
            store.items.insert(gid.clone(), Item::Order(index));
            store.orders.push(Entry {
                gid,
                item: Item::Order(index),
                id: order.id,
                name: format!("#{}", order.number),
                test: order.test,
                created_s: order.at_s,
                processed_s: order.at_s,
                updated_s: updated_s(world, order),
            });
        }
        store.orders.sort_by_key(|entry| (entry.processed_s, entry.id));
        for (index, transaction) in world.transactions.iter().enumerate() {
            store.items.insert(world.transaction_gid(index), Item::Transaction(index));
            if transaction.kind == Kind::Refund {
                store.items.insert(refund_gid(index), Item::Refund(index));
            }
        }
        store.add_tenders();
        store
    }

    /// Every movement of money that succeeded, whoever carried it.
    fn add_tenders(&mut self) {
        let transactions = &self.world.transactions;
        let mut moved: Vec<usize> = (0..transactions.len())
            .filter(|&at| {
                let transaction = &transactions[at];
                transaction.status == Status::Success
                    && matches!(transaction.kind, Kind::Sale | Kind::Capture | Kind::Refund)
            })
            .collect();
        moved.sort_by_key(|&at| (transactions[at].at_s, transactions[at].id));
        let mut id = FIRST_TENDER_ID;
        for at in moved {
            id += 32_768;
            let (at_s, test) = (transactions[at].at_s, transactions[at].test);
            let item = Item::Tender { id, transaction: at };
            let gid = format!("gid://shopify/TenderTransaction/{id}");
            self.items.insert(gid.clone(), item);
            self.tenders.push(Entry {
                gid,
                item,
                id,
                name: String::new(),
                test,
                created_s: at_s,
                processed_s: at_s,
                updated_s: at_s,
            });
        }
    }

    #[must_use]
    pub fn find(&self, gid: &str) -> Option<Item> {
        self.items.get(gid).copied()
    }
}

#[must_use]
pub fn order_gid(order: &Order) -> String {
    format!("gid://shopify/Order/{}", order.id)
}

/// A refund is known by the place of its transaction.
#[must_use]
pub fn refund_gid(transaction: usize) -> String {
    format!("gid://shopify/Refund/{}", FIRST_REFUND_ID + transaction as u64 * 4096)
}

/// The last thing that happened to an order.
#[must_use]
pub fn updated_s(world: &World, order: &Order) -> i64 {
    order.transactions.iter().map(|&at| world.transactions[at].at_s).chain([order.at_s]).max().unwrap_or(order.at_s)
}

fn render_shop(world: &World, shop: &str) -> Value {
    let since = times::rfc3339(world.window.start_s - 400 * 86_400);
    json!({
        "id": "gid://shopify/Shop/61000000001",
        "name": shop,
        "email": format!("owner@{shop}.example"),
        "contactEmail": format!("hello@{shop}.example"),
        "myshopifyDomain": format!("{shop}.myshopify.com"),
        "url": format!("https://{shop}.myshopify.com"),
        "currencyCode": world.shop_currency,
        "enabledPresentmentCurrencies": ["USD", "EUR", "GBP", "JPY", "KWD", "CAD"],
        "ianaTimezone": "Etc/UTC",
        "timezoneOffset": "+0000",
        "createdAt": since,
        "updatedAt": since,
    })
}
