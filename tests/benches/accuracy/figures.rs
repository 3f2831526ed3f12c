//! The measures of a report, in integers: counts, and shares in hundredths of a percent.

use super::truth::{Found, Truth};
use domain::matches::{Exception, ExceptionClass};
use std::collections::{BTreeMap, HashMap, HashSet};

pub const HEADER: [&str; 17] = [
    "preset",
    "orders",
    "true pairs",
    "wrong auto",
    "auto precision",
    "coverage",
    "precision",
    "recall",
    "F1",
    "suggested",
    "suggestion right",
    "hit@1",
    "hit@3",
    "abstained",
    "reasons right",
    "calibration error",
    "value wrong",
];

pub const LEGEND: &str = "\
All but the counts in percent. `auto precision`: automatic pairs that are right; `coverage`: true pairs that were matched
automatically; `precision`, `recall` and `F1`: matches and suggestions together; `suggestion right`: suggested pairs that
are right; `hit@1`, `hit@3`: of records with a partner that were left open or suggested and got any proposal, those whose
partner is the first, or among the first three; `abstained`: records without a partner that were left open; `reasons
right`: of those, the ones whose reason is the true one; `calibration error`: expected difference between confidence and
truth; `value wrong`: share of the automatically matched money that stands in wrong pairs.

Goals: no wrong automatic match in clean and typical, auto precision ≥ 99.9 elsewhere; coverage ≥ 99.9 clean, ≥ 97 typical;
reasons right ≥ 95; suggestion right ≥ 80; calibration error ≤ 1.";

#[derive(Debug, Default, Clone)]
pub struct Figures {
    pub edges: usize,
    pub automatic: usize,
    pub wrong: usize,
    /// True pairs matched automatically.
    pub covered: usize,
    pub suggested: usize,
    pub suggested_right: usize,
    pub offered: usize,
    pub hit_1: usize,
    pub hit_3: usize,
    pub alone: usize,
    pub abstained: usize,
    pub reasons: usize,
    pub reasons_right: usize,
    /// Expected calibration error, ten-thousandths.
    pub calibration_bp: u64,
    /// Ten-thousandths of the value, weighted by currency with the number of its pairs.
    pub value_wrong_bp: u64,
}

/// `part` of `whole` in percent with two digits; `–` of nothing.
pub fn percent(part: usize, whole: usize) -> String {
    super::table::ratio(part as u128 * 100, whole as u128)
}

impl Figures {
    pub fn row(&self, name: &str, orders: u32) -> Vec<String> {
        let both = self.automatic + self.suggested;
        let right = self.automatic - self.wrong + self.suggested_right;
        vec![
            name.to_owned(),
            orders.to_string(),
            self.edges.to_string(),
            self.wrong.to_string(),
            percent(self.automatic - self.wrong, self.automatic),
            percent(self.covered, self.edges),
            percent(right, both),
            percent(right, self.edges),
            percent(2 * right, both + self.edges),
            self.suggested.to_string(),
            percent(self.suggested_right, self.suggested),
            percent(self.hit_1, self.offered),
            percent(self.hit_3, self.offered),
            percent(self.abstained, self.alone),
            percent(self.reasons_right, self.reasons),
            super::table::ratio(u128::from(self.calibration_bp), 100),
            super::table::ratio(u128::from(self.value_wrong_bp), 100),
        ]
    }
}

/// Observations of one range of confidences.
#[derive(Default)]
struct Bucket {
    matches: u64,
    right: u64,
    confidence_bp: u64,
}

/// The figures, and what is wrong in words.
pub fn judge(found: &[Found], exceptions: &[Exception], truth: &Truth) -> (Figures, Vec<String>) {
    let mut figures = Figures { edges: truth.edges, alone: truth.alone.len(), ..Figures::default() };
    let mut examples = Vec::new();
    let mut buckets: BTreeMap<u32, Bucket> = BTreeMap::new();
    let mut values: BTreeMap<&str, (u64, i128, i128)> = BTreeMap::new();
    let mut members: HashSet<&str> = HashSet::new();
    let mut offers: HashMap<&str, Vec<&str>> = HashMap::new();
    for one in found {
        let edges = one.edges(truth);
        let right = edges.iter().filter(|(.., right)| *right).count();
        let bucket = buckets.entry(one.confidence_bp / 200).or_default();
        bucket.matches += 1;
        bucket.right += u64::from(right == edges.len());
        bucket.confidence_bp += u64::from(one.confidence_bp);
        members.extend(one.sources.iter().chain(&one.targets).map(String::as_str));
        if one.automatic {
            figures.automatic += edges.len();
            figures.wrong += edges.len() - right;
            figures.covered += right;
            let value = values.entry(&one.currency).or_default();
            let amount = i128::from(one.amount_minor).abs();
            *value = (value.0 + 1, value.1 + amount, value.2 + if right == edges.len() { 0 } else { amount });
        } else {
            figures.suggested += edges.len();
            figures.suggested_right += right;
            for (source, target) in one.sources.iter().zip(&one.targets) {
                offers.entry(source).or_default().push(target);
            }
        }
        for (source, target, _) in edges.iter().filter(|(.., right)| !right && one.automatic) {
            let partners =
                truth.targets_of.get(source).map(|set| format!("{set:?}")).unwrap_or_else(|| "nobody".to_owned());
            examples.push(format!("{} joins {source} with {target}; its partner is {partners}", one.rule));
        }
    }
    let mut open = HashSet::new();
    for exception in exceptions.iter().filter(|exception| exception.class == ExceptionClass::Missing) {
        open.insert(exception.record_id.as_str());
        let candidates = exception.candidates.iter().map(|candidate| candidate.record_id.as_str());
        offers.entry(&exception.record_id).or_default().extend(candidates);
        if let Some(expected) = truth.reasons.get(&exception.record_id) {
            figures.reasons += 1;
            if *expected == exception.reason {
                figures.reasons_right += 1;
            } else {
                examples.push(format!("{} is {} and should be {expected}", exception.record_id, exception.reason));
            }
        }
    }
    figures.abstained = truth.alone.iter().filter(|id| open.contains(id.as_str())).count();
    hits(&mut figures, &offers, truth);
    let all: u64 = buckets.values().map(|bucket| bucket.matches).sum();
    let error: u64 = buckets.values().map(|bucket| (bucket.right * 10_000).abs_diff(bucket.confidence_bp)).sum();
    figures.calibration_bp = error.checked_div(all).unwrap_or(0);
    let pairs: u64 = values.values().map(|value| value.0).sum();
    let weighted: u128 = values
        .values()
        .map(|(count, sum, wrong)| u128::from(*count) * (wrong * 10_000).checked_div(*sum).unwrap_or(0).unsigned_abs())
        .sum();
    figures.value_wrong_bp = u64::try_from(weighted.checked_div(u128::from(pairs)).unwrap_or(0)).unwrap_or(u64::MAX);
    (figures, examples)
}

/// Records with a partner, whichever side they stand on, and whether it is among the first proposals.
fn hits(figures: &mut Figures, offers: &HashMap<&str, Vec<&str>>, truth: &Truth) {
    for (record, offered) in offers.iter().filter(|(_, offered)| !offered.is_empty()) {
        let fits = |other: &&str| truth.right(record, other) || truth.right(other, record);
        if !truth.targets_of.contains_key(*record) && !truth.sources_of.contains_key(*record) {
            continue;
        }
        figures.offered += 1;
        figures.hit_1 += usize::from(offered.first().is_some_and(fits));
        figures.hit_3 += usize::from(offered.iter().take(3).any(fits));
    }
}
