//! The weight of one pair: what its comparison is worth, less what chance would produce.

use super::{
    bits::{Millibits, log2},
    census::Census,
    columns::{Node, Pool},
    compare::{TextLevel, begins_alike, common_start, relation},
};
use crate::{
    board::field,
    rules::{RuleSet, TextWeight, TimeLevel},
    table::NONE,
};
use domain::summary::Difference;

const DAY_MINUTES: i64 = 1_440;
const MILLION: u128 = 1_000_000;

/// How two amounts compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AmountLevel {
    Equal,
    /// Position of a fee schedule of the rules.
    AgreedFee(usize),
    /// Within the pool's FX band.
    AgreedRate,
    /// Position of a band of the rules' table.
    Band(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighed {
    pub weight: Millibits,
    /// Position in the rules' table.
    pub time: usize,
    pub amount: AmountLevel,
    pub text: TextLevel,
    /// What no table decides: people's values, less what chance produces. For learning.
    pub rest: Millibits,
    /// What agrees, as bits of [`field`].
    pub fields: u16,
}

/// Weighs the pairs of one pool.
#[derive(Debug)]
pub(crate) struct Scorer<'p> {
    pool: &'p Pool<'p>,
    rules: &'p RuleSet,
    census: Census,
    texts: [TextWeight; TextLevel::ALL.len()],
    /// Near amounts and near times, by position of the side's node.
    near: [Vec<(u64, u64)>; 2],
}

/// Positions of a source and a target in the pool.
pub(crate) type Pair = (usize, usize);

impl<'p> Scorer<'p> {
    pub fn new(pool: &'p Pool<'p>, rules: &'p RuleSet) -> Self {
        let census = Census::of(pool);
        let near = [&pool.sources, &pool.targets].map(|side| {
            side.iter().map(|node| (census.near_amount(node.amount), census.near_time(node.minute))).collect()
        });
        Self { pool, rules, census, texts: rules.weights.text_table(), near }
    }

    pub fn census(&self) -> &Census {
        &self.census
    }

    /// The stretch of time that two nodes are apart by, none outside the table.
    pub fn time_level(&self, source: &Node, target: &Node) -> Option<usize> {
        let levels = &self.rules.weights.time;
        let within = |gap: i64| {
            let place = levels.partition_point(|level: &TimeLevel| level.to_minutes <= gap);
            levels.get(place).filter(|level| level.from_minutes <= gap).map(|level| (place, level.share))
        };
        let days = source.whole_day || target.whole_day;
        let gap = |from: i64, to: i64| {
            if days { (to.div_euclid(DAY_MINUTES) - from.div_euclid(DAY_MINUTES)) * DAY_MINUTES } else { to - from }
        };
        // A capture may be compared by when it settled; the reading that is more usual counts.
        let readings = [
            within(gap(source.minute, target.minute)),
            within(gap(source.settled_minute, target.settled_minute)),
            within(gap(source.minute, target.settled_minute)),
            within(gap(source.settled_minute, target.minute)),
        ];
        readings
            .into_iter()
            .flatten()
            .max_by_key(|(place, share)| (*share, std::cmp::Reverse(*place)))
            .map(|(place, _)| place)
    }

    /// Smallest and largest amount that a partner of this one can have, by absolute value.
    pub fn amount_reach(&self, amount: i64) -> (i64, i64) {
        let tolerance = &self.rules.tolerance;
        let whole = i128::from(amount.unsigned_abs());
        // Of the larger of the two amounts, so that exchanging the sides changes nothing.
        let part = |bp: u32| whole * i128::from(bp) / 10_000;
        let beyond = |bp: u32| match 10_000 - i128::from(bp) {
            0 => i128::from(i64::MAX),
            rest => whole * i128::from(bp) / rest,
        };
        // Twice the agreed fee, so that a wrong one is found as what it is.
        let fees = tolerance.fees.iter();
        let fee = fees.map(|fee| 2 * i128::from(fee.of(amount).unsigned_abs()) + i128::from(fee.rounding_minor)).max();
        let (over, under) = match self.pool.band {
            Some(band) => (2 * part(band.band_bp) + 1, 2 * part(band.band_bp) + 1),
            None => (
                beyond(tolerance.over_bp).max(i128::from(tolerance.over_minor)),
                part(tolerance.under_bp).max(i128::from(tolerance.under_minor)).max(fee.unwrap_or(0)),
            ),
        };
        let clamp = |value: i128| i64::try_from(value.max(0)).unwrap_or(i64::MAX);
        (clamp(whole - under), clamp(whole + over))
    }

