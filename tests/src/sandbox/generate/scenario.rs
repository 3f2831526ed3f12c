//! What happens to an order.

use super::Builder;
use super::evidence::{Evidence, Form};
use super::payments::Payment;
use super::schedule::{Slot, Zone};
use super::world::{DAY_S, Dispute, Fate, Kind, Status, Target};

impl Builder {
    /// Plays the order of one slot from its first payment to its last refund.
    pub(super) fn play(&mut self, slot: &Slot) {
        let order = self.open_order(slot);
        let evidence = self.draw_evidence();
        if slot.zone == Zone::LongBefore {
            let amount = self.amounts.ordinary(&mut self.random);
            let payment = self.plain(order, amount, evidence);
            let at_s = self.random.within(self.window.start_s, self.window.end_s);
            self.give_back(payment, Some(at_s), evidence);
            return;
        }
        if slot.group.is_some() {
            let amount = self.group_amount(slot);
            let payment = self.plain(order, amount, evidence);
            self.maybe_refund(slot, payment, evidence);
            return;
        }
        let preset = self.preset;
        let roll = [
            preset.excluded.0,
            preset.pending.0,
            preset.missing.0,
            preset.missing.0,
            preset.partial_captures.0,
            preset.late_captures.0,
            preset.multi_captures.0,
            preset.split_tender.0,
            preset.duplicate_charges.0,
        ];
        let rest = 10_000_u32.saturating_sub(roll.iter().sum());
        let weights: Vec<u32> = roll.into_iter().chain([rest]).collect();
        match self.random.weighted(&weights) {
            0 => self.out_of_scope(slot, order, evidence),
            1 => self.pending(order),
            2 => self.missing_target(slot, order, evidence),
            3 => self.missing_source(slot, order, evidence),
            4 => self.capture_later(slot, order, evidence, true),
            5 => self.capture_later(slot, order, evidence, false),
            6 => self.capture_twice(order),
            7 => self.split(order, evidence),
            8 => self.charge_twice(order, evidence),
            _ => {
                let amount = self.amounts.ordinary(&mut self.random);
                let payment = self.plain(order, amount, evidence);
                self.maybe_refund(slot, payment, evidence);
                self.maybe_dispute(payment);
            }
        }
    }

    fn group_amount(&mut self, slot: &Slot) -> i64 {
        let Some(group) = slot.group else {
            return self.amounts.ordinary(&mut self.random);
        };
        let base = match self.groups[group] {
            Some(amount) => amount,
            None => {
                let amount = self.amounts.ordinary(&mut self.random);
                self.groups[group] = Some(amount);
                amount
            }
        };
        let mut amount = base + slot.offset;
        while !self.amounts.note(amount) {
            amount += 1;
        }
        amount
    }

    /// Sets the order's total and pays it at once.
    fn plain(&mut self, order: usize, amount: i64, evidence: Evidence) -> Payment {
        let amount = self.in_currency(order, amount);
        self.world.orders[order].total = amount;
        let damage = self.draw_damage(evidence);
        let at_s = self.world.orders[order].at_s;
        let payment = self.sale(order, amount, at_s, evidence, damage);
        if self.preset.many_currencies {
            self.charge_in_another_currency(payment, evidence);
        }
        payment
    }

    fn maybe_refund(&mut self, slot: &Slot, payment: Payment, evidence: Evidence) {
        let later = self.preset.refunds.0 * (10_000 - self.preset.earlier.0) / 10_000;
        if !slot.burst && self.random.chance(crate::sandbox::random::PerMyriad(later)) {
            self.give_back(payment, None, evidence);
        }
    }

    fn maybe_dispute(&mut self, payment: Payment) {
        let charge = &self.world.charges[payment.charge];
        if charge.refunded > 0 || !self.random.chance(self.preset.disputes) {
            return;
        }
        let created_s = charge.moved_s + self.random.within(DAY_S, 12 * DAY_S);
        let reversed_s = self.random.percent(40).then(|| created_s + self.random.within(DAY_S, 9 * DAY_S));
        let id = self.random.token("du_1", 23);
        self.world.charges[payment.charge].disputed = true;
        self.world.disputes.push(Dispute { id, charge: payment.charge, created_s, reversed_s });
    }

    /// Tests, failures, foreign gateways and payments that were never taken: real records that nobody should match.
    fn out_of_scope(&mut self, slot: &Slot, order: usize, evidence: Evidence) {
        let amount = self.amounts.ordinary(&mut self.random);
        match self.random.weighted(&[20, 25, 15, 25, 15]) {
            0 => {
                let amount = self.in_currency(order, amount);
                let of = &mut self.world.orders[order];
                (of.total, of.test, of.gateway) = (amount, true, "bogus");
                let transaction = self.transaction(order, Kind::Sale, amount, slot.at_s);
                self.world.transactions[transaction].test = true;
            }
            1 => {
                let tried = self.in_currency(order, amount);
                let before_s = self.random.within(30, 120);
                self.fail(order, tried, slot.at_s - before_s, evidence);
                let payment = self.plain(order, amount, evidence);
                self.maybe_refund(slot, payment, evidence);
            }
            2 => {
                let amount = self.in_currency(order, amount);
                self.world.orders[order].total = amount;
                self.fail(order, amount, slot.at_s, evidence);
            }
            3 => {
                let amount = self.in_currency(order, amount);
                let gateway = self.random.pick(&["paypal", "manual", "gift_card"]);
                let of = &mut self.world.orders[order];
                (of.total, of.gateway) = (amount, gateway);
                let transaction = self.transaction(order, Kind::Sale, amount, slot.at_s);
                if gateway == "paypal" {
                    self.world.transactions[transaction].payment_id = Some(self.random.token("PAYID-", 24));
                }
            }
            _ => self.release(slot, order, amount, evidence),
        }
    }

