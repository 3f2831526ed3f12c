//! What a perfect matcher would say about a dataset, in provider ids.
//!
//! Only records whose own movement lies in the range count. A partner outside is named in `pairs` and again in `outside`.
//! Two pairs are interchangeable when everything that both sides show agrees just as well with the partners exchanged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::generate::world::{Charge, DAY_S, Kind, Target, World};

#[derive(Debug, Default, Serialize)]
pub struct Truth {
    pub pairs: Vec<(String, String)>,
    pub source_only: Vec<String>,
    pub target_only: Vec<String>,
    pub excluded: Vec<String>,
    pub outside: Vec<String>,
    pub reasons: BTreeMap<String, &'static str>,
    pub interchangeable: Vec<(Vec<String>, Vec<String>)>,
}

#[must_use]
pub fn judge(world: &World) -> Truth {
    let mut truth = Truth::default();
    let counted = counted_targets(world);
    let links: Vec<(usize, Target)> =
        world.links.iter().copied().filter(|(_, target)| counted.contains(target)).collect();
    let mut outside = BTreeSet::new();
    for &(source, target) in &links {
        let (source_id, target_id) = (world.transaction_gid(source), world.target_id(target).to_owned());
        if !world.window.contains(world.transactions[source].at_s) {
            outside.insert(source_id.clone());
        }
        if !world.window.contains(world.target_at_s(target)) {
            outside.insert(target_id.clone());
        }
        truth.pairs.push((source_id, target_id));
    }
    truth.outside = outside.into_iter().collect();
    for (index, transaction) in world.transactions.iter().enumerate() {
        if !world.window.contains(transaction.at_s) {
            continue;
        }
        let id = world.transaction_gid(index);
        if world.source_is_excluded(index) {
            truth.excluded.push(id);
        } else if let Some(reason) = transaction.alone {
            truth.reasons.insert(id.clone(), reason);
            truth.source_only.push(id);
        }
    }
    for target in targets(world) {
        if !world.window.contains(world.target_at_s(target)) {
            continue;
        }
        let id = world.target_id(target).to_owned();
        if world.target_is_excluded(target) {
            truth.excluded.push(id);
        } else if let Some(reason) = alone(world, target) {
            truth.reasons.insert(id.clone(), reason);
            truth.target_only.push(id);
        }
    }
    truth.interchangeable = interchangeable(world, &links);
    truth
}

pub fn targets(world: &World) -> impl Iterator<Item = Target> + '_ {
    (0..world.charges.len()).map(Target::Charge).chain((0..world.refunds.len()).map(Target::Refund))
}

#[must_use]
pub fn alone(world: &World, target: Target) -> Option<&'static str> {
    match target {
        Target::Charge(index) => world.charges[index].alone,
        Target::Refund(index) => world.refunds[index].alone,
    }
}

/// Targets of which at least one end of a link lies in the range: a group counts as a whole.
fn counted_targets(world: &World) -> BTreeSet<Target> {
    let inside = |&(source, target): &(usize, Target)| {
        world.window.contains(world.transactions[source].at_s) || world.window.contains(world.target_at_s(target))
    };
    world.links.iter().filter(|link| inside(link)).map(|(_, target)| *target).collect()
}

/// What the two sides of a pair both show. Equal keys mean that partners could be exchanged without anyone noticing.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Shared<'a> {
    refund: bool,
    source_money: (&'static str, i64),
    target_money: (&'static str, i64),
    order: Option<usize>,
    email: Option<&'a str>,
    last4: Option<&'a str>,
    name: Option<&'a str>,
}

fn interchangeable(world: &World, links: &[(usize, Target)]) -> Vec<(Vec<String>, Vec<String>)> {
    let mut uses: HashMap<Target, usize> = HashMap::new();
    for (_, target) in links {
        *uses.entry(*target).or_default() += 1;
    }
    let mut alike: BTreeMap<Shared<'_>, Vec<(usize, Target)>> = BTreeMap::new();
    for &(source, target) in links {
        if uses[&target] == 1
            && let Some(key) = shared(world, source, target)
        {
            alike.entry(key).or_default().push((source, target));
        }
    }
    let mut groups = Vec::new();
    for mut pairs in alike.into_values() {
        pairs.sort_by_key(|&(source, target)| (world.transactions[source].at_s.min(world.target_at_s(target)), source));
        for run in pairs.chunk_by(|a, b| latest(world, *b) - earliest(world, *a) <= DAY_S) {
            if run.len() > 1 {
                let sources = run.iter().map(|(source, _)| world.transaction_gid(*source)).collect();
                let targets = run.iter().map(|(_, target)| world.target_id(*target).to_owned()).collect();
                groups.push((sources, targets));
            }
        }
    }
    groups
}

fn earliest(world: &World, (source, target): (usize, Target)) -> i64 {
    world.transactions[source].at_s.min(world.target_at_s(target))
}

fn latest(world: &World, (source, target): (usize, Target)) -> i64 {
    world.transactions[source].at_s.max(world.target_at_s(target))
}

/// None if the pair shares a value that nothing else has.
fn shared(world: &World, source: usize, target: Target) -> Option<Shared<'_>> {
    let transaction = &world.transactions[source];
    let order = &world.orders[transaction.order];
    let (charge_index, target_amount) = match target {
        Target::Charge(index) => (index, world.charges[index].captured),
        Target::Refund(index) => (world.refunds[index].charge, world.refunds[index].amount),
    };
    let charge = &world.charges[charge_index];
    let refund = transaction.kind == Kind::Refund;
    if !refund && strongly(charge, transaction.payment_id.as_deref()) {
        return None;
    }
    let paid = transaction.parent.filter(|_| refund).map(|parent| &world.transactions[parent]);
    let by_order = names_order(charge, order.id, order.number)
        || paid.is_some_and(|paid| strongly(charge, paid.payment_id.as_deref()));
    let customer = &world.customers[order.customer];
    let same_customer = charge.customer == order.customer;
    Some(Shared {
        refund,
        source_money: (order.currency, transaction.amount),
        target_money: (charge.currency, target_amount),
        order: by_order.then_some(transaction.order),
        email: (same_customer && charge.shows_email && order.shows_email).then_some(customer.email.as_str()),
        last4: (same_customer && charge.shows_card).then_some(customer.last4.as_str()),
        name: (same_customer && charge.shows_name).then_some(customer.name.as_str()),
    })
}

fn strongly(charge: &Charge, payment_id: Option<&str>) -> bool {
    payment_id.is_some_and(|id| {
        charge.id == id || charge.intent == id || charge.metadata.iter().any(|(_, value)| value == id)
    })
}

fn names_order(charge: &Charge, id: u64, number: u64) -> bool {
    let (id, number, name) = (id.to_string(), number.to_string(), format!("#{number}"));
    charge.metadata.iter().any(|(_, value)| *value == id || *value == number || *value == name)
        || charge.description.as_ref().is_some_and(|text| text.split([' ', '#']).any(|word| word == number))
}
