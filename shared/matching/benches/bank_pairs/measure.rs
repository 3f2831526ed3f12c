//! What was right, against the truth. A group or set counts each of its edges as `settler match` writes them.

use super::data::{Data, id};
use domain::{
    matches::{Match, MatchKind},
    record::Side,
};
use matching::Outcome;
use std::{collections::HashSet, time::Duration};

#[derive(Debug, Default, Clone, Copy)]
struct Hits {
    right: usize,
    all: usize,
}

impl Hits {
    fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.all += 1;
    }
}

#[derive(Debug)]
pub struct Measured {
    truth: usize,
    automatic: Hits,
    suggested: Hits,
    /// By tenths of confidence, twentieths above nine tenths: hits and the sum of confidences.
    bins: Vec<(Hits, u64)>,
}

const BINS: usize = 20;

impl Measured {
    pub const HEADER: &'static str = "| data | records | precision | recall | F1 | automatic precision | wrong | coverage | suggestions right | calibration error | time |\n|---|---|---|---|---|---|---|---|---|---|---|";

    pub fn of(data: &Data, outcome: &Outcome) -> Self {
        let truth: HashSet<(String, String)> =
            data.truth.iter().map(|(source, target)| (id(Side::Source, *source), id(Side::Target, *target))).collect();
        let mut measured = Self {
            truth: truth.len(),
            automatic: Hits::default(),
            suggested: Hits::default(),
            bins: vec![(Hits::default(), 0); BINS],
        };
        for (found, automatic) in outcome
            .matches
            .iter()
            .map(|found| (found, true))
            .chain(outcome.suggestions.iter().map(|found| (found, false)))
        {
            for edge in edges(found) {
                let right = truth.contains(&edge);
                let hits = if automatic { &mut measured.automatic } else { &mut measured.suggested };
                hits.add(right);
                let place = usize::from(found.confidence_bp) * BINS / 10_001;
                if let Some(bin) = measured.bins.get_mut(place) {
                    bin.0.add(right);
                    bin.1 += u64::from(found.confidence_bp);
                }
            }
        }
        measured
    }

    pub fn row(&self, name: &str, time: Duration) -> String {
        let all =
            Hits { right: self.automatic.right + self.suggested.right, all: self.automatic.all + self.suggested.all };
        // Hundred-thousandths: F1 is twice the right ones over all that were found and all there are.
        let calibration: u64 = self
            .bins
            .iter()
            .map(|(hits, sum)| (hits.right as u64 * 10_000).abs_diff(*sum))
            .sum::<u64>()
            .checked_mul(10)
            .map_or(0, |off| off / (all.all.max(1) as u64));
        format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} ms |",
            self.truth,
            share(all.right, all.all),
            share(all.right, self.truth),
            share(2 * all.right, all.all + self.truth),
            share(self.automatic.right, self.automatic.all),
            self.automatic.all - self.automatic.right,
            share(self.automatic.right, self.truth),
            share(self.suggested.right, self.suggested.all),
            decimal(calibration),
            time.as_millis(),
        )
    }
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { decimal(part as u64 * 100_000 / whole as u64) }
}

fn decimal(hundred_thousandths: u64) -> String {
    format!("{}.{:05}", hundred_thousandths / 100_000, hundred_thousandths % 100_000)
}

fn edges(found: &Match) -> Vec<(String, String)> {
    match found.kind {
        MatchKind::Set => found.source_ids.iter().cloned().zip(found.target_ids.iter().cloned()).collect(),
        MatchKind::Pair | MatchKind::Group => found
            .source_ids
            .iter()
            .flat_map(|source| found.target_ids.iter().map(move |target| (source.clone(), target.clone())))
            .collect(),
    }
}
