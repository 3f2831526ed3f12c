//! The tables under which the comparisons are likeliest. The only floats of the crate: they make a proposal, never a
//! decision.
#![expect(clippy::float_arithmetic, reason = "logarithms of a proposal that a person reads; runs use its integers")]

use super::Compared;
use crate::{
    rules::{TextWeight, Weights},
    scoring::{AmountLevel, TextLevel},
};
use std::collections::HashMap;

/// Pairs' worth of belief in the tables learnt from: what the data say nothing about stays.
const PRIOR_PAIRS: f64 = 5.0;
/// A level never seen is not impossible.
const LEAST_SHARE: f64 = 1.0 / 16_384.0;
const MAX_ROUNDS: usize = 40;
/// Millibits that no table moves by any more.
const SETTLED: i64 = 5;

pub(super) fn maximise(compared: &[Compared], start: &Weights, labelled: bool) -> (Weights, usize) {
    let mut weights = start.clone();
    if compared.is_empty() {
        return (weights, 0);
    }
    for round in 1..=MAX_ROUNDS {
        let chances: Vec<f64> = if labelled {
            compared.iter().map(|pair| f64::from(u8::from(pair.labelled))).collect()
        } else {
            expect(compared, &weights)
        };
        let next = count(compared, &chances, start);
        let moved = distance(&weights, &next);
        weights = next;
        if labelled || moved <= SETTLED {
            return (weights, round);
        }
    }
    (weights, MAX_ROUNDS)
}

/// Probability of each candidate, among all candidates of its two records and neither having a partner.
fn expect(compared: &[Compared], weights: &Weights) -> Vec<f64> {
    let table = weights.text_table();
    let odds: Vec<f64> = compared
        .iter()
        .map(|pair| {
            let text = table[pair.weighed.text.index()];
            let amount = match pair.weighed.amount {
                AmountLevel::Equal => weights.amount.first().map_or(0, |level| level.share),
                AmountLevel::AgreedFee(_) => weights.agreed_fee,
                AmountLevel::AgreedRate => weights.agreed_rate,
                AmountLevel::Band(place) => weights.amount.get(place).map_or(0, |level| level.share),
            };
            let time = weights.time.get(pair.weighed.time).map_or(0, |level| level.share);
            let weight = weights.partner + text.share - text.random_share + amount + time + pair.weighed.rest;
            // Beyond 60 bits nothing changes.
            2_f64.powf((weight as f64 / 1_000.0).clamp(-60.0, 60.0))
        })
        .collect();
    let mut of_source: HashMap<u32, f64> = HashMap::new();
    let mut of_target: HashMap<u32, f64> = HashMap::new();
    for (pair, odds) in compared.iter().zip(&odds) {
        *of_source.entry(pair.source).or_default() += odds;
        *of_target.entry(pair.target).or_default() += odds;
    }
    compared
        .iter()
        .zip(&odds)
        .map(|(pair, odds)| {
            let around = |sums: &HashMap<u32, f64>, at: u32| sums.get(&at).copied().unwrap_or(0.0);
            odds / (1.0 + around(&of_source, pair.source) + around(&of_target, pair.target) - odds).max(*odds)
        })
        .collect()
}

fn count(compared: &[Compared], chances: &[f64], start: &Weights) -> Weights {
    let mut weights = start.clone();
    let whole: f64 = chances.iter().sum();
    let all = || compared.iter().zip(chances.iter().copied());
    let sum =
        |of: &dyn Fn(&Compared) -> bool| all().filter(|(pair, _)| of(pair)).map(|(_, chance)| chance).sum::<f64>();
    for (place, level) in weights.time.iter_mut().enumerate() {
        level.share = share(sum(&|pair| pair.weighed.time == place), whole, level.share);
    }
    for (place, level) in weights.amount.iter_mut().enumerate() {
        let is = |pair: &Compared| match pair.weighed.amount {
            AmountLevel::Equal => place == 0,
            AmountLevel::Band(band) => band == place,
            AmountLevel::AgreedFee(_) | AmountLevel::AgreedRate => false,
        };
        level.share = share(sum(&is), whole, level.share);
    }
    let fee = |pair: &Compared| matches!(pair.weighed.amount, AmountLevel::AgreedFee(_));
    if compared.iter().any(fee) {
        weights.agreed_fee = share(sum(&fee), whole, start.agreed_fee);
    }
    let rate = |pair: &Compared| pair.weighed.amount == AmountLevel::AgreedRate;
    if compared.iter().any(rate) {
        weights.agreed_rate = share(sum(&rate), whole, start.agreed_rate);
    }
    let alike = |level: TextLevel| !matches!(level, TextLevel::Missing | TextLevel::SharedWord | TextLevel::Different);
    let random_whole: f64 = all().filter(|(pair, _)| alike(pair.weighed.text)).map(|(_, chance)| 1.0 - chance).sum();
    // A side without texts says nothing about texts.
    let with_text = whole - sum(&|pair| pair.weighed.text == TextLevel::Missing);
    for level in TextLevel::ALL.into_iter().filter(|level| *level != TextLevel::Missing) {
        let before = start.text.get(&level).copied().unwrap_or(TextWeight { share: 0, random_share: 0 });
        let is = |pair: &Compared| pair.weighed.text == level;
        let random: f64 = all().filter(|(pair, _)| is(pair)).map(|(_, chance)| 1.0 - chance).sum();
        let random_share = if alike(level) { share(random, random_whole, before.random_share) } else { 0 };
        weights.text.insert(level, TextWeight { share: share(sum(&is), with_text, before.share), random_share });
    }
    weights
}

/// Thousandths of the logarithm of a share, pulled towards what was believed before.
fn share(part: f64, whole: f64, before: i64) -> i64 {
    let believed = PRIOR_PAIRS * 2_f64.powf(before as f64 / 1_000.0);
    let share = ((part + believed) / (whole + PRIOR_PAIRS)).clamp(LEAST_SHARE, 1.0);
    (share.log2() * 1_000.0).round() as i64
}

/// The largest change of any share.
fn distance(a: &Weights, b: &Weights) -> i64 {
    let times = a.time.iter().zip(&b.time).map(|(a, b)| a.share - b.share);
    let amounts = a.amount.iter().zip(&b.amount).map(|(a, b)| a.share - b.share);
    let (left, right) = (a.text_table(), b.text_table());
    let texts = left.iter().zip(&right).flat_map(|(a, b)| [a.share - b.share, a.random_share - b.random_share]);
    times.chain(amounts).chain(texts).map(i64::abs).max().unwrap_or(0)
}
