//! One account's objects, found by id and listed newest first. Each is rendered when it is first asked for, and kept.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::ledger::Ledger;
use super::render;
use crate::sandbox::generate::world::World;

/// An object by its place in the world or in the ledger.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    Charge(usize),
    Intent(usize),
    Refund(usize),
    Dispute(usize),
    Movement(usize),
    Payout(usize),
}

/// A member of a list; the id breaks ties, so that a list has one order only.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: String,
    pub created_s: i64,
}

#[derive(Debug)]
struct Slot {
    item: Item,
    value: OnceLock<Value>,
}

#[derive(Debug)]
pub struct Store {
    pub world: Arc<World>,
    pub ledger: Ledger,
    slots: HashMap<String, Slot>,
    lists: HashMap<&'static str, Vec<Entry>>,
}

pub const LISTS: [&str; 6] = ["charges", "refunds", "disputes", "balance_transactions", "payouts", "payment_intents"];

impl Store {
    #[must_use]
    pub fn build(world: &Arc<World>) -> Self {
        let mut store = Self {
            world: Arc::clone(world),
            ledger: Ledger::keep(world),
            slots: HashMap::with_capacity(world.charges.len() * 4),
            lists: LISTS.iter().map(|name| (*name, Vec::new())).collect(),
        };
        for (index, charge) in world.charges.iter().enumerate() {
            store.add("charges", &charge.id, charge.created_s, Item::Charge(index));
            store.add("payment_intents", &charge.intent, charge.created_s, Item::Intent(index));
        }
        for (index, refund) in world.refunds.iter().enumerate() {
            store.add("refunds", &refund.id, refund.created_s, Item::Refund(index));
        }
        for (index, dispute) in world.disputes.iter().enumerate() {
            store.add("disputes", &dispute.id, dispute.created_s, Item::Dispute(index));
        }
        for index in 0..store.ledger.movements.len() {
            let movement = &store.ledger.movements[index];
            let (id, at_s) = (movement.id.clone(), movement.at_s);
            store.add("balance_transactions", &id, at_s, Item::Movement(index));
        }
        for index in 0..store.ledger.payouts.len() {
            let payout = &store.ledger.payouts[index];
            let (id, at_s) = (payout.id.clone(), payout.created_s);
            store.add("payouts", &id, at_s, Item::Payout(index));
        }
        for list in store.lists.values_mut() {
            list.sort_by(|a, b| b.created_s.cmp(&a.created_s).then_with(|| b.id.cmp(&a.id)));
        }
        store
    }

    fn add(&mut self, list: &'static str, id: &str, created_s: i64, item: Item) {
        self.lists.entry(list).or_default().push(Entry { id: id.to_owned(), created_s });
        self.slots.insert(id.to_owned(), Slot { item, value: OnceLock::new() });
    }

    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Value> {
        let slot = self.slots.get(id)?;
        Some(slot.value.get_or_init(|| render::render(self, slot.item)))
    }

    /// The id of the payout that carried a balance transaction to the bank.
    #[must_use]
    pub fn payout_of(&self, id: &str) -> Option<&str> {
        let Item::Movement(index) = self.slots.get(id)?.item else {
            return None;
        };
        self.ledger.paid_out.get(&index).map(|&payout| self.ledger.payouts[payout].id.as_str())
    }

    #[must_use]
    pub fn list(&self, name: &str) -> &[Entry] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }
}
