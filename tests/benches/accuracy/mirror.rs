//! The same input in another order, and with its sides swapped.

use domain::{
    matches::Match,
    record::{Record, Side},
};
use matching::{Outcome, RunInput};
use settler_tests::sandbox::random::Random;
use std::collections::BTreeSet;

pub fn shuffled(input: &RunInput, seed: u64) -> RunInput {
    let mut input = input.clone();
    let mut random = Random::new(seed);
    for records in [&mut input.source, &mut input.target] {
        for last in (1..records.len()).rev() {
            records.swap(last, random.index(last + 1));
        }
    }
    for last in (1..input.orders.len()).rev() {
        input.orders.swap(last, random.index(last + 1));
    }
    input
}

pub fn swapped(input: &RunInput) -> RunInput {
    let turned = |records: &[Record], side: Side| {
        records.iter().map(|record| Record { side, ..record.clone() }).collect::<Vec<_>>()
    };
    RunInput {
        source: turned(&input.target, Side::Source),
        target: turned(&input.source, Side::Target),
        ..input.clone()
    }
}

/// Automatic matches of one that the mirrored other does not have, both ways.
pub fn differences(outcome: &Outcome, mirrored: &Outcome) -> usize {
    let key = |a: &[String], b: &[String]| {
        let sorted = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        (sorted(a), sorted(b))
    };
    let ours: BTreeSet<_> =
        outcome.matches.iter().map(|found: &Match| key(&found.source_ids, &found.target_ids)).collect();
    let theirs: BTreeSet<_> = mirrored.matches.iter().map(|found| key(&found.target_ids, &found.source_ids)).collect();
    ours.symmetric_difference(&theirs).count()
}
