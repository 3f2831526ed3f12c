//! One payment: the shop's transaction, the processor's charge, and the link between them.

use super::evidence::{Damage, Evidence};
use super::presets::Lag;
use super::world::{Charge, DAY_S, Fate, Kind, Settlement, Status, Target, Transaction};
use super::{Builder, CURRENCIES};
use crate::sandbox::money;

/// Below the three days that a client reads beyond its range, with room for a duplicate after it.
const LONGEST_LAG_S: i64 = 3 * DAY_S - 7_200;
/// The processor keeps back part of the rate when it exchanges.
const SPREAD_PER_MYRIAD: i64 = 150;

/// A currency that is neither the customer's nor the shop's.
const THIRD_CURRENCY: (&str, i64) = CURRENCIES[1];

#[derive(Debug, Clone, Copy)]
pub(super) struct Payment {
    pub(super) transaction: usize,
    pub(super) charge: usize,
}

impl Builder {
    pub(super) fn lag_s(&mut self, evidence: Evidence) -> i64 {
        let random = &mut self.random;
        match (self.preset.lag, evidence) {
            (Lag::Prompt, _) => random.within(0, 6),
            (Lag::Short, _) => {
                if random.percent(95) {
                    random.within(0, 600)
                } else {
                    random.within(600, 7_200)
                }
            }
            // Time is all that is left of such a payment.
            (Lag::Long, Evidence::Nothing) => random.within(0, 240),
            (Lag::Long, Evidence::Contact) => {
                if random.percent(90) {
                    random.within(0, 90)
                } else {
                    random.within(90, DAY_S / 2)
                }
            }
            (Lag::Long, _) => match random.weighted(&[90, 6, 3, 1]) {
                0 => random.within(0, 90),
                1 => random.within(90, 3_600),
                2 => random.within(3_600, DAY_S),
                _ => random.within(DAY_S, LONGEST_LAG_S),
            },
        }
    }

    pub(super) fn transaction(&mut self, order: usize, kind: Kind, amount: i64, at_s: i64) -> usize {
        let of = &mut self.world.orders[order];
        let index = self.world.transactions.len();
        of.transactions.push(index);
        self.world.transactions.push(Transaction {
            id: 0,
            order,
            kind,
            status: Status::Success,
            gateway: of.gateway,
            amount,
            shop_amount: money::convert(amount, of.currency, self.world.shop_currency, of.rate_ppm),
            at_s,
            parent: None,
            payment_id: None,
            test: false,
            alone: None,
        });
        index
    }

    /// A captured charge in the order's currency; the caller changes what differs.
    pub(super) fn charge(&mut self, order: usize, amount: i64, created_s: i64) -> usize {
        let of = &self.world.orders[order];
        let (currency, customer) = (of.currency, of.customer);
        let settlement = self.settlement(currency);
        let index = self.world.charges.len();
        self.world.charges.push(Charge {
            id: self.random.token("ch_3", 23),
            intent: self.random.token("pi_3", 23),
            amount,
            captured: amount,
            refunded: 0,
            currency,
            created_s,
            moved_s: created_s,
            fate: Fate::Captured,
            metadata: Vec::with_capacity(3),
            description: None,
            customer,
            shows_email: false,
            shows_name: false,
            shows_card: true,
            settlement,
            disputed: false,
            alone: None,
        });
        index
    }

    fn settlement(&mut self, currency: &str) -> Option<Settlement> {
        let into = self.world.shop_currency;
        let (_, rate) = CURRENCIES.into_iter().find(|(name, _)| *name == currency && *name != into)?;
        let rate_ppm = rate - rate * SPREAD_PER_MYRIAD / 10_000 + rate * self.random.within(-20, 21) / 10_000;
        Some(Settlement { currency: into, rate_ppm })
    }

    /// A sale that was paid at once, seen by both sides.
    pub(super) fn sale(
        &mut self,
        order: usize,
        amount: i64,
        at_s: i64,
        evidence: Evidence,
        damage: Option<Damage>,
    ) -> Payment {
        let transaction = self.transaction(order, Kind::Sale, amount, at_s);
        let lag_s = self.lag_s(evidence);
        let charge = self.charge(order, amount, at_s + lag_s);
        self.connect(transaction, charge, evidence, damage);
        self.world.links.push((transaction, Target::Charge(charge)));
        Payment { transaction, charge }
    }

    /// Some integrations charge in the shop's currency, and some accounts in one of their own.
    pub(super) fn charge_in_another_currency(&mut self, payment: Payment, evidence: Evidence) {
        let transaction = &self.world.transactions[payment.transaction];
        let order = &self.world.orders[transaction.order];
        if order.currency == self.world.shop_currency || !matches!(evidence, Evidence::Strong(_)) {
            return;
        }
        let shop_amount = transaction.shop_amount;
        let (currency, amount) = match self.random.weighted(&[82, 15, 3]) {
            1 => (self.world.shop_currency, shop_amount),
            2 if order.currency != THIRD_CURRENCY.0 => {
                let rate_ppm = 1_000_000_000_000 / THIRD_CURRENCY.1;
                let with_spread = rate_ppm + rate_ppm * SPREAD_PER_MYRIAD / 10_000;
                (THIRD_CURRENCY.0, money::convert(shop_amount, self.world.shop_currency, THIRD_CURRENCY.0, with_spread))
            }
            _ => return,
        };
        let settlement = self.settlement(currency);
        let charge = &mut self.world.charges[payment.charge];
        (charge.currency, charge.amount, charge.captured, charge.settlement) = (currency, amount, amount, settlement);
    }
}