    fn amount_level(&self, source: &Node, target: &Node) -> Option<AmountLevel> {
        let (a, b) = (i128::from(source.amount.unsigned_abs()), i128::from(target.amount.unsigned_abs()));
        let gap = (b - a).unsigned_abs();
        if let Some(band) = self.pool.band {
            let allowed = (a.unsigned_abs() * u128::from(band.band_bp) / 10_000).max(1);
            if gap <= allowed {
                return Some(AmountLevel::AgreedRate);
            }
        } else if gap == 0 {
            return Some(AmountLevel::Equal);
        } else if let Some(fee) = self.agreed_fee(source, target) {
            return Some(AmountLevel::AgreedFee(fee));
        }
        let ppm = gap * MILLION / a.max(b).unsigned_abs().max(1);
        let levels = &self.rules.weights.amount;
        // Within the absolute tolerance a small amount may be further off than the last band.
        let place =
            levels.partition_point(|level| u128::from(level.up_to_ppm) < ppm).min(levels.len().saturating_sub(1));
        // Equality has its own level even where a tiny difference rounds to nothing.
        levels.get(place.max(1)).map(|_| AmountLevel::Band(place.max(1)))
    }

    fn agreed_fee(&self, source: &Node, target: &Node) -> Option<usize> {
        let currency_fits =
            |fee: &crate::rules::FeeSchedule| fee.currency.is_none_or(|currency| self.pool.currency == Some(currency));
        self.rules.tolerance.fees.iter().position(|fee| {
            let expected = source.amount.saturating_sub(fee.of(source.amount));
            currency_fits(fee) && target.amount.abs_diff(expected) <= fee.rounding_minor.unsigned_abs()
        })
    }

    /// The text relation of a pair and how many records begin alike.
    fn text_level(&self, source: &Node, target: &Node) -> (TextLevel, u64) {
        let all = self.census.records();
        let (Some(a), Some(b)) = (self.pool.text(source), self.pool.text(target)) else {
            return (TextLevel::Missing, all);
        };
        let common = common_start(&a.words, &b.words);
        let alike = begins_alike(&a.words, &b.words, common);
        if alike {
            let level = relation(a, b, common, &self.pool.fillers);
            if level != TextLevel::WordsDiffer {
                return (level, self.census.beginning(self.pool, source.text, common));
            }
        }
        // Words behind different beginnings, or behind a common one such as "card payment to".
        let from = if alike { common } else { 0 };
        let rest = |text: &'p str| text.get(from..).unwrap_or_default();
        match self.rarest_shared_word(rest(&a.words), rest(&b.words)) {
            Some(count) => (TextLevel::SharedWord, count),
            None if alike => (TextLevel::WordsDiffer, self.census.beginning(self.pool, source.text, common)),
            None => (TextLevel::Different, all),
        }
    }

    /// How many records have the rarest word that both have; none where every shared word is common or short.
    fn rarest_shared_word(&self, a: &str, b: &str) -> Option<u64> {
        let other: Vec<&str> = b.split(' ').collect();
        a.split(' ')
            .filter(|word| self.is_telling(word) && other.contains(word))
            .map(|word| self.census.word(word))
            .min()
    }

    /// Whether a word may join two texts that begin differently.
    pub fn is_telling(&self, word: &str) -> bool {
        /// Shorter words are initials and codes.
        const SHORTEST: usize = 4;
        /// One record in a hundred, but never fewer than twenty, may have it.
        const COMMON_SHARE: u64 = 100;
        const COMMON_LEAST: u64 = 20;
        word.chars().count() >= SHORTEST
            && !self.pool.fillers.has(word)
            && self.census.word(word) <= (self.census.records() / COMMON_SHARE).max(COMMON_LEAST)
    }

