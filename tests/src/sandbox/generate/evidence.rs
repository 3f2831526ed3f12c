//! What connects a shop's transaction to the processor's charge, and how it is lost or damaged.
//!
//! A *strong* connection is one value on both sides: the shop's payment id in the charge's metadata, or the charge's or the
//! intent's id on the transaction. A *weak* one is the order, in metadata or in the description. Contact is e-mail or card.

use super::Builder;
use super::world::OWN_GATEWAYS;
use crate::sandbox::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    PaymentId,
    ChargeId,
    Intent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    Strong(Form),
    OrderInMetadata,
    OrderInDescription,
    Contact,
    Nothing,
}

/// What is wrong with the references. The order is right where the strong value is not, and the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    CutStrong,
    WrongStrong,
    ReusedStrong,
    WrongOrder,
    CutOrder,
}

/// What this shop's integration usually writes.
#[derive(Debug)]
pub struct Habits {
    strong_key: &'static str,
    description: usize,
    gateway: &'static str,
}

const STRONG_KEYS: [&str; 3] = ["payment_id", "shopify_payment_id", "transaction_id"];

impl Habits {
    pub fn draw(random: &mut Random) -> Self {
        Self {
            strong_key: random.pick(&STRONG_KEYS),
            description: random.index(3),
            gateway: random.pick(&OWN_GATEWAYS),
        }
    }

    pub fn gateway(&self, random: &mut Random) -> &'static str {
        if random.percent(80) { self.gateway } else { random.pick(&OWN_GATEWAYS) }
    }

    pub fn strong_key(&self, random: &mut Random) -> &'static str {
        if random.percent(90) { self.strong_key } else { random.pick(&STRONG_KEYS) }
    }

    fn describe(&self, number: u64) -> String {
        match self.description {
            0 => format!("Order #{number}"),
            1 => format!("Payment for order #{number}"),
            _ => format!("Webshop order {number}"),
        }
    }
}

impl Builder {
    pub(super) fn draw_evidence(&mut self) -> Evidence {
        if !self.random.chance(self.preset.without_strong) {
            let form = [Form::PaymentId, Form::ChargeId, Form::Intent][self.random.weighted(&[72, 18, 10])];
            return Evidence::Strong(form);
        }
        let kinds = [Evidence::OrderInMetadata, Evidence::OrderInDescription, Evidence::Contact, Evidence::Nothing];
        kinds[self.random.weighted(&self.preset.instead)]
    }

    pub(super) fn draw_damage(&mut self, evidence: Evidence) -> Option<Damage> {
        let reused = self.random.chance(self.preset.reused);
        if reused && evidence == Evidence::Strong(Form::PaymentId) {
            return Some(Damage::ReusedStrong);
        }
        if !self.random.chance(self.preset.damaged) {
            return None;
        }
        match evidence {
            Evidence::Strong(_) => {
                Some(self.random.pick(&[Damage::CutStrong, Damage::WrongStrong, Damage::WrongOrder]))
            }
            Evidence::OrderInMetadata => Some(self.random.pick(&[Damage::WrongOrder, Damage::CutOrder])),
            Evidence::OrderInDescription => Some(Damage::WrongOrder),
            Evidence::Contact | Evidence::Nothing => None,
        }
    }

    /// Writes the references of one payment on both sides.
    pub(super) fn connect(&mut self, transaction: usize, charge: usize, evidence: Evidence, damage: Option<Damage>) {
        let order = self.world.transactions[transaction].order;
        self.write_contact(order, charge, evidence, damage);
        if let Evidence::Strong(form) = evidence {
            self.write_strong(transaction, charge, form, damage);
        }
        self.write_order(order, charge, evidence, damage);
    }

    fn write_contact(&mut self, order: usize, charge: usize, evidence: Evidence, damage: Option<Damage>) {
        let without_references = self.preset.instead[0] == 0;
        let (email, name, card) = match evidence {
            Evidence::Nothing => (false, false, false),
            // Where nothing else exists at all, one of the two has to do.
            Evidence::Contact if without_references => {
                let email = self.random.percent(50);
                (email, false, !email)
            }
            Evidence::Contact => (true, self.random.percent(50), self.random.percent(90)),
            _ => (
                damage.is_some() || self.random.percent(85),
                self.random.percent(80),
                damage.is_some() || self.random.percent(95),
            ),
        };
        if email {
            self.world.orders[order].shows_email = true;
        }
        let to = &mut self.world.charges[charge];
        (to.shows_email, to.shows_name, to.shows_card) = (email, name, card);
    }

