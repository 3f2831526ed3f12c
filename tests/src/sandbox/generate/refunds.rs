//! Money given back: a REFUND transaction under its sale, and a refund under its charge.

use super::Builder;
use super::evidence::Evidence;
use super::payments::Payment;
use super::presets::Lag;
use super::schedule::Slot;
use super::world::{DAY_S, Kind, Refund, RefundStatus, Status, Target};
use crate::sandbox::money;

/// Refunds later than this are nobody's concern here.
const BEYOND_S: i64 = 4 * DAY_S;

impl Builder {
    /// Refunds the payment, in one or more parts, at a given time or some days later.
    pub(super) fn give_back(&mut self, payment: Payment, at_s: Option<i64>, evidence: Evidence) {
        let transaction = &self.world.transactions[payment.transaction];
        let (order, amount) = (transaction.order, transaction.amount);
        let currency = self.world.orders[order].currency;
        let charged = &self.world.charges[payment.charge];
        let same = charged.currency == currency;
        if !same && charged.currency != self.world.shop_currency {
            return;
        }
        let paid_s = transaction.at_s.max(charged.moved_s);
        let mut at_s = at_s.unwrap_or_else(|| paid_s + self.random.within(3_600, 10 * DAY_S));
        let parts = self.parts(amount, currency);
        for part in parts {
            if at_s >= self.window.end_s + BEYOND_S {
                return;
            }
            self.refund_once(payment, order, part, at_s, same, evidence);
            at_s += self.random.within(1_800, 2 * DAY_S);
        }
    }

    /// Different amounts that do not exceed the whole.
    fn parts(&mut self, amount: i64, currency: &str) -> Vec<i64> {
        if self.random.chance(self.preset.several) {
            let first = money::payable(amount * self.random.within(15, 30) / 100, currency);
            let second = money::payable(amount * self.random.within(32, 45) / 100, currency);
            let mut parts = vec![first, second];
            if self.random.percent(30) {
                parts.push(money::payable(amount * self.random.within(5, 14) / 100, currency));
            }
            parts.retain(|part| *part > 0);
            return parts;
        }
        if self.random.percent(40) {
            return vec![money::payable((amount * self.random.within(10, 90) / 100).max(10), currency)];
        }
        vec![amount]
    }

    fn refund_once(
        &mut self,
        payment: Payment,
        order: usize,
        amount: i64,
        at_s: i64,
        same_currency: bool,
        evidence: Evidence,
    ) {
        let transaction = self.shop_refund(payment, order, amount, at_s);
        // Money that did not move leaves no tender: only an order of these days is found without one.
        let recent = self.world.orders[order].at_s >= self.window.start_s - 2 * DAY_S;
        let odd = self.random.chance(self.preset.odd_refunds) && recent;
        let lag_s = match self.preset.lag {
            Lag::Long if evidence != Evidence::Nothing && self.random.percent(5) => self.random.within(60, DAY_S),
            Lag::Long | Lag::Short => self.random.within(0, 60),
            Lag::Prompt => self.random.within(0, 6),
        };
        let target_amount = if same_currency { amount } else { self.world.transactions[transaction].shop_amount };
        let refund = self.stripe_refund(payment.charge, target_amount, at_s + lag_s);
        if odd {
            self.spoil(transaction, refund);
        } else {
            self.world.links.push((transaction, Target::Refund(refund)));
        }
    }

    /// Half of the odd ones failed on both sides, the others are still on their way.
    fn spoil(&mut self, transaction: usize, refund: usize) {
        let failed = self.random.percent(50);
        let (from, to) = (&mut self.world.transactions[transaction], &mut self.world.refunds[refund]);
        if failed {
            (from.status, to.status) = (Status::Failure, RefundStatus::Failed);
            self.world.charges[to.charge].refunded -= to.amount;
        } else {
            (from.status, to.status) = (Status::Pending, RefundStatus::Pending);
            (from.alone, to.alone) = (Some("pending_within_sla"), Some("pending_within_sla"));
        }
    }

    fn shop_refund(&mut self, payment: Payment, order: usize, amount: i64, at_s: i64) -> usize {
        let transaction = self.transaction(order, Kind::Refund, amount, at_s);
        let parent_payment_id = self.world.transactions[payment.transaction].payment_id.clone();
        let gateway = self.world.transactions[payment.transaction].gateway;
        let shows_payment = self.random.percent(60);
        let of = &mut self.world.transactions[transaction];
        (of.parent, of.gateway) = (Some(payment.transaction), gateway);
        of.payment_id = parent_payment_id.filter(|_| shows_payment);
        transaction
    }

    pub(super) fn stripe_refund(&mut self, charge: usize, amount: i64, created_s: i64) -> usize {
        let carries = self.random.percent(40);
        let metadata = if carries { self.world.charges[charge].metadata.clone() } else { Vec::new() };
        self.world.charges[charge].refunded += amount;
        let id = self.random.token("re_3", 23);
        self.world.refunds.push(Refund {
            id,
            charge,
            amount,
            created_s,
            status: RefundStatus::Succeeded,
            metadata,
            alone: None,
        });
        self.world.refunds.len() - 1
    }

    /// A refund that only one side knows of.
    pub(super) fn refund_on_one_side(&mut self, slot: &Slot, payment: Payment, shop_side: bool) {
        let transaction = &self.world.transactions[payment.transaction];
        let (order, currency) = (transaction.order, self.world.orders[transaction.order].currency);
        let charged = &self.world.charges[payment.charge];
        let percent = self.random.within(20, 95);
        let at_s = slot.at_s.max(charged.moved_s) + self.random.within(3_600, 4 * DAY_S);
        if shop_side {
            let amount = money::payable((transaction.amount * percent / 100).max(10), currency);
            let refund = self.shop_refund(payment, order, amount, at_s);
            self.world.transactions[refund].alone = Some("missing_target");
        } else {
            let amount = money::payable((charged.captured * percent / 100).max(10), charged.currency);
            let refund = self.stripe_refund(payment.charge, amount, at_s);
            self.world.refunds[refund].alone = Some("missing_source");
        }
    }
}
