//! Proposes the tables of a rule set from data, offline: `settler rules learn`. Nothing here runs when records are
//! matched; a person reads the proposal and its accuracy and adopts it, or does not.
//!
//! With labels the levels of the labelled pairs are counted. Without, expectation maximisation does the same with
//! probabilities: under the current tables every candidate has odds of being a pair, shares are counted by these, and so
//! on until they stay (Dempster, Laird and Rubin 1977; for record linkage Winkler 1988). A record has one partner at
//! most, so the odds of one record's candidates are weighed against each other. What chance produces is counted in both
//! cases, as in a run.

mod accuracy;
mod maximise;

use crate::{
    ConservationError, RuleSet, RunInput,
    board::Board,
    conservation,
    evidence::parents_differ,
    scoring::{Scorer, Weighed, pools},
    table::Table,
    tiers::tolerance::blocks_of,
};
use serde::Serialize;
use std::collections::HashSet;

pub use accuracy::{Accuracy, accuracy};

/// A proposed rule set. What it is worth is seen by running it: [`crate::reconcile`], then [`accuracy`] against what is known.
#[derive(Debug, Clone, Serialize)]
pub struct Learnt {
    pub rules: RuleSet,
    /// Candidate pairs that were compared.
    pub compared: usize,
    /// Rounds until nothing changed; 1 with labels.
    pub rounds: usize,
}

/// What maximisation needs of a candidate.
#[derive(Debug, Clone, Copy)]
struct Compared {
    source: u32,
    target: u32,
    weighed: Weighed,
    labelled: bool,
}

/// Learns from records, and from pairs of ids known to be right where there are some. Times, bands and levels stay those
/// of `start`; only what they are worth changes.
///
/// # Errors
/// [`ConservationError`] for amounts that cannot be summed.
pub fn learn(
    input: &RunInput,
    start: &RuleSet,
    labels: Option<&[(String, String)]>,
) -> Result<Learnt, ConservationError> {
    conservation::summable(input)?;
    let known: Option<HashSet<(&str, &str)>> =
        labels.map(|labels| labels.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect());
    let compared = compare(input, start, known.as_ref());
    let (weights, rounds) = maximise::maximise(&compared, &start.weights, known.is_some());
    let rules = RuleSet { weights, ..start.clone() };
    Ok(Learnt { rules, compared: compared.len(), rounds })
}

fn compare(input: &RunInput, rules: &RuleSet, known: Option<&HashSet<(&str, &str)>>) -> Vec<Compared> {
    let table = Table::build(input, rules);
    let board = Board::new(&table, rules);
    let mut compared = Vec::new();
    for pool in pools(&board) {
        let scorer = Scorer::new(&pool, rules);
        for pair in blocks_of(&pool, &scorer, rules).pairs {
            let (Some(source), Some(target)) = (pool.sources.get(pair.0), pool.targets.get(pair.1)) else { continue };
            if let Some(weighed) = scorer.weigh(pair).filter(|_| !parents_differ(&board, source.at, target.at)) {
                let ids = (table.record(source.at).id(), table.record(target.at).id());
                let labelled = known.is_some_and(|known| known.contains(&ids));
                compared.push(Compared { source: source.at, target: target.at, weighed, labelled });
            }
        }
    }
    compared
}
