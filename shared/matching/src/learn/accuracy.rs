//! How right an outcome is, against pairs known to be right.

use crate::Outcome;
use domain::matches::{Match, MatchKind};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Shares in hundred-thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Known pairs.
    pub known: usize,
    /// Matches and suggestions together.
    pub precision: u32,
    pub recall: u32,
    pub f1: u32,
    /// Of matches alone.
    pub automatic_precision: u32,
    pub automatic_wrong: usize,
    /// Known pairs that were matched automatically.
    pub coverage: u32,
    pub suggestions_right: u32,
    /// Mean distance of what was claimed from what was right, over twentieths of confidence.
    pub calibration_error: u32,
}

const WHOLE: u64 = 100_000;
const BINS: usize = 20;

#[derive(Default, Clone, Copy)]
struct Hits {
    right: u64,
    all: u64,
    claimed_bp: u64,
}

/// Compares an outcome with what is known; a group counts each pair of members, a set its members in order.
#[must_use]
pub fn accuracy(outcome: &Outcome, known: &[(String, String)]) -> Accuracy {
    let truth: HashSet<(&str, &str)> =
        known.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect();
    let mut automatic = Hits::default();
    let mut suggested = Hits::default();
    let mut bins = [Hits::default(); BINS];
    let all =
        outcome.matches.iter().map(|found| (found, true)).chain(outcome.suggestions.iter().map(|found| (found, false)));
    for (found, is_automatic) in all {
        for pair in pairs(found) {
            let right = u64::from(truth.contains(&pair));
            let own = if is_automatic { &mut automatic } else { &mut suggested };
            let bin = bins.get_mut(usize::from(found.confidence_bp) * BINS / 10_001);
            for hits in [Some(own), bin].into_iter().flatten() {
                hits.right += right;
                hits.all += 1;
                hits.claimed_bp += u64::from(found.confidence_bp);
            }
        }
    }
    let (right, found, there) = (automatic.right + suggested.right, automatic.all + suggested.all, truth.len() as u64);
    let off: u64 = bins.iter().map(|bin| (bin.right * 10_000).abs_diff(bin.claimed_bp)).sum();
    Accuracy {
        known: truth.len(),
        precision: share(right, found),
        recall: share(right, there),
        f1: share(2 * right, found + there),
        automatic_precision: share(automatic.right, automatic.all),
        automatic_wrong: usize::try_from(automatic.all - automatic.right).unwrap_or(usize::MAX),
        coverage: share(automatic.right, there),
        suggestions_right: share(suggested.right, suggested.all),
        calibration_error: share(off, found * 10_000),
    }
}

/// Nothing out of nothing is all of it.
fn share(part: u64, whole: u64) -> u32 {
    (part * WHOLE).checked_div(whole).map_or(100_000, |share| u32::try_from(share).unwrap_or(u32::MAX))
}

fn pairs(found: &Match) -> Vec<(&str, &str)> {
    let (sources, targets) = (&found.source_ids, &found.target_ids);
    match found.kind {
        MatchKind::Set => sources.iter().map(String::as_str).zip(targets.iter().map(String::as_str)).collect(),
        MatchKind::Pair | MatchKind::Group => sources
            .iter()
            .flat_map(|source| targets.iter().map(move |target| (source.as_str(), target.as_str())))
            .collect(),
    }
}
