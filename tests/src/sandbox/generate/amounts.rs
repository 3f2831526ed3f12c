//! Prices, and the promise that some of them stay unique.
//!
//! A record without any reference or without a partner can only be judged by its amount, so such an amount is never given twice:
//! otherwise the truth could not be found by anyone.

use std::collections::HashSet;

use crate::sandbox::random::Random;

#[derive(Debug, Default)]
pub struct Amounts {
    seen: HashSet<i64>,
    reserved: HashSet<i64>,
}

impl Amounts {
    fn draw(random: &mut Random) -> i64 {
        if random.percent(70) { random.within(800, 9_000) } else { random.within(9_000, 35_000) }
    }

    /// An everyday price that others may have as well.
    pub fn ordinary(&mut self, random: &mut Random) -> i64 {
        loop {
            let amount = Self::draw(random);
            if !self.reserved.contains(&amount) {
                self.seen.insert(amount);
                return amount;
            }
        }
    }

    /// A price that nothing else has had and nothing else will have.
    pub fn unique(&mut self, random: &mut Random) -> i64 {
        let mut widened = 0;
        loop {
            let amount = Self::draw(random) + widened;
            if self.seen.insert(amount) {
                self.reserved.insert(amount);
                return amount;
            }
            widened += random.within(0, 2_000);
        }
    }

    /// A part of `whole` that is nobody's reserved price.
    pub fn part(&mut self, whole: i64, low_percent: i64, high_percent: i64, random: &mut Random) -> i64 {
        loop {
            let amount = random.within(whole * low_percent / 100, whole * high_percent / 100).max(1);
            let rest = whole - amount;
            if !self.reserved.contains(&amount) && !self.reserved.contains(&rest) && amount != rest {
                self.seen.insert(amount);
                self.seen.insert(rest);
                return amount;
            }
        }
    }

    /// For amounts that come about by arithmetic.
    pub fn note(&mut self, amount: i64) -> bool {
        let free = !self.reserved.contains(&amount);
        self.seen.insert(amount);
        free
    }
}
