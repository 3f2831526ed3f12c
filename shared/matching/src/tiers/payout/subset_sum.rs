//! Which of a few amounts add up to another one, given up as soon as there are two ways: then nothing says which is
//! meant. Depth-first over amounts from the largest, cut where what is left cannot reach the rest (Horowitz and Sahni,
//! "Computing Partitions with Applications to the Knapsack Problem", JACM 1974, without the tables).

use crate::table::Ix;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    None,
    One(Vec<Ix>),
    /// The first of at least two.
    Several(Vec<Ix>),
    TooMuchWork,
}

/// Expected number of accidental sums, in ten-thousandths: subsets of at least two and at most `most` of `count`, spread
/// over as many values as the whole has minor units.
pub(super) fn chance_bp(count: usize, most: usize, whole: u64) -> u64 {
    let mut subsets: u128 = 0;
    let mut choose: u128 = 1;
    for size in 1..=most.min(count) {
        choose = choose.saturating_mul((count - size + 1) as u128) / size as u128;
        if size >= 2 {
            subsets = subsets.saturating_add(choose);
        }
    }
    u64::try_from(subsets.saturating_mul(10_000) / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

struct Search<'c> {
    amounts: &'c [(u64, Ix)],
    /// Sum from each position on.
    rests: Vec<u64>,
    most: usize,
    steps: u32,
    chosen: Vec<Ix>,
    first: Option<Vec<Ix>>,
    second: bool,
}

/// Two to `most` of the candidates whose amounts sum to `whole`, looking at `steps` partial sums at most.
pub(super) fn search(whole: u64, candidates: &[(u64, Ix)], most: usize, steps: u32) -> Found {
    let mut amounts = candidates.to_vec();
    amounts.sort_unstable_by_key(|(amount, at)| (std::cmp::Reverse(*amount), *at));
    let mut rests: Vec<u64> = amounts
        .iter()
        .rev()
        .scan(0_u64, |sum, (amount, _)| {
            *sum = sum.saturating_add(*amount);
            Some(*sum)
        })
        .collect();
    rests.reverse();
    let mut search = Search { amounts: &amounts, rests, most, steps, chosen: Vec::new(), first: None, second: false };
    let finished = search.from(0, whole);
    match (search.first, search.second, finished) {
        (Some(first), true, _) => Found::Several(first),
        (_, false, false) => Found::TooMuchWork,
        (Some(first), false, true) => Found::One(first),
        (None, ..) => Found::None,
    }
}

impl Search<'_> {
    /// False when the steps ran out or a second way was found: nothing more is to be learnt.
    fn from(&mut self, place: usize, missing: u64) -> bool {
        if missing == 0 {
            if self.chosen.len() < 2 {
                return true;
            }
            self.second = self.first.is_some();
            if !self.second {
                let mut members = self.chosen.clone();
                members.sort_unstable();
                self.first = Some(members);
            }
            return !self.second;
        }
        if self.chosen.len() == self.most {
            return true;
        }
        for next in place..self.amounts.len() {
            if self.rests.get(next).is_none_or(|rest| *rest < missing) {
                return true;
            }
            let Some(steps) = self.steps.checked_sub(1) else { return false };
            self.steps = steps;
            let Some((amount, at)) = self.amounts.get(next).copied() else { return true };
            if amount > missing {
                continue;
            }
            self.chosen.push(at);
            let go_on = self.from(next + 1, missing - amount);
            self.chosen.pop();
            if !go_on {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(amounts: &[u64]) -> Vec<(u64, Ix)> {
        amounts.iter().copied().zip(0..).collect()
    }

    /// All ways, by trying every subset.
    fn by_force(whole: u64, amounts: &[u64], most: usize) -> Vec<Vec<Ix>> {
        (0_u32..1 << amounts.len())
            .map(|mask| (0..).zip(amounts).filter(|(at, _)| mask >> at & 1 == 1).collect::<Vec<(Ix, &u64)>>())
            .filter(|subset| (2..=most).contains(&subset.len()))
            .filter(|subset| subset.iter().map(|(_, amount)| **amount).sum::<u64>() == whole)
            .map(|subset| subset.into_iter().map(|(at, _)| at).collect())
            .collect()
    }

    proptest! {
        #[test]
        fn finds_what_trying_everything_finds(amounts in prop::collection::vec(1..60_u64, 0..10), whole in 1..200_u64, most in 2..6_usize) {
            let all = by_force(whole, &amounts, most);
            match search(whole, &places(&amounts), most, u32::MAX) {
                Found::None => prop_assert!(all.is_empty()),
                Found::One(members) => prop_assert_eq!(all, vec![members]),
                Found::Several(first) => prop_assert!(all.len() >= 2 && all.contains(&first)),
                Found::TooMuchWork => prop_assert!(false, "no limit was set"),
            }
        }
    }

    #[test]
    fn stops_at_the_second_way() {
        // 40 equal amounts have more ways than anyone could list.
        let amounts = vec![100; 40];
        assert!(matches!(search(2_000, &places(&amounts), 20, 1_000), Found::Several(_)));
    }

    #[test]
    fn says_when_it_was_too_much_work() {
        let amounts: Vec<u64> = (1..=40).map(|n| 2 * n).collect();
        assert_eq!(search(801, &places(&amounts), 20, 10_000), Found::TooMuchWork);
    }

    #[test]
    fn chance_counts_subsets_over_values() {
        // C(4,2) + C(4,3) + C(4,4) = 11 of 1,100 values.
        assert_eq!(chance_bp(4, 12, 1_100), 100);
        assert_eq!(chance_bp(4, 2, 600), 100);
        assert_eq!(chance_bp(200, 64, 1), u64::MAX);
    }
}