    /// The weight of a pair; none where time or amount lie outside the tables.
    pub fn weigh(&self, (source_at, target_at): Pair) -> Option<Weighed> {
        let (source, target) = (self.pool.sources.get(source_at)?, self.pool.targets.get(target_at)?);
        let weights = &self.rules.weights;
        let (low, high) = self.amount_reach(source.amount);
        let size = i64::try_from(target.amount.unsigned_abs()).unwrap_or(i64::MAX);
        if size < low || size > high {
            return None;
        }
        let time = self.time_level(source, target)?;
        let amount = self.amount_level(source, target)?;
        let (text, begins) = self.text_level(source, target);
        let near = self.near.each_ref();
        let near = near[0].get(source_at).zip(near[1].get(target_at))?;
        let near_amount = (near.0.0 + near.1.0) / 2;
        let near_time = (near.0.1 + near.1.1) / 2;
        let stretch = weights.time.get(time)?;
        let minutes = (stretch.to_minutes - stretch.from_minutes).unsigned_abs();
        let for_text = self.texts[text.index()];
        let (for_amount, by_chance) = match amount {
            AmountLevel::Equal => {
                let middle = source.amount;
                (weights.amount.first()?.share, self.census.equal_share(near_amount, middle))
            }
            AmountLevel::AgreedFee(fee) => {
                let wide = 1 + 2 * self.rules.tolerance.fees.get(fee)?.rounding_minor.unsigned_abs();
                (weights.agreed_fee, (self.census.equal_share(near_amount, target.amount) + log2(wide)).min(0))
            }
            AmountLevel::AgreedRate => {
                let ppm = 2 * 100 * u64::from(self.pool.band?.band_bp).max(1);
                (weights.agreed_rate, self.census.amount_share(near_amount, ppm))
            }
            AmountLevel::Band(place) => {
                let below =
                    place.checked_sub(1).and_then(|below| weights.amount.get(below)).map_or(0, |level| level.up_to_ppm);
                let level = weights.amount.get(place)?;
                (level.share, self.census.amount_share(near_amount, 2 * u64::from(level.up_to_ppm - below)))
            }
        };
        let chance = Census::expected(begins) + by_chance + self.census.time_share(near_time, minutes);
        let (people, fields) = self.people(source, target);
        let fields = fields
            | if text.agrees() { field::MEMO } else { 0 }
            | if amount == AmountLevel::Equal { field::AMOUNT } else { 0 }
            | field::DATE;
        let rest = people - chance;
        let weight = weights.partner + for_text.share - for_text.random_share + for_amount + stretch.share + rest;
        Some(Weighed { weight, time, amount, text, rest, fields })
    }

    fn people(&self, source: &Node, target: &Node) -> (Millibits, u16) {
        let weights = &self.rules.weights.fields;
        let mut sum = 0;
        let mut fields = 0;
        for (a, b, weight, bit, share) in [
            (
                source.email,
                target.email,
                weights.email,
                field::EMAIL,
                Census::email_share as fn(&Census, u32) -> Millibits,
            ),
            (source.last4, target.last4, weights.last4, field::LAST4, Census::last4_share),
            (source.name, target.name, weights.name, field::NAME, Census::name_share),
        ] {
            if a == NONE || b == NONE {
                continue;
            }
            if a == b {
                sum += weight.agree - share(&self.census, a);
                fields |= bit;
            } else {
                sum += weight.differ;
            }
        }
        (sum, fields)
    }

    /// `target - source`, split by what explains it.
    pub fn difference(&self, source: &Node, target: &Node, amount: AmountLevel, gap: i64) -> Difference {
        let rounding = self.rules.tolerance.rounding_minor.unsigned_abs();
        let stated = |node: &Node| node.fee.is_some_and(|fee| fee != 0 && gap == -fee);
        match amount {
            AmountLevel::Equal => Difference::default(),
            AmountLevel::AgreedFee(_) => Difference { fee: gap, ..Difference::default() },
            _ if self.pool.band.is_some() => Difference { fx: gap, ..Difference::default() },
            _ if gap.unsigned_abs() <= rounding => Difference { rounding: gap, ..Difference::default() },
            _ if stated(source) || stated(target) => Difference { fee: gap, ..Difference::default() },
            _ => Difference { unexplained: gap, ..Difference::default() },
        }
    }
}