    fn fail(&mut self, order: usize, amount: i64, at_s: i64, evidence: Evidence) {
        let transaction = self.transaction(order, Kind::Sale, amount, at_s);
        self.world.transactions[transaction].status =
            if self.random.percent(80) { Status::Failure } else { Status::Error };
        if self.world.transactions[transaction].status == Status::Error {
            return; // The processor never heard of it.
        }
        let created_s = at_s + self.random.within(0, 5);
        let charge = self.charge(order, amount, created_s);
        self.connect(transaction, charge, evidence, None);
        self.carried.retain(|&index| index != charge);
        let charge = &mut self.world.charges[charge];
        (charge.fate, charge.captured) = (Fate::Failed, 0);
    }

    /// Authorised, then called off.
    fn release(&mut self, slot: &Slot, order: usize, amount: i64, evidence: Evidence) {
        let amount = self.in_currency(order, amount);
        let authorization = self.transaction(order, Kind::Authorization, amount, slot.at_s);
        let created_s = slot.at_s + self.random.within(0, 10);
        let charge = self.charge(order, amount, created_s);
        self.connect(authorization, charge, evidence, None);
        self.carried.retain(|&index| index != charge);
        let taken = &mut self.world.charges[charge];
        (taken.fate, taken.captured) = (Fate::Released, 0);
        let void_s = slot.at_s + self.random.within(3_600, 2 * DAY_S);
        let void = self.transaction(order, Kind::Void, amount, void_s);
        self.world.transactions[void].parent = Some(authorization);
        self.world.transactions[void].payment_id = self.world.transactions[authorization].payment_id.clone();
        let of = &mut self.world.orders[order];
        (of.total, of.cancelled_at_s) = (amount, Some(void_s));
    }

    fn pending(&mut self, order: usize) {
        let amount = self.amounts.unique(&mut self.random);
        let amount = self.in_currency(order, amount);
        let at_s = self.world.orders[order].at_s;
        self.world.orders[order].total = amount;
        let transaction = self.transaction(order, Kind::Sale, amount, at_s);
        let of = &mut self.world.transactions[transaction];
        (of.status, of.alone) = (Status::Pending, Some("pending_within_sla"));
        of.payment_id = Some(self.random.token("r", 23));
    }

    /// The shop says that money came, and the processor knows nothing of it.
    fn missing_target(&mut self, slot: &Slot, order: usize, evidence: Evidence) {
        if self.random.percent(20) {
            let amount = self.amounts.ordinary(&mut self.random);
            let payment = self.plain(order, amount, evidence);
            self.refund_on_one_side(slot, payment, true);
            return;
        }
        let amount = self.amounts.unique(&mut self.random);
        let amount = self.in_currency(order, amount);
        self.world.orders[order].total = amount;
        let transaction = self.transaction(order, Kind::Sale, amount, slot.at_s);
        let of = &mut self.world.transactions[transaction];
        of.alone = Some("missing_target");
        if matches!(evidence, Evidence::Strong(_)) {
            of.payment_id = Some(self.random.token("r", 23));
        }
    }

    /// The processor has money that the shop knows nothing of. The slot's own order is an ordinary one.
    fn missing_source(&mut self, slot: &Slot, order: usize, evidence: Evidence) {
        let amount = self.amounts.ordinary(&mut self.random);
        let payment = self.plain(order, amount, evidence);
        let how = self.random.weighted(&[70, 15, 15]);
        if how == 1 {
            self.refund_on_one_side(slot, payment, false);
            return;
        }
        let amount = self.amounts.unique(&mut self.random);
        let amount = self.in_currency(order, amount);
        let created_s = (slot.at_s + self.random.within(0, DAY_S)).min(self.window.end_s.max(slot.at_s + 1) - 1);
        let charge = self.charge(order, amount, created_s);
        let customer = self.random.index(self.world.customers.len());
        let invoice = self.random.within(10_000, 99_999);
        let to = &mut self.world.charges[charge];
        (to.customer, to.shows_email, to.alone) = (customer, false, Some("missing_source"));
        to.description = Some(format!("Invoice {invoice}"));
        if how == 2 {
            let at_s = created_s + self.random.within(600, 3 * DAY_S);
            let refund = self.stripe_refund(charge, amount, at_s);
            self.world.refunds[refund].alone = Some("refund_without_sale");
        }
    }

