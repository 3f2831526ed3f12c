//! The same input in another order, and with its sides swapped.

use domain::{
    matches::Match,
    record::{Order, Record, Side},
    records::Records,
};
use matching::{Outcome, RunInput};
use settler_tests::sandbox::random::Random;
use std::collections::BTreeSet;

pub fn shuffled(input: &RunInput, seed: u64) -> RunInput {
    let mut input = input.clone();
    let mut random = Random::new(seed);
    for side in [&mut input.source, &mut input.target] {
        let mut order: Vec<usize> = (0..side.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, random.index(last + 1));
        }
        *side = order.into_iter().map(|at| side.at(at).to_record()).collect();
    }
    let mut orders: Vec<Order> = input.orders.iter().map(Order::owned).collect();
    for last in (1..orders.len()).rev() {
        orders.swap(last, random.index(last + 1));
    }
    input.orders = orders.into_iter().collect();
    input
}

pub fn swapped(input: &RunInput) -> RunInput {
    let turned = |records: &Records, side: Side| -> Records {
        records.iter().map(|record| Record { side, ..record.to_record() }).collect()
    };
    RunInput {
        source: turned(&input.target, Side::Source),
        target: turned(&input.source, Side::Target),
        ..input.clone()
    }
}

/// Automatic matches that only one of the two has, in words.
pub fn differences(outcome: &Outcome, mirrored: &Outcome) -> Vec<String> {
    let key = |found: &Match, turned: bool| {
        let sorted = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        let (ours, theirs) = (sorted(&found.source_ids), sorted(&found.target_ids));
        if turned { (theirs, ours, found.rule.to_string()) } else { (ours, theirs, found.rule.to_string()) }
    };
    let ours: BTreeSet<_> = outcome.matches.iter().map(|found| key(found, false)).collect();
    let theirs: BTreeSet<_> = mirrored.matches.iter().map(|found| key(found, true)).collect();
    let told = |whose: &str, (a, b, rule): &(BTreeSet<String>, BTreeSet<String>, String)| {
        format!("{whose}: {rule} {a:?} {b:?}")
    };
    let only_ours = ours.difference(&theirs).map(|one| told("as it is", one));
    only_ours.chain(theirs.difference(&ours).map(|one| told("mirrored", one))).collect()
}
