//! Who belongs to whom, and what the engine said, in one form for shops and bank files.

use super::Fallible;
use domain::matches::{Match, MatchKind};
use matching::Outcome;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

#[derive(Debug, Default)]
pub struct Truth {
    pub targets_of: HashMap<String, HashSet<String>>,
    pub sources_of: HashMap<String, HashSet<String>>,
    /// Number of the interchangeable group of a record.
    pub group_of: HashMap<String, usize>,
    pub reasons: HashMap<String, String>,
    /// Records without a partner.
    pub alone: HashSet<String>,
    pub edges: usize,
}

fn list<'v>(of: &'v Value, name: &str) -> Fallible<&'v Vec<Value>> {
    Ok(of.get(name).and_then(Value::as_array).ok_or_else(|| format!("no `{name}`"))?)
}

fn texts(of: Option<&Value>) -> impl Iterator<Item = String> + '_ {
    of.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

impl Truth {
    pub fn add(&mut self, source: String, target: String) {
        self.sources_of.entry(target.clone()).or_default().insert(source.clone());
        self.targets_of.entry(source).or_default().insert(target);
        self.edges += 1;
    }

    pub fn of_sandbox(value: &Value) -> Fallible<Self> {
        let mut truth = Self::default();
        for pair in list(value, "pairs")? {
            let mut ids = texts(Some(pair));
            if let (Some(source), Some(target)) = (ids.next(), ids.next()) {
                truth.add(source, target);
            }
        }
        for (number, group) in list(value, "interchangeable")?.iter().enumerate() {
            let members = [0, 1].into_iter().flat_map(|side| texts(group.get(side)));
            truth.group_of.extend(members.map(|id| (id, number)));
        }
        for class in ["source_only", "target_only"] {
            truth.alone.extend(texts(value.get(class)));
        }
        let reasons = value.get("reasons").and_then(Value::as_object).into_iter().flatten();
        truth.reasons = reasons.filter_map(|(id, reason)| Some((id.clone(), reason.as_str()?.to_owned()))).collect();
        Ok(truth)
    }

    /// The two belong together, or to partners that nobody could tell from theirs.
    pub fn right(&self, source: &str, target: &str) -> bool {
        let same = |group: &usize| self.group_of.get(target) == Some(group);
        self.targets_of.get(source).is_some_and(|targets| targets.contains(target))
            || self.group_of.get(source).is_some_and(same)
    }
}

/// What the engine put together.
#[derive(Debug, Clone)]
pub struct Found {
    pub kind: MatchKind,
    pub sources: Vec<String>,
    pub targets: Vec<String>,
    pub automatic: bool,
    pub confidence_bp: u32,
    pub rule: String,
    /// Value in minor units, and the currency in which it is counted.
    pub amount_minor: i64,
    pub currency: String,
}

impl Found {
    pub fn of(outcome: &Outcome) -> Vec<Self> {
        let one = |found: &Match, automatic: bool| Self {
            kind: found.kind,
            sources: found.source_ids.clone(),
            targets: found.target_ids.clone(),
            automatic,
            confidence_bp: u32::from(found.confidence_bp),
            rule: found.rule.to_string(),
            amount_minor: found.amount_minor,
            currency: found.currency.code().to_owned(),
        };
        let automatic = outcome.matches.iter().map(|found| one(found, true));
        automatic.chain(outcome.suggestions.iter().map(|found| one(found, false))).collect()
    }

    /// Its edges with whether each is right. In a set, which belongs to which does not matter.
    pub fn edges(&self, truth: &Truth) -> Vec<(String, String, bool)> {
        if self.kind == MatchKind::Set {
            let paired = self.sources.iter().zip(&self.targets);
            let among = |source: &String| self.targets.iter().any(|target| truth.right(source, target));
            return paired.map(|(source, target)| (source.clone(), target.clone(), among(source))).collect();
        }
        let mut edges = Vec::new();
        for source in &self.sources {
            for target in &self.targets {
                edges.push((source.clone(), target.clone(), truth.right(source, target)));
            }
        }
        edges
    }
}
