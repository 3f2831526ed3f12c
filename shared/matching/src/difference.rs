//! How two outcomes over the same records differ: what a dry run of other rules answers.

use crate::Outcome;
use domain::{matches::Match, money::Currency};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
};

/// A match or a suggestion, as one outcome has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub found: Match,
    /// A person should confirm it.
    pub suggested: bool,
}

/// The same records, judged differently: as a match or as a suggestion, by another rule, with another confidence,
/// margin, evidence or difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub before: Verdict,
    pub after: Verdict,
}

/// Money of automatic matches, summed over their source side, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtRisk {
    /// Matched automatically afterwards, and not before.
    pub added_minor: i128,
    /// Matched automatically before, and not any more.
    pub removed_minor: i128,
}

/// Lists are in order of money, largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Records that were not together before.
    pub added: Vec<Verdict>,
    /// Records that are together no more.
    pub removed: Vec<Verdict>,
    pub changed: Vec<Change>,
    pub at_risk: BTreeMap<Currency, AtRisk>,
}

/// What `after` does otherwise than `before`. Both are outcomes over the same records.
#[must_use]
pub fn difference(before: Outcome, after: Outcome) -> Comparison {
    let mut comparison = Comparison::default();
    let mut old = verdicts(before);
    for (id, after) in verdicts(after) {
        match old.entry(id) {
            Entry::Vacant(_) => comparison.added.push(after),
            Entry::Occupied(known) => {
                let before = known.remove();
                if before != after {
                    comparison.changed.push(Change { before, after });
                }
            }
        }
    }
    comparison.removed = old.into_values().collect();
    let at_risk = &mut comparison.at_risk;
    let mut count = |verdict: &Verdict, other: Option<&Verdict>, is_after: bool| {
        if !verdict.suggested && other.is_none_or(|other| other.suggested) {
            let money = at_risk.entry(verdict.found.currency).or_default();
            let amount = i128::from(verdict.found.amount_minor).abs();
            *if is_after { &mut money.added_minor } else { &mut money.removed_minor } += amount;
        }
    };
    comparison.added.iter().for_each(|added| count(added, None, true));
    comparison.removed.iter().for_each(|removed| count(removed, None, false));
    for Change { before, after } in &comparison.changed {
        count(before, Some(after), false);
        count(after, Some(before), true);
    }
    let size = |found: &Match| (Reverse(found.amount_minor.unsigned_abs()), found.id());
    comparison.added.sort_by_cached_key(|one| size(&one.found));
    comparison.removed.sort_by_cached_key(|one| size(&one.found));
    comparison.changed.sort_by_cached_key(|one| size(&one.after.found));
    comparison
}

fn verdicts(outcome: Outcome) -> BTreeMap<String, Verdict> {
    let suggested = outcome.suggestions.into_iter().map(|found| Verdict { found, suggested: true });
    let matched = outcome.matches.into_iter().map(|found| Verdict { found, suggested: false });
    suggested.chain(matched).map(|verdict| (verdict.found.id(), verdict)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        fields::Fields,
        matches::MatchKind,
        summary::{Difference, RunSummary},
    };

    fn found(source: &str, target: &str, amount_minor: i64) -> Match {
        Match {
            kind: MatchKind::Pair,
            source_ids: vec![source.into()],
            target_ids: vec![target.into()],
            order_names: Vec::new(),
            amount_minor,
            currency: Currency::parse("EUR").unwrap(),
            confidence_bp: 9_000,
            rule: "tolerance@1".into(),
            matched_fields: Fields::default(),
            margin: None,
            difference: Difference::default(),
            cross_period: false,
        }
    }

    fn outcome(matches: &[Match], suggestions: &[Match]) -> Outcome {
        Outcome {
            matches: matches.to_vec(),
            suggestions: suggestions.to_vec(),
            exceptions: Vec::new(),
            exclusions: Vec::new(),
            orders: Vec::new(),
            summary: RunSummary::default(),
            memory: crate::Memory::default(),
        }
    }

    #[test]
    fn what_is_equal_is_no_difference() {
        let same = outcome(&[found("s1", "t1", 100)], &[found("s2", "t2", 5)]);
        assert_eq!(difference(same.clone(), same), Comparison::default());
    }

    #[test]
    fn records_that_part_meet_and_are_judged_anew_are_told_apart() {
        let surer = Match { confidence_bp: 9_900, ..found("s4", "t4", 40) };
        let before =
            outcome(&[found("s1", "t1", 100), found("s2", "t2", -70), found("s4", "t4", 40)], &[found("s3", "t3", 9)]);
        let after = outcome(&[found("s1", "t9", 100), found("s3", "t3", 9), surer], &[found("s2", "t2", -70)]);
        let found = difference(before, after);
        let ids = |verdicts: &[Verdict]| verdicts.iter().map(|one| one.found.target_ids[0].clone()).collect::<Vec<_>>();
        assert_eq!((ids(&found.added), ids(&found.removed)), (vec!["t9".to_owned()], vec!["t1".to_owned()]));
        let changed: Vec<_> = found
            .changed
            .iter()
            .map(|one| (one.after.found.source_ids[0].as_str(), one.before.suggested, one.after.suggested))
            .collect();
        assert_eq!(changed, [("s2", false, true), ("s4", false, false), ("s3", true, false)]);
        let money = found.at_risk.values().copied().collect::<Vec<_>>();
        // Added: s1 with t9, and s3, which was a suggestion; removed: s1 with t1, and s2, which is one now.
        assert_eq!(money, [AtRisk { added_minor: 109, removed_minor: 170 }]);
    }
}
