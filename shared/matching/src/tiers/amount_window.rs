//! Tier 5: the same currency and amount within a few days, for what carries no usable reference. Uniqueness alone is
//! right too seldom where partners may be missing, so a second sign is asked for, or minutes instead of days.

use super::same_key_group::identical;
use crate::{
    board::{Accepted, Board, Details, field},
    evidence::{Agreement, Conflict, agreement, conflict, parents_differ, score},
    reason::Reason,
    rule::Rule,
    table::{Class, DAY_MS, HOUR_MS, Ix, MINUTE_MS, SETTLE_LAG_MS},
};
use std::collections::BTreeMap;

/// Above this many pairs in one amount only records with a sign in common are compared.
const MAX_PAIRS: usize = 16_384;

#[derive(Debug, Clone, Copy)]
struct Edge {
    source: Ix,
    target: Ix,
    found: Agreement,
    conflict: Conflict,
}

impl Edge {
    fn is_viable(&self) -> bool {
        self.found.against == 0 && self.conflict != Conflict::Real
    }
}

pub(crate) fn apply(board: &mut Board<'_>, class: Class) {
    let table = board.table;
    let open = table.by_bucket(board.open().filter(|at| table.row(*at).class == class));
    for open in open.chunk_by(|one, next| table.one_bucket(*one, *next)) {
        let (sources, targets) = open.split_at(open.partition_point(|at| *at < table.sources));
        if sources.is_empty() || targets.is_empty() {
            continue;
        }
        let crowded = sources.len().saturating_mul(targets.len()) > MAX_PAIRS;
        let edges = if crowded { signed_edges(board, sources, targets) } else { all_edges(board, sources, targets) };
        agreeing(board, &edges);
        let rest: Vec<Edge> = edges
            .into_iter()
            .filter(|edge| edge.is_viable() && board.is_open(edge.source) && board.is_open(edge.target))
            .filter(|edge| !table.row(edge.source).evidence() && !table.row(edge.target).evidence())
            .collect();
        let (sources, targets) = (board.open_among(sources), board.open_among(targets));
        if crowded {
            clusters(board, &sources, &targets);
        } else {
            lonely(board, &rest);
            several(board, &rest);
        }
    }
}

/// Pairs within reach, by sliding over the targets in order of time.
fn all_edges(board: &Board<'_>, sources: &[Ix], targets: &[Ix]) -> Vec<Edge> {
    let table = board.table;
    let reach = i64::from(board.rules.amount_days) * DAY_MS;
    let mut edges = Vec::new();
    for source in sources {
        let earliest = table.row(*source).at - reach - SETTLE_LAG_MS;
        let start = targets.partition_point(|target| table.row(*target).at < earliest);
        for target in targets.iter().skip(start) {
            if table.row(*target).at > table.settled_at(*source) + reach + SETTLE_LAG_MS {
                break;
            }
            edges.extend(edge(board, *source, *target, reach));
        }
    }
    edges
}