    fn write_strong(&mut self, transaction: usize, charge: usize, form: Form, damage: Option<Damage>) {
        match form {
            Form::PaymentId => {
                let id = self.random.token("r", 23);
                let key = self.habits.strong_key(&mut self.random);
                let written = match damage {
                    Some(Damage::CutStrong) => {
                        id[..usize::try_from(self.random.within(10, 20)).unwrap_or(10)].to_owned()
                    }
                    Some(Damage::WrongStrong) => self.random.token("r", 23),
                    Some(Damage::ReusedStrong) => self.reused_value(charge).unwrap_or_else(|| id.clone()),
                    _ => id.clone(),
                };
                self.world.charges[charge].metadata.push((key, written));
                self.world.transactions[transaction].payment_id = Some(id);
                if damage.is_none() {
                    self.carried.push(charge);
                }
            }
            Form::ChargeId | Form::Intent => {
                let target = &self.world.charges[charge];
                let id = if form == Form::ChargeId { target.id.clone() } else { target.intent.clone() };
                let written = match damage {
                    Some(Damage::CutStrong) => {
                        id[..usize::try_from(self.random.within(12, 20)).unwrap_or(12)].to_owned()
                    }
                    Some(Damage::WrongStrong) => self.random.token(&id[..4], id.len() - 4),
                    _ => id,
                };
                self.world.transactions[transaction].payment_id = Some(written);
            }
        }
    }

    /// Somebody else's payment id, of another amount, so that it can be seen to be wrong.
    fn reused_value(&mut self, charge: usize) -> Option<String> {
        let amount = self.world.charges[charge].amount;
        let other = *self.carried.get(self.random.index(self.carried.len()))?;
        let other = &self.world.charges[other];
        let differs = other.amount != amount;
        other
            .metadata
            .iter()
            .find(|(key, _)| STRONG_KEYS.contains(key))
            .filter(|_| differs)
            .map(|(_, value)| value.clone())
    }

    fn write_order(&mut self, order: usize, charge: usize, evidence: Evidence, damage: Option<Damage>) {
        let mut named = (self.world.orders[order].id.to_string(), self.world.orders[order].number);
        let wrong = match damage {
            Some(Damage::WrongOrder) => self.other_order(order),
            _ => None,
        };
        if let Some(other) = wrong {
            named = (self.world.orders[other].id.to_string(), self.world.orders[other].number);
        }
        let (id, number) = named;
        let certain = damage.is_some() || self.preset.swapped.0 > 0;
        let mut written: Vec<(&'static str, String)> = Vec::with_capacity(2);
        let mut description = None;
        match evidence {
            Evidence::Strong(_) => {
                if self.random.percent(60) {
                    written.push(("order_id", id));
                }
                if certain || self.random.percent(60) {
                    written.push(("order_name", format!("#{number}")));
                } else if self.random.percent(30) {
                    written.push(("order_number", number.to_string()));
                }
                if self.random.percent(40) {
                    description = Some(self.habits.describe(number));
                }
            }
            Evidence::OrderInMetadata => {
                let cut = damage == Some(Damage::CutOrder);
                match self.random.weighted(&[40, 40, 20]) {
                    0 if cut => written.push(("order_id", id[..9].to_owned())),
                    0 => written.push(("order_id", id)),
                    _ if cut => written.push(("order_name", format!("#{}", number / 10))),
                    1 => written.push(("order_name", format!("#{number}"))),
                    _ => written.push(("order_number", number.to_string())),
                }
            }
            Evidence::OrderInDescription => description = Some(self.habits.describe(number)),
            Evidence::Contact | Evidence::Nothing => {}
        }
        let to = &mut self.world.charges[charge];
        to.metadata.extend(written);
        to.description = description;
    }

    /// An earlier order of another amount: a reference to it is wrong, and can be seen to be wrong.
    fn other_order(&mut self, order: usize) -> Option<usize> {
        let total = self.world.orders[order].total;
        let back = self.random.index(5) + 1;
        let other = order.checked_sub(back)?;
        (self.world.orders[other].total != total).then_some(other)
    }

    /// Exchanges the payment ids of neighbours whose amounts differ.
    pub(super) fn swap_references(&mut self) {
        let carried = std::mem::take(&mut self.carried);
        for pair in carried.chunks_exact(2) {
            let &[a, b] = pair else { continue };
            if self.world.charges[a].amount == self.world.charges[b].amount || !self.random.chance(self.preset.swapped)
            {
                continue;
            }
            let find = |of: &[(&'static str, String)]| of.iter().position(|(key, _)| STRONG_KEYS.contains(key));
            let (Some(at), Some(bt)) = (find(&self.world.charges[a].metadata), find(&self.world.charges[b].metadata))
            else {
                continue;
            };
            let from_a = self.world.charges[a].metadata[at].1.clone();
            let from_b = std::mem::replace(&mut self.world.charges[b].metadata[bt].1, from_a);
            self.world.charges[a].metadata[at].1 = from_b;
        }
    }
}
