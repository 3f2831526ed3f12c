//! How common things are in a pool: what chance could produce by itself. Both sides are counted together, so the two
//! sides can be exchanged without changing a weight.

use super::{
    bits::{Millibits, log2},
    columns::{Node, Pool},
};
use crate::table::NONE;
use std::collections::HashMap;

/// Amounts this far around one's own say how dense amounts are there, in percent.
const AMOUNT_BAND_PERCENT: i64 = 5;
/// Days around one's own that say how dense the time is there.
const TIME_BAND_DAYS: i64 = 10;
const DAY_MINUTES: i64 = 1_440;
/// A person's value is judged as if at least so many people could have come: a file of ten rows does not make an e-mail
/// address a coincidence.
const LEAST_POPULATION: u64 = 1_000;

#[derive(Debug)]
pub(crate) struct Census {
    /// Records of both sides.
    records: u64,
    /// Up to and with each distinct text, how many records have it or one before it.
    text_sums: Vec<u32>,
    /// Sorted absolute amounts.
    amounts: Vec<u64>,
    /// Sorted minutes.
    minutes: Vec<i64>,
    emails: HashMap<u32, u32>,
    last4s: HashMap<u32, u32>,
    names: HashMap<u32, u32>,
    words: HashMap<String, u32>,
}

impl Census {
    pub fn of(pool: &Pool<'_>) -> Self {
        let all = || pool.sources.iter().chain(&pool.targets);
        let records = all().count() as u64;
        let mut held = vec![0_u32; pool.texts.len()];
        for node in all() {
            if let Some(count) = held.get_mut(node.text as usize) {
                *count += 1;
            }
        }
        let mut words: HashMap<String, u32> = HashMap::new();
        for (text, count) in pool.texts.iter().zip(&held) {
            let mut own: Vec<&str> = text.words.split(' ').collect();
            own.sort_unstable();
            own.dedup();
            for word in own {
                *words.entry(word.to_owned()).or_default() += count;
            }
        }
        let mut sum = 0;
        let text_sums = held
            .into_iter()
            .map(|count| {
                sum += count;
                sum
            })
            .collect();
        let mut amounts: Vec<u64> = all().map(|node| node.amount.unsigned_abs()).collect();
        amounts.sort_unstable();
        let mut minutes: Vec<i64> = all().map(|node| node.minute).collect();
        minutes.sort_unstable();
        let count = |value: fn(&Node) -> u32| {
            let mut counts: HashMap<u32, u32> = HashMap::new();
            for value in all().map(value).filter(|value| *value != NONE) {
                *counts.entry(value).or_default() += 1;
            }
            counts
        };
        let (emails, last4s, names) = (count(|node| node.email), count(|node| node.last4), count(|node| node.name));
        Self { records, text_sums, amounts, minutes, emails, last4s, names, words }
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    /// Records whose text begins with the first `common` bytes of this one.
    pub fn beginning(&self, pool: &Pool<'_>, text: u32, common: usize) -> u64 {
        let Some(start) = pool.texts.get(text as usize).and_then(|text| text.words.get(..common)) else { return 0 };
        let first = pool.texts.partition_point(|other| other.words.as_str() < start);
        let rest = pool.texts.get(first..).unwrap_or_default();
        let end = first + rest.partition_point(|other| other.words.starts_with(start));
        let up_to = |place: usize| {
            place.checked_sub(1).and_then(|last| self.text_sums.get(last)).map_or(0, |sum| u64::from(*sum))
        };
        up_to(end) - up_to(first)
    }

    /// Records that have this word in their text.
    pub fn word(&self, word: &str) -> u64 {
        self.words.get(word).map_or(0, |count| u64::from(*count))
    }

    /// Expected records of the other side among `count` of both, the two that are compared not counted; never nothing,
    /// because what was not seen may still happen.
    pub fn expected(count: u64) -> Millibits {
        log2((2 * count).saturating_sub(3).max(1)) - 2_000
    }

    /// Records within five percent of an amount.
    pub fn near_amount(&self, amount: i64) -> u64 {
        let amount = i128::from(amount.unsigned_abs());
        let band = amount * i128::from(AMOUNT_BAND_PERCENT);
        let low = self.amounts.partition_point(|other| i128::from(*other) * 100 < amount * 100 - band);
        let high = self.amounts.partition_point(|other| i128::from(*other) * 100 <= amount * 100 + band);
        (high - low) as u64
    }

    /// Records of exactly this amount.
    pub fn same_amount(&self, amount: i64) -> u64 {
        let amount = amount.unsigned_abs();
        let low = self.amounts.partition_point(|other| *other < amount);
        let high = self.amounts.partition_point(|other| *other <= amount);
        (high - low) as u64
    }

    /// Records within ten days of a minute.
    pub fn near_time(&self, minute: i64) -> u64 {
        let band = TIME_BAND_DAYS * DAY_MINUTES;
        let low = self.minutes.partition_point(|other| *other < minute - band);
        let high = self.minutes.partition_point(|other| *other <= minute + band);
        (high - low) as u64
    }

    /// Share of all records that differ from a near amount by a band `ppm` wide, where `near` were counted.
    pub fn amount_share(&self, near: u64, ppm: u64) -> Millibits {
        let whole = 2 * 10_000 * AMOUNT_BAND_PERCENT.unsigned_abs();
        (self.share(near) + log2(ppm) - log2(whole)).min(0)
    }

    /// Share of all records with exactly this amount, as smooth as amounts around it or as often as it was seen.
    pub fn equal_share(&self, near: u64, amount: i64) -> Millibits {
        let width = (amount.unsigned_abs() / (100 / (2 * AMOUNT_BAND_PERCENT.unsigned_abs()))).max(1);
        let smooth = self.share(near) - log2(width);
        let seen = self.same_amount(amount).saturating_sub(2);
        let counted = if seen == 0 { smooth } else { log2(seen) - log2(self.records) };
        smooth.max(counted).min(0)
    }

    /// Share of all records in a stretch of `minutes`, where `near` were counted.
    pub fn time_share(&self, near: u64, minutes: u64) -> Millibits {
        let whole = (2 * TIME_BAND_DAYS + 1) * DAY_MINUTES;
        (log2(near) - log2(self.records) + log2(minutes) - log2(whole.unsigned_abs())).min(0)
    }

    pub fn email_share(&self, value: u32) -> Millibits {
        self.person_share(&self.emails, value)
    }

    pub fn last4_share(&self, value: u32) -> Millibits {
        self.person_share(&self.last4s, value)
    }

    pub fn name_share(&self, value: u32) -> Millibits {
        self.person_share(&self.names, value)
    }

    fn person_share(&self, counts: &HashMap<u32, u32>, value: u32) -> Millibits {
        let holders = counts.get(&value).map_or(0, |count| u64::from(*count));
        let population = self.records.max(LEAST_POPULATION);
        (log2((2 * holders).saturating_sub(3).max(1)) - 1_000 - log2(population)).min(0)
    }

    fn share(&self, near: u64) -> Millibits {
        log2(near.saturating_sub(1).max(1)) - log2(self.records)
    }
}