    /// Authorised first and taken later: all of it, or less.
    fn capture_later(&mut self, slot: &Slot, order: usize, evidence: Evidence, partly: bool) {
        let amount = self.amounts.ordinary(&mut self.random);
        let taken = if partly { self.amounts.part(amount, 40, 95, &mut self.random) } else { amount };
        let (amount, taken) = (self.in_currency(order, amount), self.in_currency(order, taken));
        self.world.orders[order].total = amount;
        let authorization = self.transaction(order, Kind::Authorization, amount, slot.at_s);
        let created_s = slot.at_s + self.random.within(0, 10);
        let charge = self.charge(order, amount, created_s);
        let damage = self.draw_damage(evidence);
        self.connect(authorization, charge, evidence, damage);
        // With a dozen references lost, the time of the capture is all there is, so it must not lag.
        let at_s = slot.at_s + self.random.within(3_600, 5 * DAY_S);
        let lag_s = self.random.within(0, 120);
        let capture = self.capture(order, authorization, taken, at_s);
        let to = &mut self.world.charges[charge];
        (to.captured, to.moved_s) = (taken, at_s + lag_s);
        self.world.links.push((capture, Target::Charge(charge)));
        let payment = Payment { transaction: capture, charge };
        self.maybe_refund(slot, payment, evidence);
    }

    fn capture(&mut self, order: usize, authorization: usize, amount: i64, at_s: i64) -> usize {
        let capture = self.transaction(order, Kind::Capture, amount, at_s);
        self.world.transactions[capture].parent = Some(authorization);
        self.world.transactions[capture].payment_id = self.world.transactions[authorization].payment_id.clone();
        capture
    }

    /// One charge taken in two parts: two of the shop's records belong to one of the processor's.
    fn capture_twice(&mut self, order: usize) {
        let amount = self.amounts.ordinary(&mut self.random);
        let first = self.amounts.part(amount, 30, 70, &mut self.random);
        let (amount, first) = (self.in_currency(order, amount), self.in_currency(order, first));
        let at_s = self.world.orders[order].at_s;
        self.world.orders[order].total = amount;
        let authorization = self.transaction(order, Kind::Authorization, amount, at_s);
        let created_s = at_s + self.random.within(0, 10);
        let charge = self.charge(order, amount, created_s);
        self.connect(authorization, charge, Evidence::Strong(Form::PaymentId), None);
        self.carried.retain(|&index| index != charge);
        let first_s = at_s + self.random.within(3_600, DAY_S);
        let second_s = first_s + self.random.within(600, DAY_S);
        let one = self.capture(order, authorization, first, first_s);
        let two = self.capture(order, authorization, amount - first, second_s);
        self.world.charges[charge].moved_s = second_s + self.random.within(0, 60);
        self.world.links.push((one, Target::Charge(charge)));
        self.world.links.push((two, Target::Charge(charge)));
    }

    /// One order, two payments: two cards, or a gift card and a card.
    fn split(&mut self, order: usize, evidence: Evidence) {
        let amount = self.amounts.ordinary(&mut self.random);
        let first = self.amounts.part(amount, 25, 75, &mut self.random);
        let (amount, first) = (self.in_currency(order, amount), self.in_currency(order, first));
        let at_s = self.world.orders[order].at_s;
        self.world.orders[order].total = amount;
        if self.random.percent(40) {
            let gift = self.transaction(order, Kind::Sale, first, at_s);
            self.world.transactions[gift].gateway = "gift_card";
        } else {
            self.sale(order, first, at_s, evidence, None);
        }
        let again_s = at_s + self.random.within(0, 30);
        self.sale(order, amount - first, again_s, evidence, None);
    }

    /// The customer was charged twice for one sale. The earlier charge is the sale's.
    fn charge_twice(&mut self, order: usize, evidence: Evidence) {
        let evidence = match evidence {
            Evidence::Strong(_) | Evidence::OrderInMetadata => evidence,
            _ => Evidence::Strong(Form::PaymentId),
        };
        let amount = self.amounts.ordinary(&mut self.random);
        let amount = self.in_currency(order, amount);
        let at_s = self.world.orders[order].at_s;
        self.world.orders[order].total = amount;
        let transaction = self.transaction(order, Kind::Sale, amount, at_s);
        let created_s = at_s + self.random.within(0, 60);
        let charge = self.charge(order, amount, created_s);
        self.connect(transaction, charge, evidence, None);
        self.carried.retain(|&index| index != charge);
        self.world.links.push((transaction, Target::Charge(charge)));
        let again_s = created_s + self.random.within(20, 900);
        let again = self.charge(order, amount, again_s);
        let name = format!("#{}", self.world.orders[order].number);
        self.world.orders[order].shows_email = true;
        for index in [charge, again] {
            let to = &mut self.world.charges[index];
            (to.shows_email, to.shows_card) = (true, true);
            if !to.metadata.iter().any(|(key, _)| *key == "order_name") {
                to.metadata.push(("order_name", name.clone()));
            }
        }
        let copied = self.world.charges[charge].metadata.clone();
        let description = self.world.charges[charge].description.clone();
        let to = &mut self.world.charges[again];
        (to.metadata, to.description, to.alone) = (copied, description, Some("duplicate_charge"));
    }
}
