//! Holds a run's matches against the sandbox's truth.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub struct Verdict {
    pub wrong: Vec<String>,
    pub reused: usize,
    /// True edges that were matched automatically.
    pub covered: usize,
    pub edges: usize,
}

impl Verdict {
    /// Share of the true edges that were matched, in hundredths of a percent.
    pub fn coverage_bp(&self) -> usize {
        (self.covered * 10_000).checked_div(self.edges).unwrap_or(10_000)
    }
}

pub fn ids(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap_or(&Vec::new()).iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// A pair or group must be exactly the truth's component; a set must lie within one interchangeable group.
pub fn judge(matches: &[Value], truth: &Value) -> Verdict {
    let mut targets_of = BTreeMap::<String, BTreeSet<String>>::new();
    let mut sources_of = BTreeMap::<String, BTreeSet<String>>::new();
    let edges = truth["pairs"].as_array().unwrap();
    for edge in edges {
        let (source, target) = (edge[0].as_str().unwrap().to_owned(), edge[1].as_str().unwrap().to_owned());
        targets_of.entry(source.clone()).or_default().insert(target.clone());
        sources_of.entry(target).or_default().insert(source);
    }
    let interchangeable: Vec<_> =
        truth["interchangeable"].as_array().unwrap().iter().map(|group| (ids(&group[0]), ids(&group[1]))).collect();
    let mut verdict = Verdict { edges: edges.len(), ..Verdict::default() };
    let mut used = BTreeSet::new();
    for found in matches {
        let (sources, targets) = (ids(&found["source_ids"]), ids(&found["target_ids"]));
        verdict.reused += sources.iter().chain(&targets).filter(|id| !used.insert((*id).clone())).count();
        let right = if found["kind"] == "set" {
            let inside =
                interchangeable.iter().any(|(some, others)| sources.is_subset(some) && targets.is_subset(others));
            let right = inside && sources.len() == targets.len();
            verdict.covered += if right { sources.len() } else { 0 };
            right
        } else {
            let component = component(&sources, &targets_of, &sources_of);
            let expected: BTreeSet<String> =
                component.iter().flat_map(|source| targets_of.get(source).cloned().unwrap_or_default()).collect();
            verdict.covered += sources
                .iter()
                .map(|source| targets_of.get(source).map_or(0, |of| of.intersection(&targets).count()))
                .sum::<usize>();
            !targets.is_empty() && component == sources && expected == targets
        };
        if !right {
            verdict.wrong.push(found.to_string());
        }
    }
    verdict
}

/// All sources that the truth connects with the first of `sources`.
fn component(
    sources: &BTreeSet<String>,
    targets_of: &BTreeMap<String, BTreeSet<String>>,
    sources_of: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = sources.iter().take(1).cloned().collect();
    while let Some(source) = open.pop() {
        if found.insert(source.clone()) {
            let targets = targets_of.get(&source).into_iter().flatten();
            open.extend(targets.flat_map(|target| sources_of.get(target).into_iter().flatten().cloned()));
        }
    }
    found
}
