//! The account's balance: one movement per charge, refund, dispute and payout, and the payouts that carry them to the bank.

use std::collections::BTreeMap;

use crate::sandbox::generate::world::{Charge, DAY_S, Fate, RefundStatus, World};
use crate::sandbox::money;
use crate::sandbox::random::Random;

const DISPUTE_FEE: i64 = 1_500;

/// One line of the balance.
#[derive(Debug, Clone)]
pub struct Movement {
    pub id: String,
    pub kind: &'static str,
    pub category: &'static str,
    pub source: String,
    pub at_s: i64,
    pub available_s: i64,
    pub amount: i64,
    pub fee: i64,
    pub currency: String,
    pub rate_ppm: Option<i64>,
    pub description: Option<String>,
    pub settled: bool,
}

#[derive(Debug, Clone)]
pub struct Payout {
    pub id: String,
    pub movement: usize,
    pub amount: i64,
    pub currency: String,
    pub created_s: i64,
}

#[derive(Debug, Default)]
pub struct Ledger {
    pub movements: Vec<Movement>,
    pub of_charge: Vec<Option<usize>>,
    /// The movement of each refund, and the one that took it back if it failed.
    pub of_refund: Vec<(usize, Option<usize>)>,
    pub of_dispute: Vec<Vec<usize>>,
    pub payouts: Vec<Payout>,
    /// The payout of each movement, by place.
    pub paid_out: BTreeMap<usize, usize>,
}

impl Ledger {
    #[must_use]
    pub fn keep(world: &World) -> Self {
        let mut random = Random::from_text(&format!("{}|ledger", world.seed_text));
        let mut ledger = Self::default();
        for charge in &world.charges {
            let moved = (charge.fate == Fate::Captured).then(|| {
                let mut movement = draft(charge, charge.captured, &mut random);
                movement.fee = money::card_fee(movement.amount);
                (movement.source, movement.at_s) = (charge.id.clone(), charge.moved_s);
                movement.description.clone_from(&charge.description);
                ledger.add(movement)
            });
            ledger.of_charge.push(moved);
        }
        for refund in &world.refunds {
            let charge = &world.charges[refund.charge];
            let mut movement = draft(charge, -refund.amount, &mut random);
            (movement.kind, movement.category) = ("refund", "refund");
            (movement.source, movement.at_s) = (refund.id.clone(), refund.created_s);
            movement.description = Some("REFUND FOR CHARGE".to_owned());
            movement.settled = refund.status == RefundStatus::Succeeded;
            let failure = (refund.status == RefundStatus::Failed).then(|| {
                let mut back = draft(charge, refund.amount, &mut random);
                (back.kind, back.category) = ("refund_failure", "refund_failure");
                (back.source, back.at_s) = (refund.id.clone(), refund.created_s + DAY_S);
                back.description = Some("REFUND FAILURE".to_owned());
                back
            });
            let moved = (ledger.add(movement), failure.map(|back| ledger.add(back)));
            ledger.of_refund.push(moved);
        }
        ledger.dispute(world, &mut random);
        ledger.pay_out(&mut random);
        ledger
    }

    fn add(&mut self, mut movement: Movement) -> usize {
        movement.available_s = (movement.at_s / DAY_S + 2) * DAY_S;
        self.movements.push(movement);
        self.movements.len() - 1
    }

    fn dispute(&mut self, world: &World, random: &mut Random) {
        for dispute in &world.disputes {
            let charge = &world.charges[dispute.charge];
            let mut taken = draft(charge, -charge.captured, random);
            (taken.kind, taken.category, taken.fee) = ("adjustment", "dispute", DISPUTE_FEE);
            (taken.source, taken.at_s) = (dispute.id.clone(), dispute.created_s);
            taken.description = Some("Chargeback withdrawal".to_owned());
            let mut moved = vec![self.add(taken)];
            if let Some(at_s) = dispute.reversed_s {
                let mut back = draft(charge, charge.captured, random);
                (back.kind, back.category) = ("adjustment", "dispute_reversal");
                (back.source, back.at_s) = (dispute.id.clone(), at_s);
                back.description = Some("Chargeback reversal".to_owned());
                moved.push(self.add(back));
            }
            self.of_dispute.push(moved);
        }
    }

    /// One payout for each day and currency that earned something, two days later.
    fn pay_out(&mut self, random: &mut Random) {
        let mut days: BTreeMap<(i64, String), Vec<usize>> = BTreeMap::new();
        for (index, movement) in self.movements.iter().enumerate() {
            days.entry((movement.at_s / DAY_S, movement.currency.clone())).or_default().push(index);
        }
        for ((day, currency), members) in days {
            let net: i64 = members.iter().map(|&index| self.movements[index].amount - self.movements[index].fee).sum();
            if net <= 0 {
                continue;
            }
            let (id, created_s) = (random.token("po_1", 23), (day + 2) * DAY_S);
            let movement = self.add(Movement {
                id: random.token("txn_1", 23),
                kind: "payout",
                category: "payout",
                source: id.clone(),
                at_s: created_s,
                available_s: 0,
                amount: -net,
                fee: 0,
                currency: currency.clone(),
                rate_ppm: None,
                description: Some("STRIPE PAYOUT".to_owned()),
                settled: true,
            });
            let payout = self.payouts.len();
            self.paid_out.extend(members.into_iter().chain([movement]).map(|member| (member, payout)));
            self.payouts.push(Payout { id, movement, amount: net, currency, created_s });
        }
    }
}

/// A movement of part of a charge, in the currency that it is settled in.
fn draft(charge: &Charge, amount: i64, random: &mut Random) -> Movement {
    let (currency, amount) = match charge.settlement {
        Some(settlement) => {
            (settlement.currency, money::convert(amount, charge.currency, settlement.currency, settlement.rate_ppm))
        }
        None => (charge.currency, amount),
    };
    Movement {
        id: random.token("txn_3", 23),
        kind: "charge",
        category: "charge",
        source: String::new(),
        at_s: 0,
        available_s: 0,
        amount,
        fee: 0,
        currency: currency.to_lowercase(),
        rate_ppm: charge.settlement.map(|settlement| settlement.rate_ppm),
        description: None,
        settled: true,
    }
}
