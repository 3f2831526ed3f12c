//! How often each rule is right, beside how sure it says that it is: what confidences are calibrated by.

use super::{
    figures::percent,
    table,
    truth::{Found, Truth},
};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Tally {
    matches: usize,
    right: usize,
    confidence_bp: u128,
}

/// By rule, over as many shops as were counted.
#[derive(Debug, Default)]
pub struct ByRule(BTreeMap<String, Tally>);

impl ByRule {
    pub fn count(&mut self, found: &[Found], truth: &Truth) {
        for one in found {
            let tally = self.0.entry(one.rule.clone()).or_default();
            tally.matches += 1;
            tally.right += usize::from(one.edges(truth).iter().all(|(.., right)| *right));
            tally.confidence_bp += u128::from(one.confidence_bp);
        }
    }

    /// Rules by what their confidence is off, weighted by how often they were used.
    pub fn table(&self) -> String {
        let off = |tally: &Tally| (tally.right as u128 * 10_000).abs_diff(tally.confidence_bp);
        let mut sorted: Vec<(&String, &Tally)> = self.0.iter().collect();
        sorted.sort_by_key(|(rule, tally)| (std::cmp::Reverse(off(tally)), *rule));
        let row = |(rule, tally): (&String, &Tally)| {
            vec![
                rule.clone(),
                tally.matches.to_string(),
                table::ratio(tally.confidence_bp, tally.matches as u128 * 100),
                percent(tally.right, tally.matches),
            ]
        };
        let rows: Vec<Vec<String>> = sorted.into_iter().map(row).collect();
        table::markdown(&["rule", "matches", "says %", "is right %"], &rows)
    }
}