/// Pairs within reach that have an e-mail, card or name in common, where few enough share it.
fn signed_edges(board: &Board<'_>, sources: &[Ix], targets: &[Ix]) -> Vec<Edge> {
    let table = board.table;
    let reach = i64::from(board.rules.amount_days) * DAY_MS;
    let mut by_sign: BTreeMap<u32, (Vec<Ix>, Vec<Ix>)> = BTreeMap::new();
    for at in sources.iter().chain(targets) {
        let row = table.row(*at);
        for sign in table.signs.person(*at).into_iter().filter(|sign| table.telling(*sign)) {
            let place = by_sign.entry(sign).or_default();
            if row.target { place.1.push(*at) } else { place.0.push(*at) }
        }
    }
    let mut pairs: Vec<(Ix, Ix)> = Vec::new();
    for (sources, targets) in by_sign.values() {
        if sources.len().saturating_mul(targets.len()) <= MAX_PAIRS {
            pairs.extend(sources.iter().flat_map(|source| targets.iter().map(|target| (*source, *target))));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs.into_iter().filter_map(|(source, target)| edge(board, source, target, reach)).collect()
}

fn edge(board: &Board<'_>, source: Ix, target: Ix, reach: i64) -> Option<Edge> {
    let table = board.table;
    let apart = !table.is_within(source, target, reach);
    // What is known of the time outside the pad is not complete enough to say that something is unique.
    let unlike = table.row(source).evidence() != table.row(target).evidence();
    if apart || unlike || parents_differ(board, source, target) {
        return None;
    }
    let found = agreement(table, source, target);
    Some(Edge { source, target, found, conflict: conflict(board, source, target) })
}

/// Pairs with a sign of agreement that neither side shares with anybody else of this amount.
fn agreeing(board: &mut Board<'_>, edges: &[Edge]) {
    let signed: Vec<Edge> = edges.iter().copied().filter(|edge| edge.found.for_it()).collect();
    for edge in mutual(&signed) {
        if edge.found.against > 0 {
            continue;
        }
        let believed = edge.found.outweighs(edge.conflict);
        let rule = if believed { Rule::AmountAgreement } else { Rule::SuggestAgreement };
        let own = score(board.table, edge.source, edge.target);
        let margin = best_other(board, edges, edge).map(|other| own - other);
        let pair = Accepted::pair(edge.source, edge.target, rule, edge.found.fields | field::AMOUNT)
            .with(Details { margin, ..Details::default() });
        if believed {
            board.accept(pair);
        } else {
            board.propose(pair, own);
            board.hint(edge.source, Reason::ReferenceConflict, edge.target, 1);
            board.hint(edge.target, Reason::ReferenceConflict, edge.source, 1);
        }
    }
}

/// Best score among the other viable pairs of the two, in thousandths of agreement.
fn best_other(board: &Board<'_>, edges: &[Edge], of: Edge) -> Option<i64> {
    edges
        .iter()
        .filter(|edge| (edge.source == of.source) != (edge.target == of.target))
        .filter(|edge| edge.is_viable() && board.is_open(edge.source) && board.is_open(edge.target))
        .map(|edge| score(board.table, edge.source, edge.target))
        .max()
}

/// Edges that are the only one of both their ends.
fn mutual(edges: &[Edge]) -> Vec<Edge> {
    let mut ends: Vec<Ix> = edges.iter().flat_map(|edge| [edge.source, edge.target]).collect();
    ends.sort_unstable();
    let only = |at: Ix| {
        let first = ends.partition_point(|end| *end < at);
        ends.get(first) == Some(&at) && ends.get(first + 1) != Some(&at)
    };
    edges.iter().copied().filter(|edge| only(edge.source) && only(edge.target)).collect()
}

/// Mutually unique without a sign: taken when minutes apart and unique for a day, otherwise suggested.
fn lonely(board: &mut Board<'_>, edges: &[Edge]) {
    let table = board.table;
    let near = i64::from(board.rules.instant_minutes) * MINUTE_MS;
    for edge in mutual(edges) {
        let (a, b) = (table.row(edge.source), table.row(edge.target));
        let instants = !a.whole_day() && !b.whole_day() && (a.at - b.at).abs() <= near;
        let alone = is_alone(board, edge.source) && is_alone(board, edge.target);
        let sure = instants && alone && edge.conflict == Conflict::None && !edge.found.for_it();
        let rule = if sure { Rule::AmountInstant } else { Rule::SuggestAmount };
        let pair = Accepted::pair(edge.source, edge.target, rule, edge.found.fields | field::AMOUNT | field::DATE);
        if sure {
            board.accept(pair);
        } else {
            let score = score(table, edge.source, edge.target);
            board.propose(pair, score);
        }
    }
}

/// No other record of its side has this amount within the hours that the rules ask for, matched or not.
fn is_alone(board: &Board<'_>, at: Ix) -> bool {
    let table = board.table;
    let row = table.row(at);
    let Some(bucket) = table.bucket(at) else { return false };
    let side = if row.target { table.targets_of(bucket) } else { table.sources_of(bucket) };
    let reach = i64::from(board.rules.unique_hours) * HOUR_MS;
    let start = side.partition_point(|other| table.row(*other).at < row.at - reach);
    let end = side.partition_point(|other| table.row(*other).at <= row.at + reach);
    end - start == 1
}

/// Groups in which somebody has more than one possible partner.
fn several(board: &mut Board<'_>, edges: &[Edge]) {
    let edges: Vec<Edge> =
        edges.iter().copied().filter(|edge| board.is_open(edge.source) && board.is_open(edge.target)).collect();
    for group in connected(&edges) {
        let mut sources: Vec<Ix> = group.iter().map(|edge| edge.source).collect();
        let mut targets: Vec<Ix> = group.iter().map(|edge| edge.target).collect();
        for side in [&mut sources, &mut targets] {
            side.sort_unstable();
            side.dedup();
        }
        if sources.len() + targets.len() <= 2 {
            continue;
        }
        let complete = group.len() == sources.len() * targets.len();
        let plain = group.iter().all(|edge| edge.conflict == Conflict::None);
        if complete && plain {
            identical(board, &sources, &targets, 0);
        }
        best_of_both(board, &group);
    }
}

/// Suggests pairs that both ends rank first without a tie; the others stay a question.
fn best_of_both(board: &mut Board<'_>, group: &[Edge]) {
    let scored: Vec<(i64, Edge)> = group
        .iter()
        .filter(|edge| board.is_open(edge.source) && board.is_open(edge.target))
        .map(|edge| (score(board.table, edge.source, edge.target), *edge))
        .collect();
    let mut best: BTreeMap<Ix, (i64, i64, usize)> = BTreeMap::new();
    for (score, edge) in &scored {
        for at in [edge.source, edge.target] {
            let (first, second, count) = best.entry(at).or_insert((-1, -1, 0));
            *count += 1;
            if score > first {
                (*first, *second) = (*score, *first);
            } else if score > second {
                *second = *score;
            }
        }
    }
    for (score, edge) in &scored {
        let (Some(a), Some(b)) = (best.get(&edge.source), best.get(&edge.target)) else { continue };
        board.hint(edge.source, Reason::Ambiguous, edge.target, a.2);
        board.hint(edge.target, Reason::Ambiguous, edge.source, b.2);
        if *score == a.0 && *score == b.0 && a.0 > a.1 && b.0 > b.1 {
            let fields = edge.found.fields | field::AMOUNT;
            let margin = Some(score - a.1.max(b.1).max(0));
            let pair = Accepted::pair(edge.source, edge.target, Rule::SuggestBest, fields);
            board.propose(pair.with(Details { margin, ..Details::default() }), *score);
        }
    }
}

fn connected(edges: &[Edge]) -> Vec<Vec<Edge>> {
    let mut group_of: BTreeMap<Ix, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<Edge>> = Vec::new();
    for edge in edges {
        let (a, b) = (group_of.get(&edge.source).copied(), group_of.get(&edge.target).copied());
        let home = match (a, b) {
            (None, None) => {
                groups.push(Vec::new());
                groups.len() - 1
            }
            (Some(group), None) | (None, Some(group)) => group,
            (Some(a), Some(b)) if a == b => a,
            (Some(a), Some(b)) => {
                // The smaller group moves, so that joining stays near-linear.
                let (from, to) = if groups[a].len() < groups[b].len() { (a, b) } else { (b, a) };
                let moved = std::mem::take(&mut groups[from]);
                for edge in &moved {
                    group_of.insert(edge.source, to);
                    group_of.insert(edge.target, to);
                }
                groups[to].extend(moved);
                to
            }
        };
        group_of.insert(edge.source, home);
        group_of.insert(edge.target, home);
        groups[home].push(*edge);
    }
    groups.retain(|group| !group.is_empty());
    for group in &mut groups {
        group.sort_unstable_by_key(|edge| (edge.source, edge.target));
    }
    groups.sort_unstable_by_key(|group| group.first().map(|edge| (edge.source, edge.target)));
    groups
}

/// A crowd of one amount: stretches of time with gaps between them are judged as wholes.
fn clusters(board: &mut Board<'_>, sources: &[Ix], targets: &[Ix]) {
    let table = board.table;
    let reach = i64::from(board.rules.amount_days) * DAY_MS;
    let mut all: Vec<Ix> = sources.iter().chain(targets).copied().filter(|at| !table.row(*at).evidence()).collect();
    all.sort_unstable_by_key(|at| (table.row(*at).at, *at));
    for group in all.chunk_by(|a, b| table.row(*b).at - table.row(*a).at <= reach) {
        let (targets, sources): (Vec<Ix>, Vec<Ix>) = group.iter().copied().partition(|at| table.row(*at).target);
        let plain = sources
            .first()
            .zip(targets.first())
            .is_some_and(|(source, target)| conflict(board, *source, *target) == Conflict::None);
        if plain {
            identical(board, &sources, &targets, 0);
        }
        for at in group.iter().copied().filter(|_| !sources.is_empty() && !targets.is_empty()) {
            let (others, other) =
                if table.row(at).target { (sources.len(), sources[0]) } else { (targets.len(), targets[0]) };
            if board.is_open(at) {
                board.hint(at, Reason::CrowdedBucket, other, others);
            }
        }
    }
}
