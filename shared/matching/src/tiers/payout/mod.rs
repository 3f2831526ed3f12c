//! Tier 7: one deposit for many movements. Where the provider says what is in a payout, that is looked up; otherwise a
//! sum is searched for, and believed only where chance would hardly produce one. Either way a person decides.

mod subset_sum;

use crate::{
    board::{Accepted, Board, Details, field},
    reason::Reason,
    rule::Rule,
    table::{Class, DAY_MS, Ix, NONE, Table, normalised},
};
use domain::{matches::MatchKind, summary::Difference};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};
use subset_sum::{Found, chance_bp, search};

/// Records that are passed over at once where each is too large to be part of a deposit.
const CHUNK: usize = 256;

pub(crate) fn apply(board: &mut Board<'_>) {
    given(board);
    summed(board);
}

/// Deposits that name a payout whose members stand on the other side.
fn given(board: &mut Board<'_>) {
    let table = board.table;
    let group = |at: Ix| table.record(at).texts().group.map(normalised).filter(|group| !group.is_empty());
    let counts = |at: &Ix| table.in_scope(*at) && !table.row(*at).evidence();
    let open: BTreeSet<(bool, Cow<'_, str>)> =
        board.open().filter(counts).filter_map(|at| group(at).map(|group| (table.row(at).target, group))).collect();
    if open.is_empty() {
        return;
    }
    let named = |at: Ix| {
        let other_side = !table.row(at).target;
        let mut names = table.record(at).texts().refs.map(|reference| (other_side, normalised(reference.value)));
        names.find(|key| open.contains(key))
    };
    let deposits: Vec<(Ix, (bool, Cow<'_, str>))> =
        board.open().filter(counts).filter_map(|at| named(at).map(|key| (at, key))).collect();
    // Members that are matched already belong to the payout too: it is whole or it is not.
    let mut groups: BTreeMap<(bool, Cow<'_, str>), Vec<Ix>> =
        deposits.iter().map(|(_, key)| (key.clone(), Vec::new())).collect();
    for at in table.positions().filter(counts) {
        if let Some(members) = group(at).and_then(|group| groups.get_mut(&(table.row(at).target, group))) {
            members.push(at);
        }
    }
    let mut proposals: Vec<(Accepted, i64)> = Vec::new();
    let mut hints: Vec<(Ix, Reason, Ix)> = Vec::new();
    for (deposit, key) in &deposits {
        let (deposit, Some(members)) = (*deposit, groups.get(key)) else { continue };
        let row = table.row(deposit);
        // A member that is matched already was paid for there, not here.
        let whole = members.iter().all(|at| board.is_open(*at) && table.row(*at).currency == row.currency);
        if !whole {
            continue;
        }
        let gross: i64 = members.iter().map(|at| table.row(*at).amount).sum();
        let net: i64 = members.iter().map(|at| table.record(*at).net_minor().unwrap_or(table.row(*at).amount)).sum();
        // `difference` is target less source: which of the two sums is the target depends on the side.
        let gap = if row.target { row.amount - gross } else { gross - row.amount };
        let difference = match row.amount {
            amount if amount == gross => Difference::default(),
            amount if amount == net => Difference { fee: gap, ..Difference::default() },
            amount => {
                let (paid, asked) = if row.target { (amount, net) } else { (net, amount) };
                let reason = if paid.abs() > asked.abs() { Reason::AmountOver } else { Reason::AmountUnder };
                hints.push((deposit, reason, members.first().copied().unwrap_or(NONE)));
                continue;
            }
        };
        let group = deposited(board, deposit, members, Rule::SuggestPayout, field::REFERENCE | field::AMOUNT);
        let group = group.with(Details { difference, ..Details::default() });
        proposals.push((group, i64::from(Rule::SuggestPayout.confidence_bp()) / 10));
    }
    for (group, score) in proposals {
        board.propose(group, score);
    }
    for (at, reason, other) in hints {
        board.hint(at, reason, other, 1);
    }
}

/// Deposits that are the sum of others, where nobody says of which.
fn summed(board: &mut Board<'_>) {
    let table = board.table;
    let payouts = board.rules.payouts;
    let proposed: BTreeSet<Ix> = board.proposals.iter().flat_map(|proposal| proposal.accepted.members()).collect();
    let mut lists: BTreeMap<(Class, u16, bool, bool), Vec<Ix>> = BTreeMap::new();
    let free = |at: &Ix| !table.row(*at).evidence() && !proposed.contains(at);
    for at in board.open().filter(free) {
        let row = table.row(at);
        lists.entry((row.class, row.currency, row.amount < 0, row.target)).or_default().push(at);
    }
    for ((class, currency, negative, target), deposits) in &lists {
        // Positions of one side are in order of time.
        let Some(others) = lists.get(&(*class, *currency, *negative, !*target)) else { continue };
        let least = least_of_chunks(table, others);
        for deposit in deposits {
            let row = table.row(*deposit);
            let from = row.at - i64::from(payouts.days_after) * DAY_MS;
            let to = row.at + i64::from(payouts.days_before) * DAY_MS;
            let start = others.partition_point(|other| table.row(*other).at < from);
            let end = others.partition_point(|other| table.row(*other).at <= to);
            let whole = row.amount.unsigned_abs();
            let candidates: Vec<(u64, Ix)> = (start / CHUNK..=end / CHUNK)
                .filter(|chunk| least.get(*chunk).is_some_and(|least| *least < whole))
                .flat_map(|chunk| (chunk * CHUNK).max(start)..((chunk + 1) * CHUNK).min(end))
                .filter_map(|place| others.get(place))
                .map(|other| (table.row(*other).amount.unsigned_abs(), *other))
                .filter(|(amount, _)| *amount < whole)
                .take(usize::from(payouts.max_candidates) + 1)
                .collect();
            if candidates.len() < 2 || candidates.len() > usize::from(payouts.max_candidates) {
                continue;
            }
            let chance = chance_bp(candidates.len(), usize::from(payouts.max_members), whole);
            if chance > u64::from(payouts.max_chance_bp) {
                continue;
            }
            match search(whole, &candidates, usize::from(payouts.max_members), payouts.max_steps) {
                Found::One(members) => {
                    let group =
                        deposited(board, *deposit, &members, Rule::SuggestDecomposition, field::AMOUNT | field::DATE);
                    let certain =
                        10_000_u64.saturating_sub(chance).min(u64::from(Rule::SuggestDecomposition.confidence_bp()));
                    let details = Details { confidence_bp: u16::try_from(certain).ok(), ..Details::default() };
                    board.propose(group.with(details), i64::from(group_score(certain)));
                }
                Found::Several(first) => {
                    let other = first.first().copied().unwrap_or(NONE);
                    board.hint(*deposit, Reason::AmbiguousDecomposition, other, 2);
                }
                Found::TooMuchWork => board.hint(*deposit, Reason::BudgetExceeded, NONE, candidates.len()),
                Found::None => {}
            }
        }
    }
}

/// The smallest amount of every chunk, so that days full of larger ones are passed over.
fn least_of_chunks(table: &Table<'_>, all: &[Ix]) -> Vec<u64> {
    let least = |chunk: &[Ix]| chunk.iter().map(|at| table.row(*at).amount.unsigned_abs()).min().unwrap_or(u64::MAX);
    all.chunks(CHUNK).map(least).collect()
}

fn group_score(confidence_bp: u64) -> u16 {
    u16::try_from(confidence_bp / 10).unwrap_or(1_000)
}

fn deposited(board: &Board<'_>, deposit: Ix, members: &[Ix], rule: Rule, fields: u16) -> Accepted {
    let (one, many) = (vec![deposit], members.to_vec());
    if board.table.row(deposit).target {
        Accepted::many(MatchKind::Group, many, one, rule, fields)
    } else {
        Accepted::many(MatchKind::Group, one, many, rule, fields)
    }
}
