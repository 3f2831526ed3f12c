//! The same data made denser, sparser and noisier, so that what is tuned to its density shows.
//!
//! A denser month lays copies over each other: every copy is shifted by a few days, and its payments exchange their
//! amounts (true pairs keep their ratio), so that copies are new payments of the same people.

use super::data::{Data, Row};
use std::collections::HashSet;

/// SplitMix64 (Steele, Lea, Flood 2014): the same variants on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % (sides.max(1) as u64)).unwrap_or(0)
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.roll(at + 1));
        }
    }
}

pub fn of(data: &Data) -> Vec<(String, Data)> {
    let (first, second) = halves(data);
    vec![
        ("one half".to_owned(), first),
        ("other half".to_owned(), second),
        ("a quarter of the partners deleted".to_owned(), fewer_partners(data)),
        ("words lost in 10 % of the texts".to_owned(), noisier(data)),
        ("2 × denser".to_owned(), denser(data, 2)),
        ("3 × denser".to_owned(), denser(data, 3)),
        ("4 × denser".to_owned(), denser(data, 4)),
        ("6 × denser".to_owned(), denser(data, 6)),
    ]
}

/// Rows by a coin each, partners together.
pub fn halves(data: &Data) -> (Data, Data) {
    let mut dice = Dice(1);
    let mut partner = vec![None; data.source.len()];
    for (source, target) in &data.truth {
        partner[*source] = Some(*target);
    }
    let heads: Vec<bool> = data.source.iter().map(|_| dice.roll(2) == 0).collect();
    let mut target_heads: Vec<bool> = data.target.iter().map(|_| dice.roll(2) == 0).collect();
    for (source, target) in
        partner.iter().enumerate().filter_map(|(source, target)| target.map(|target| (source, target)))
    {
        target_heads[target] = heads[source];
    }
    let pick = |side: bool| keep(data, |source| heads[source] == side, |target| target_heads[target] == side);
    (pick(true), pick(false))
}

fn fewer_partners(data: &Data) -> Data {
    let mut dice = Dice(2);
    let sources: HashSet<usize> = (0..data.source.len()).filter(|_| dice.roll(4) == 0).collect();
    let targets: HashSet<usize> = (0..data.target.len()).filter(|_| dice.roll(4) == 0).collect();
    keep(data, |source| !sources.contains(&source), |target| !targets.contains(&target))
}

/// A word less in one text of ten.
fn noisier(data: &Data) -> Data {
    let mut dice = Dice(3);
    let mut noisy = data.clone();
    for row in noisy.source.iter_mut().chain(&mut noisy.target) {
        let words: Vec<&str> = row.memo.split(' ').collect();
        if words.len() > 1 && dice.roll(10) == 0 {
            let lost = dice.roll(words.len());
            let kept: Vec<&str> =
                words.into_iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, word)| word).collect();
            row.memo = kept.join(" ");
        }
    }
    noisy
}

fn keep(data: &Data, source: impl Fn(usize) -> bool, target: impl Fn(usize) -> bool) -> Data {
    let places = |count: usize, keep: &dyn Fn(usize) -> bool| {
        let mut next = 0;
        let place = |at| {
            keep(at).then(|| {
                next += 1;
                next - 1
            })
        };
        (0..count).map(place).collect::<Vec<Option<usize>>>()
    };
    let rows = |rows: &[Row], places: &[Option<usize>]| {
        rows.iter().zip(places).filter(|(_, place)| place.is_some()).map(|(row, _)| row.clone()).collect()
    };
    let (sources, targets) = (places(data.source.len(), &source), places(data.target.len(), &target));
    Data {
        source: rows(&data.source, &sources),
        target: rows(&data.target, &targets),
        truth: data.truth.iter().filter_map(|(source, target)| sources[*source].zip(targets[*target])).collect(),
    }
}

fn denser(data: &Data, copies: u64) -> Data {
    let mut whole = Data::default();
    for copy in 0..copies {
        let mut dice = Dice(100 + copy);
        let mut own = data.clone();
        if copy > 0 {
            let shift = i64::try_from(dice.roll(9)).unwrap_or(0) - 4;
            for row in own.source.iter_mut().chain(&mut own.target) {
                row.day += shift;
            }
            exchange_amounts(&mut own, &mut dice);
        }
        let (sources, targets) = (whole.source.len(), whole.target.len());
        whole.truth.extend(own.truth.iter().map(|(source, target)| (source + sources, target + targets)));
        whole.source.extend(own.source);
        whole.target.extend(own.target);
    }
    whole
}

fn exchange_amounts(data: &mut Data, dice: &mut Dice) {
    let mut order: Vec<usize> = (0..data.truth.len()).collect();
    dice.shuffle(&mut order);
    let before: Vec<i64> = data.truth.iter().map(|(source, _)| data.source[*source].amount_minor).collect();
    for ((source, target), other) in data.truth.clone().into_iter().zip(order) {
        let (old, new) = (data.source[source].amount_minor, before[other]);
        let paid = i128::from(data.target[target].amount_minor) * i128::from(new);
        let scaled = (2 * paid + i128::from(old)) / (2 * i128::from(old));
        data.source[source].amount_minor = new;
        data.target[target].amount_minor = i64::try_from(scaled).unwrap_or(new);
    }
    let paired: (HashSet<usize>, HashSet<usize>) = data.truth.iter().copied().unzip();
    for (rows, paired) in [(&mut data.source, paired.0), (&mut data.target, paired.1)] {
        let mut lonely: Vec<usize> = (0..rows.len()).filter(|at| !paired.contains(at)).collect();
        let amounts: Vec<i64> = lonely.iter().map(|at| rows[*at].amount_minor).collect();
        dice.shuffle(&mut lonely);
        for (at, amount) in lonely.into_iter().zip(amounts) {
            rows[at].amount_minor = amount;
        }
    }
}
